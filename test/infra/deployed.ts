/**
 * A synthesized template, deployed onto the local services: its resources under the names that it gives them, its
 * functions and its container as processes with the variables that it gives them, wired as it wires them, each behind a
 * proxy that allows what its role allows.
 *
 * Nothing is taken from the code that made the template. What is different from AWS: where the services are
 * (`AWS_ENDPOINT_URL`), what Lambda and ECS set themselves (region, credentials), and what stands in `changes` and
 * `additions`.
 */

import { type ChildProcess, spawn } from "node:child_process";
import { mkdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { SNSClient } from "@aws-sdk/client-sns";
import type { SQSBatchResponse } from "aws-lambda";
import { makeDynamoDb, makeS3, makeSes, makeSqs } from "../../lib/aws/clients.ts";
import { provision } from "../../lib/aws/provision.ts";
import { provisionWebhooks } from "../../lib/aws/provision-webhooks.ts";
import { type QueueWorker, startQueueWorker } from "../../lib/local/queue-worker.ts";
import { type FunctionProcess, startFunction } from "../support/function-process.ts";
import { type AskedRight, type PermissionProxy, startPermissionProxy } from "../support/permission-proxy.ts";
import { type Json, type JsonObject, list, object } from "./cdk-json.ts";
import { type Grant, grants } from "./grants.ts";
import { type Resource, render, type Synthesized } from "./synthesized.ts";

const REGION = "us-east-1";
const ACCOUNT = "000000000000";

/** The folder of the cloud assembly, and what to replace. */
export interface DeployOptions {
  readonly outdir: string;
  /** Where the local services are. */
  readonly endpoint: string;
  /** A folder that the container may write to. */
  readonly temporaryDir: string;
  /** Variables of functions and container by their names; a text that stands in the template to what it is here. */
  readonly changes: Readonly<Record<string, string>>;
  /** Variables that the template does not give, by the logical id of the function. */
  readonly additions: Readonly<Record<string, Readonly<Record<string, string>>>>;
}

/** The names of everything on the local services. */
export class LocalNames {
  readonly #synthesized: Synthesized;
  readonly #endpoint: string;

  constructor(synthesized: Synthesized, endpoint: string) {
    this.#synthesized = synthesized;
    this.#endpoint = endpoint;
  }

  /** A text of the template with its references filled in. Throws on one that has no counterpart here. */
  resolve(value: Json | undefined): string {
    return render(value)
      .replaceAll(/\$\{AWS::(\w+)\}/g, (_, name: string) => this.#pseudo(name))
      .replaceAll(/<AWS::(\w+)>/g, (_, name: string) => this.#pseudo(name))
      .replaceAll(/<(\w+)(?:\.(\w+))?>/g, (_, id: string, attribute?: string) => this.#reference(id, attribute));
  }

  /** The resource that a reference names. */
  resource(value: Json | undefined): Resource {
    return this.#synthesized.only(render(value).replace(/^<(\w+)(?:\.\w+)?>$/, "$1"));
  }

  /** The name that the template gives a resource. */
  nameOf({ id, type, properties }: Resource): string {
    const property = {
      "AWS::DynamoDB::Table": "TableName",
      "AWS::S3::Bucket": "BucketName",
      "AWS::SES::ConfigurationSet": "Name",
      "AWS::SNS::Topic": "TopicName",
      "AWS::SQS::Queue": "QueueName",
      "AWS::Logs::LogGroup": "LogGroupName",
    }[type];
    if (property === undefined) throw new Error(`${id} (${type}) is not on the local services`);
    return this.resolve(properties[property]);
  }

  #pseudo(name: string): string {
    const value = { Region: REGION, AccountId: ACCOUNT, Partition: "aws", URLSuffix: "amazonaws.com" }[name];
    if (value === undefined) throw new Error(`AWS::${name} has no counterpart here`);
    return value;
  }

  #reference(id: string, attribute: string | undefined): string {
    const resource = this.#synthesized.only(id);
    // Named by CloudFormation, and asked for by nothing that runs here.
    if (resource.type === "AWS::ECS::Service") return id;
    const name = this.nameOf(resource);
    if (attribute === undefined && resource.type === "AWS::SQS::Queue") return `${this.#endpoint}/${ACCOUNT}/${name}`;
    if (attribute === undefined && resource.type !== "AWS::SNS::Topic") return name;
    if (attribute !== undefined && attribute !== "Arn") throw new Error(`${id}.${attribute} has no counterpart here`);
    switch (resource.type) {
      case "AWS::DynamoDB::Table":
        return `arn:aws:dynamodb:${REGION}:${ACCOUNT}:table/${name}`;
      case "AWS::S3::Bucket":
        return `arn:aws:s3:::${name}`;
      case "AWS::SNS::Topic":
        return `arn:aws:sns:${REGION}:${ACCOUNT}:${name}`;
      case "AWS::Logs::LogGroup":
        return `arn:aws:logs:${REGION}:${ACCOUNT}:log-group:${name}:*`;
      default:
        return `arn:aws:sqs:${REGION}:${ACCOUNT}:${name}`;
    }
  }
}

/** Everything that runs, and what the permissions of each part were asked for. */
export class Deployed {
  readonly names: LocalNames;
  /** Proxies by the logical id of function or task definition. */
  readonly proxies = new Map<string, PermissionProxy>();
  readonly functions = new Map<string, FunctionProcess>();
  readonly #synthesized: Synthesized;
  readonly #options: DeployOptions;
  readonly #workers: QueueWorker[] = [];
  #container: ChildProcess | undefined;

  constructor(synthesized: Synthesized, options: DeployOptions) {
    this.#synthesized = synthesized;
    this.#options = options;
    this.names = new LocalNames(synthesized, options.endpoint);
  }

  /** Makes buckets, tables, queues, topic and configuration set, found by following the template's own wiring. */
  async provision(): Promise<void> {
    const { names } = this;
    const bucket = this.#synthesized.only("AWS::S3::Bucket");
    const [told] = list(object(bucket.properties["NotificationConfiguration"])["QueueConfigurations"]).map(object);
    const forward = names.resource(told?.["Queue"]);
    const destination = this.#synthesized.only("AWS::SES::ConfigurationSetEventDestination").properties;
    const sns = object(object(destination["EventDestination"])["SnsDestination"]);
    const topic = names.resource(sns["TopicARN"]);
    const subscription = this.#synthesized
      .ofType("AWS::SNS::Subscription")
      .find(({ properties }) => render(properties["TopicArn"]) === render(sns["TopicARN"]));
    const feedback = names.resource(subscription?.properties["Endpoint"]);
    const name = (resource: Resource): string => names.nameOf(resource);
    const clients = { s3: makeS3(), sqs: makeSqs(), sns: new SNSClient(), dynamodb: makeDynamoDb(), ses: makeSes() };
    await provision(clients, {
      spoolBucket: name(bucket),
      forwardQueue: name(forward),
      forwardDlq: name(this.#deadLettersOf(forward)),
      feedbackQueue: name(feedback),
      feedbackDlq: name(this.#deadLettersOf(feedback)),
      feedbackTopic: name(topic),
      // Which of the tables is which stands in their keys, and those are compared in storage.test.ts.
      ledgerTable: name(this.#synthesized.only("LedgerTable")),
      directoryTable: name(this.#synthesized.only("DirectoryTable")),
      configurationSet: name(names.resource(destination["ConfigurationSetName"])),
    });
    for (const client of Object.values(clients)) client.destroy();
    const webhook = this.#synthesized.ofType("AWS::SQS::Queue").find(({ id }) => id === "WebhookQueue");
    if (webhook !== undefined) {
      await provisionWebhooks({ queue: name(webhook), dlq: name(this.#deadLettersOf(webhook)) });
    }
  }

  /** Starts each function, and feeds it from the queue that is mapped to it. */
  async startFunctions(): Promise<void> {
    for (const resource of this.#synthesized.ofType("AWS::Lambda::Function")) {
      const { id, properties } = resource;
      const proxy = await this.#proxyFor(id, properties["Role"]);
      const hash = this.names.resolve(object(properties["Code"])["S3Key"]).replace(/\.zip$/, "");
      this.functions.set(
        id,
        startFunction({
          folder: this.#asset("files", hash),
          handler: this.names.resolve(properties["Handler"]),
          variables: {
            ...this.#variables(object(object(properties["Environment"])["Variables"])),
            ...this.#options.additions[id],
            ...lambdaVariables(proxy.endpoint),
          },
          timeoutSeconds: Number(properties["Timeout"]),
        }),
      );
    }
    for (const { properties } of this.#synthesized.ofType("AWS::Lambda::EventSourceMapping")) {
      const { id, properties: of } = this.names.resource(properties["FunctionName"]);
      const queue = this.names.resource(properties["EventSourceArn"]);
      const worker = this.functions.get(id);
      if (worker === undefined) throw new Error(`${id} is not a function`);
      this.#workers.push(
        startQueueWorker({
          name: id,
          queue: { client: makeSqs(), url: this.names.resolve({ Ref: queue.id }) },
          handler: async (event) => (await worker.invoke(event)) as SQSBatchResponse,
          timeoutSeconds: Number(of["Timeout"]),
          concurrency: 1,
          log: () => undefined,
        }),
      );
    }
  }

  /** Invokes what the template's schedules start, once. */
  async runSchedules(): Promise<void> {
    for (const { properties } of this.#synthesized.ofType("AWS::Events::Rule")) {
      for (const target of list(properties["Targets"]).map(object)) {
        await this.functions.get(this.names.resource(target["Arn"]).id)?.invoke({});
      }
    }
  }

  /** Starts the container's program as its image does; resolves with its SMTP port. */
  async startContainer(): Promise<number> {
    const task = this.#synthesized.only("AWS::ECS::TaskDefinition");
    const [container] = list(task.properties["ContainerDefinitions"]).map(object);
    const proxy = await this.#proxyFor(task.id, task.properties["TaskRoleArn"]);
    const image = this.names.resolve(container?.["Image"]).split(":").at(-1) ?? "";
    const context = this.#asset("dockerImages", image);
    const [, program = ""] = /^CMD \["\/([^"]+)"\]$/m.exec(readFileSync(join(context, "Dockerfile"), "utf8")) ?? [];
    const given = list(container?.["Environment"]).map(object);
    const variables = Object.fromEntries(given.map((entry) => [render(entry["Name"]), entry["Value"] ?? null]));
    mkdirSync(this.#options.temporaryDir, { recursive: true });
    const child = spawn(process.execPath, [join(context, program)], {
      cwd: this.#options.temporaryDir,
      stdio: ["ignore", "pipe", "inherit"],
      env: { ...this.#variables(variables), ...lambdaVariables(proxy.endpoint) },
    });
    this.#container = child;
    for await (const line of createInterface({ input: child.stdout })) {
      const entry = object(JSON.parse(line));
      if (entry["event"] !== "edge-started") continue;
      child.stdout.resume();
      return Number(entry["smtpPort"]);
    }
    throw new Error("the container ended before it had started");
  }

  /** The JSON that the template publishes for the command line tool. */
  parameter(): string {
    return this.names.resolve(this.#synthesized.only("AWS::SSM::Parameter").properties["Value"]);
  }

  /** Logical id of the task definition. */
  get taskId(): string {
    return this.#synthesized.only("AWS::ECS::TaskDefinition").id;
  }

  /** Calls that a role did not allow, by part. */
  refused(): string[] {
    return [...this.proxies].flatMap(([id, { refused }]) => refused.map((right) => `${id}: ${right}`));
  }

  /** What the functions wrote, for a failure message. */
  output(): string {
    return [...this.functions].map(([id, { output }]) => `${id}:\n${output()}`).join("\n");
  }

  async stop(): Promise<void> {
    if (this.#container !== undefined && this.#container.exitCode === null) {
      const ended = new Promise((resolve) => this.#container?.once("exit", resolve));
      this.#container.kill();
      await ended;
    }
    await Promise.all(this.#workers.map((worker) => worker.stop()));
    await Promise.all([...this.functions.values()].map((each) => each.stop()));
    await Promise.all([...this.proxies.values()].map((proxy) => proxy.close()));
  }

  #deadLettersOf({ properties }: Resource): Resource {
    return this.names.resource(object(properties["RedrivePolicy"])["deadLetterTargetArn"]);
  }

  async #proxyFor(id: string, role: Json | undefined): Promise<PermissionProxy> {
    const given = grants(this.#synthesized, this.names.resource(role)).map((grant) => ({
      ...grant,
      // What is not on the local services (the log, the image) nobody here asks for.
      resource: this.#options.changes[grant.resource] ?? this.names.resolve(grant.resource),
    }));
    const proxy = await startPermissionProxy(this.#options.endpoint, (asked) =>
      given.some((grant) => covers(grant, asked)),
    );
    this.proxies.set(id, proxy);
    return proxy;
  }

  /** Exactly the variables of the template, filled in. */
  #variables(variables: JsonObject): Record<string, string> {
    const { changes } = this.#options;
    return Object.fromEntries(
      Object.entries(variables).map(([name, value]) => {
        const filled = this.names.resolve(value);
        return [name, changes[name] ?? changes[filled] ?? filled];
      }),
    );
  }

  /** The folder of an asset, from the manifest by which the CDK uploads it. */
  #asset(kind: "files" | "dockerImages", hash: string): string {
    const { outdir } = this.#options;
    const manifest: unknown = JSON.parse(readFileSync(join(outdir, `${this.#stackName()}.assets.json`), "utf8"));
    const asset = object(object(object(manifest)[kind])[hash]);
    const source = object(asset["source"]);
    return join(outdir, render(source[kind === "files" ? "path" : "directory"]));
  }

  #stackName(): string {
    return render(this.#synthesized.only("ConfigurationSet").properties["Name"]);
  }
}

/** What Lambda and ECS set themselves, as far as it is read here. */
function lambdaVariables(endpoint: string): Record<string, string> {
  return {
    AWS_REGION: REGION,
    AWS_ACCESS_KEY_ID: "local",
    AWS_SECRET_ACCESS_KEY: "local",
    AWS_EC2_METADATA_DISABLED: "true",
    AWS_ENDPOINT_URL: endpoint,
  };
}

/** `*` stands for any text, as in IAM. Throws on a condition that it does not know. */
function covers({ action, resource, condition }: Grant, asked: AskedRight): boolean {
  if (action !== asked.action) return false;
  if (!fits(resource, asked.resource)) return false;
  if (condition === "") return true;
  const [[operator, keys] = ["", null], ...others] = Object.entries(object(JSON.parse(condition)));
  const prefix = render(object(keys)["s3:prefix"]);
  if (operator !== "StringLikeIfExists" || others.length > 0 || prefix === "") throw new Error(`unknown: ${condition}`);
  return asked.prefix === undefined || fits(prefix, asked.prefix);
}

function fits(pattern: string, text: string): boolean {
  const escaped = pattern.replaceAll(/[.+?^$()[\]{}|\\]/g, "\\$&").replaceAll("*", ".*");
  return new RegExp(`^${escaped}$`).test(text);
}
