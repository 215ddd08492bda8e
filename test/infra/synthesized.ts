/**
 * Synthesizes an environment of cdk.json inside the test process and makes the template easy to ask.
 *
 * The code of functions and edge is a stand-in here, so that these tests say something about the topology alone and
 * take a second; that the real bundles fit in is tested in cdk-synth.test.ts.
 */

import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { App, Validations } from "aws-cdk-lib";
import { AwsSolutionsChecks } from "cdk-nag";
import { parseEnvironment } from "../../lib/config/environment.ts";
import type { RelayCode } from "../../lib/infra/bundle.ts";
import { resourceName } from "../../lib/infra/physical-names.ts";
import { RelayStack } from "../../lib/infra/relay-stack.ts";
import { cdkContext, type Json, type JsonObject, list, object, settingsOf } from "./cdk-json.ts";

export interface Resource {
  readonly id: string;
  readonly type: string;
  readonly properties: JsonObject;
  readonly deletionPolicy: Json;
  readonly updateReplacePolicy: Json;
}

export class Synthesized {
  readonly template: JsonObject;
  readonly resources: readonly Resource[];
  /** What the CDK would have to look up in the account. */
  readonly lookUps: readonly string[];
  /** How the images are built, from the asset manifest. */
  readonly imageSources: readonly JsonObject[];

  /** CloudFormation refuses to delete the stack. */
  readonly isTerminationProtected: boolean;

  constructor(
    template: JsonObject,
    lookUps: readonly string[],
    imageSources: readonly JsonObject[],
    isTerminationProtected: boolean,
  ) {
    this.template = template;
    this.lookUps = lookUps;
    this.imageSources = imageSources;
    this.isTerminationProtected = isTerminationProtected;
    this.resources = Object.entries(object(template["Resources"])).map(([id, value]) => {
      const resource = object(value);
      return {
        id,
        type: render(resource["Type"]),
        properties: object(resource["Properties"] ?? {}),
        deletionPolicy: resource["DeletionPolicy"] ?? null,
        updateReplacePolicy: resource["UpdateReplacePolicy"] ?? null,
      };
    });
  }

  ofType(type: string): Resource[] {
    return this.resources.filter((resource) => resource.type === type);
  }

  /** The one resource of its type, or with its logical id. Throws if there is not exactly one. */
  only(typeOrId: string): Resource {
    const found = this.resources.filter((resource) => resource.type === typeOrId || resource.id === typeOrId);
    const [first] = found;
    if (first === undefined || found.length > 1) throw new Error(`${typeOrId}: found ${found.length}`);
    return first;
  }
}

/** Synthesizes one environment, for an account that is known or not. Settings that are wrong throw. */
export function synthesize(name: string, changes: JsonObject = {}, account?: string): Synthesized {
  // The CDK's validation takes seconds to start; environments.test.ts asks for it once for all.
  const before = process.env["CDK_VALIDATION"];
  process.env["CDK_VALIDATION"] = "false";
  try {
    return synthesizeWith(name, changes, account, () => undefined);
  } finally {
    if (before === undefined) delete process.env["CDK_VALIDATION"];
    else process.env["CDK_VALIDATION"] = before;
  }
}

/** As `synthesize`, and a template that breaks CloudFormation's schema, the CDK's default rules or cdk-nag's throws. */
export function synthesizeValidated(name: string, changes: JsonObject = {}, account?: string): Synthesized {
  return synthesizeWith(name, changes, account, (app) => {
    Validations.of(app).addPlugins(new AwsSolutionsChecks(app));
  });
}

function synthesizeWith(
  name: string,
  changes: JsonObject,
  account: string | undefined,
  prepare: (app: App) => void,
): Synthesized {
  const dir = mkdtempSync(join(tmpdir(), "relayhost-synth-"));
  try {
    return synthesizeInto(join(dir, "out"), { name, changes, account, code: standInCode(join(dir, "code")) }, prepare);
  } finally {
    rmSync(dir, { recursive: true, force: true });
  }
}

/** What to synthesize: an environment of cdk.json with changes, for an account that is known or not, with its code. */
export interface Synthesis {
  readonly name: string;
  readonly changes: JsonObject;
  readonly account?: string | undefined;
  readonly code: RelayCode;
}

/** Writes the cloud assembly into `outdir`, code included, and leaves it there. */
export function synthesizeInto(
  outdir: string,
  { name, changes, account, code }: Synthesis,
  prepare: (app: App) => void = () => undefined,
): Synthesized {
  const parsed = parseEnvironment(name, settingsOf(name, changes));
  if ("problems" in parsed) throw new Error(parsed.problems.join("\n"));
  const app = new App({ context: { ...cdkContext }, outdir, autoSynth: false });
  const { environment } = parsed;
  const stack = new RelayStack(app, resourceName(name), {
    environment,
    code,
    env: { region: environment.region, ...(account === undefined ? {} : { account }) },
  });
  prepare(app);
  const assembly = app.synth();
  const artifact = assembly.getStackArtifact(stack.artifactId);
  const template: unknown = artifact.template;
  const lookUps = (assembly.manifest.missing ?? []).map(({ key }) => key);
  const assets = object(JSON.parse(readFileSync(join(outdir, `${stack.artifactId}.assets.json`), "utf8")));
  const images = Object.values(object(assets["dockerImages"])).map((image) => object(object(image)["source"]));
  return new Synthesized(
    object(JSON.parse(JSON.stringify(template))),
    lookUps,
    images,
    artifact.terminationProtection === true,
  );
}

/** A text for what a template says, intrinsic functions included: `<Spool.Arn>/spool/*`. */
export function render(value: Json | undefined): string {
  if (value === undefined || value === null) return "";
  if (typeof value !== "object") return String(value);
  if (Array.isArray(value)) return value.map(render).join(", ");
  const [[name, argument] = ["", ""]] = Object.entries(value);
  if (name === "Ref") return `<${render(argument)}>`;
  if (name === "Fn::GetAtt") return `<${list(argument).map(render).join(".")}>`;
  if (name === "Fn::Sub") return render(argument);
  if (name === "Fn::Join")
    return list(list(argument)[1])
      .map(render)
      .join(render(list(argument)[0]));
  return JSON.stringify(value);
}

function standInCode(dir: string): RelayCode {
  const folder = (name: string, file: string): string => {
    mkdirSync(join(dir, name), { recursive: true });
    writeFileSync(join(dir, name, file), "");
    return join(dir, name);
  };
  return {
    functions: {
      forward: folder("forward", "handler.mjs"),
      feedback: folder("feedback", "handler.mjs"),
      sweep: folder("sweep", "handler.mjs"),
      webhook: folder("webhook", "handler.mjs"),
      certificate: folder("certificate", "handler.mjs"),
      watch: folder("watch", "handler.mjs"),
      address: folder("address", "handler.mjs"),
    },
    edgeImage: folder("edge-image", "Dockerfile"),
  };
}
