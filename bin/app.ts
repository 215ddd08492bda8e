/**
 * CDK entry: `cdk synth -c env=<name>` makes the stack `relayhost-<name>` from its settings in cdk.json.
 *
 * Failure: settings that are wrong, or an environment nobody described, are printed all together and exit with 1
 * before anything is bundled or synthesized.
 */

import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { App, Validations } from "aws-cdk-lib";
import { AwsSolutionsChecks } from "cdk-nag";
import { parseEnvironment } from "../lib/config/environment.ts";
import { collisionProblems } from "../lib/config/environment-collisions.ts";
import { bundleRelay } from "../lib/infra/bundle.ts";
import { resourceName } from "../lib/infra/physical-names.ts";
import { RelayStack } from "../lib/infra/relay-stack.ts";

const app = new App({ autoSynth: false });
const environments: unknown = app.node.tryGetContext("environments");
const name: unknown = app.node.tryGetContext("env");
const known =
  typeof environments === "object" && environments !== null ? new Map(Object.entries(environments)) : new Map();

if (typeof name !== "string" || !known.has(name)) {
  refuse([
    `${typeof name === "string" ? `there is no environment ${JSON.stringify(name)}` : "no environment was named"}; ` +
      `give -c env=<name>, one of those in cdk.json: ${[...known.keys()].join(", ") || "none yet"}`,
  ]);
} else {
  const parsed = parseEnvironment(name, known.get(name));
  const collisions = collisionProblems(name, Object.fromEntries(known));
  if ("problems" in parsed) {
    refuse([...parsed.problems, ...collisions]);
  } else if (collisions.length > 0) {
    refuse(collisions);
  } else {
    const { environment } = parsed;
    const account = process.env["CDK_DEFAULT_ACCOUNT"];
    const bundles = await mkdtemp(join(tmpdir(), "relayhost-bundles-"));
    try {
      new RelayStack(app, resourceName(environment.name), {
        environment,
        code: await bundleRelay(bundles),
        env: { region: environment.region, ...(account === undefined ? {} : { account }) },
      });
      Validations.of(app).addPlugins(new AwsSolutionsChecks(app));
      app.synth();
    } finally {
      await rm(bundles, { recursive: true, force: true });
    }
  }
}

function refuse(problems: readonly string[]): void {
  process.stderr.write(`relayhost: cdk.json needs a change\n${problems.map((problem) => `  - ${problem}\n`).join("")}`);
  process.exitCode = 1;
}
