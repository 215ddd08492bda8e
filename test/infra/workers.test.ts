import { describe, expect, it } from "vitest";
import {
  readFeedbackConfig,
  readForwardConfig,
  readSweepConfig,
  readWatchConfig,
  readWebhookConfig,
} from "../../lib/config/function-config.ts";
import { LIMITS } from "../../lib/core/limits.ts";
import { ENV, runtimeParameterName } from "../../lib/core/names.ts";
import { environmentNames, list, object } from "./cdk-json.ts";
import { grants } from "./grants.ts";
import { type Resource, render, type Synthesized, synthesize } from "./synthesized.ts";

const prod = synthesize("prod");
const FUNCTIONS = ["ForwardFunction", "FeedbackFunction", "SweepFunction", "WatchFunction"];

/** The queue that feeds a function, and the mapping between them. */
function sourceOf(synthesized: Synthesized, functionId: string): { queue: Resource; mapping: Resource } {
  const mapping = synthesized
    .ofType("AWS::Lambda::EventSourceMapping")
    .find((resource) => render(resource.properties["FunctionName"]) === `<${functionId}>`);
  if (mapping === undefined) throw new Error(`nothing feeds ${functionId}`);
  const arn = render(mapping.properties["EventSourceArn"]);
  return { mapping, queue: synthesized.only(arn.replace(/^<(.*)\.Arn>$/, "$1")) };
}

/** The variables of a function, with a stand-in for what CloudFormation fills in. */
function variablesOf(synthesized: Synthesized, id: string): Record<string, string> {
  const variables = object(object(synthesized.only(id).properties["Environment"])["Variables"]);
  return Object.fromEntries(
    Object.entries(variables).map(([name, value]) => [
      name,
      render(value).replace(/^<(\w+Queue\w*)>$/, "https://sqs.us-east-1.amazonaws.com/123456789012/$1"),
    ]),
  );
}

describe("functions", () => {
  it("are the four of the relay, on Node.js 24 and arm64, and no helper of the CDK's", () => {
    const functions = prod.ofType("AWS::Lambda::Function");
    expect(functions.map((resource) => resource.id).sort()).toEqual([...FUNCTIONS].sort());
    for (const { id, properties } of functions) {
      expect(properties, id).toMatchObject({ Runtime: "nodejs24.x", Architectures: ["arm64"] });
      expect(properties["Handler"]).toBe("handler.handler");
    }
    expect(prod.resources.filter((resource) => resource.type.startsWith("Custom::"))).toEqual([]);
  });

  it.each([
    ["ForwardFunction", LIMITS.forward],
    ["FeedbackFunction", LIMITS.feedback],
    ["SweepFunction", LIMITS.sweep],
    ["WatchFunction", LIMITS.watch],
  ])("have the time and memory of the limits: %s", (id, { timeoutSeconds, memoryMiB }) => {
    expect(prod.only(id).properties).toMatchObject({ Timeout: timeoutSeconds, MemorySize: memoryMiB });
  });

  it.each(FUNCTIONS)("write a log of their own that is forgotten one day: %s", (id) => {
    const log = prod.only(`${id}Log`);
    expect(prod.only(id).properties["LoggingConfig"]).toEqual({ LogGroup: { Ref: log.id } });
    expect(log.properties["RetentionInDays"]).toBe(90);
  });

  it.each([
    ["ForwardFunction", "ForwardQueue", LIMITS.forward.batchSize, 10],
    ["FeedbackFunction", "FeedbackQueue", LIMITS.feedback.batchSize, 5],
  ])("say by message what failed, and run at most as often as the setting says: %s", (id, queueId, batch, most) => {
    const { queue, mapping } = sourceOf(prod, id);
    expect(queue.id).toBe(queueId);
    expect(mapping.properties).toMatchObject({
      BatchSize: batch,
      FunctionResponseTypes: ["ReportBatchItemFailures"],
      ScalingConfig: { MaximumConcurrency: most },
    });
  });

  it("share the account's rate among as many invocations of forward as may run at a time", () => {
    const { mapping } = sourceOf(prod, "ForwardFunction");
    const { concurrency } = readForwardConfig(variablesOf(prod, "ForwardFunction"));
    expect(mapping.properties["ScalingConfig"]).toEqual({ MaximumConcurrency: concurrency });
  });

  it.each([
    ["SweepFunction", `rate(${LIMITS.sweep.scheduleMinutes} minutes)`],
    ["WatchFunction", "rate(1 day)"],
  ])("run by the clock: %s", (id, rate) => {
    const rules = prod.ofType("AWS::Events::Rule").map(({ properties }) => properties);
    const [rule, ...others] = rules.filter(({ Targets }) => render(object(list(Targets)[0])["Arn"]) === `<${id}.Arn>`);
    expect(others).toEqual([]);
    expect(rule).toMatchObject({ ScheduleExpression: rate, State: "ENABLED" });
  });

  it("tell the watch where the key of a Spamhaus account is, if there is one, and let it read that", () => {
    const dqsSecretArn = "arn:aws:secretsmanager:us-east-1:111122223333:secret:spamhaus-Ab12Cd";
    const keyed = synthesize("prod", { watch: { dqsSecretArn } });
    expect(readWatchConfig(variablesOf(keyed, "WatchFunction"))).toMatchObject({ dqsSecretArn, dqsKey: undefined });
    const role = keyed.ofType("AWS::IAM::Role").find(({ id }) => id.startsWith("WatchWorkerRole"));
    if (role === undefined) throw new Error("no role");
    expect(grants(keyed, role)).toContainEqual({
      action: "secretsmanager:GetSecretValue",
      resource: dqsSecretArn,
      condition: "",
    });
  });

  it("are told what the watch must know, and nothing that it does not ask for", () => {
    const { NODE_OPTIONS: _, ...told } = variablesOf(prod, "WatchFunction");
    const values = Object.values(readWatchConfig(told)).filter((value) => value !== undefined);
    expect(new Set(values)).toEqual(new Set(Object.values(told)));
  });

  it("are told the breaker's lines of the environment", () => {
    const lines = { breakerBounceRateMax: "3%", breakerComplaintRateMax: "0.05%", breakerMessagesMin: 40 };
    const variables = variablesOf(synthesize("prod", lines), "FeedbackFunction");
    expect(readFeedbackConfig(variables)).toMatchObject({
      breakerBounceRateMax: 0.03,
      breakerComplaintRateMax: 0.0005,
      breakerMessagesMin: 40,
    });
  });

  it.each([
    ["ForwardFunction", readForwardConfig],
    ["FeedbackFunction", readFeedbackConfig],
    ["SweepFunction", readSweepConfig],
  ])("are told all they must know, and nothing they do not ask for: %s", (id, readConfig) => {
    const variables = variablesOf(prod, id);
    const asked = new Set<PropertyKey>();
    const watched = new Proxy(variables, {
      get: (target, name: string) => {
        asked.add(name);
        return target[name];
      },
    });
    expect(readConfig(watched)).toMatchObject({ environment: "prod", recordDays: 90 });
    expect(variables["NODE_OPTIONS"]).toBe(`--max-semi-space-size=${LIMITS.functions.semiSpaceMiB}`);
    for (const name of Object.keys(variables).filter((name) => name !== "NODE_OPTIONS")) {
      expect(Object.values<string>(ENV)).toContain(name);
      expect([...asked], `${id} never asks for it`).toContain(name);
    }
  });
});

describe.each(environmentNames)("times of %s", (name) => {
  const synthesized = synthesize(name);

  it.each(["ForwardFunction", "FeedbackFunction"])(
    "hide a message for at least six timeouts of the function that has it: %s",
    (id) => {
      const { queue } = sourceOf(synthesized, id);
      const timeout = Number(synthesized.only(id).properties["Timeout"]);
      expect(timeout).toBeGreaterThan(0);
      expect(Number(queue.properties["VisibilityTimeout"])).toBeGreaterThanOrEqual(6 * timeout);
    },
  );

  it("keep a message in its queues for longer than the relay tries to forward it", () => {
    const variables = variablesOf(synthesized, "ForwardFunction");
    const giveUpSeconds = Number(variables[ENV.giveUpAfterHours]) * 3600;
    for (const queue of synthesized.ofType("AWS::SQS::Queue")) {
      expect(Number(queue.properties["MessageRetentionPeriod"]), queue.id).toBeGreaterThan(giveUpSeconds);
    }
  });

  it("let the edge finish what it has begun before it is stopped", () => {
    const [container] = list(synthesized.only("AWS::ECS::TaskDefinition").properties["ContainerDefinitions"]);
    const stopSeconds = Number(object(container)["StopTimeout"]);
    expect(stopSeconds * 1000).toBeGreaterThan(LIMITS.edge.closeTimeoutMs);
    expect(LIMITS.edge.closeTimeoutMs).toBeGreaterThan(LIMITS.edge.storeDeadlineMs);
    // Fargate's own maximum; above it the task definition is refused.
    expect(stopSeconds).toBeLessThanOrEqual(120);
  });
});

function topicPolicyOf(topic: string) {
  const policy = prod
    .ofType("AWS::SNS::TopicPolicy")
    .find(({ properties }) => list(properties["Topics"]).map(render).includes(`<${topic}>`));
  return policy?.properties["PolicyDocument"];
}

describe("feedback", () => {
  it("hears of every event but sends, which forward knows of, and opens and clicks, which would make SES rewrite the mail", () => {
    const { properties } = prod.only("AWS::SES::ConfigurationSetEventDestination");
    expect(properties).toMatchObject({
      ConfigurationSetName: { Ref: "ConfigurationSet" },
      EventDestination: { Enabled: true, SnsDestination: { TopicARN: { Ref: "FeedbackTopic" } } },
    });
    const types = list(object(properties["EventDestination"])["MatchingEventTypes"]).map(render);
    expect(types.sort()).toEqual(["bounce", "complaint", "delivery", "deliveryDelay", "reject", "renderingFailure"]);
  });

  it("comes through a configuration set that neither tracks nor keeps a suppression list of the account's", () => {
    expect(prod.only("ConfigurationSet").properties).toEqual({
      Name: "relayhost-prod",
      DeliveryOptions: { MaxDeliverySeconds: 14 * 3600, TlsPolicy: "OPTIONAL" },
      ReputationOptions: { ReputationMetricsEnabled: true },
      SuppressionOptions: { SuppressedReasons: [] },
      Tags: expect.anything(),
    });
    const strict = synthesize("prod", { sesTlsPolicy: "REQUIRE", sesDeliveryHours: 4 });
    expect(strict.only("ConfigurationSet").properties["DeliveryOptions"]).toEqual({
      MaxDeliverySeconds: 4 * 3600,
      TlsPolicy: "REQUIRE",
    });
  });

  it("reaches the queue as SES wrote it, and the dead letter queue where the queue cannot be reached", () => {
    const subscriptions = prod.ofType("AWS::SNS::Subscription").map(({ properties }) => properties);
    expect(subscriptions.find(({ Protocol }) => Protocol === "sqs")).toMatchObject({
      Protocol: "sqs",
      RawMessageDelivery: true,
      TopicArn: { Ref: "FeedbackTopic" },
      Endpoint: { "Fn::GetAtt": ["FeedbackQueue", "Arn"] },
      RedrivePolicy: { deadLetterTargetArn: { "Fn::GetAtt": ["FeedbackQueueDlq", "Arn"] } },
    });
  });

  it("is published by SES for our configuration set alone, and over TLS", () => {
    const policy = object(topicPolicyOf("FeedbackTopic") ?? {});
    const [denied, allowed] = list(policy["Statement"]).map(object);
    expect(denied).toMatchObject({ Effect: "Deny", Condition: { Bool: { "aws:SecureTransport": "false" } } });
    expect(allowed).toMatchObject({
      Effect: "Allow",
      Action: "sns:Publish",
      Principal: { Service: "ses.amazonaws.com" },
    });
    const conditions = object(object(allowed?.["Condition"])["StringEquals"]);
    expect(render(conditions["AWS:SourceAccount"])).toBe("<AWS::AccountId>");
    expect(render(conditions["AWS:SourceArn"])).toMatch(/:configuration-set\/<ConfigurationSet>$/);
    expect(list(policy["Statement"])).toHaveLength(2);
  });
});

describe("webhooks", () => {
  const told = synthesize("prod", { webhooks: true });

  it("cost nothing where the environment does not ask for them", () => {
    expect(prod.resources.filter(({ id }) => id.startsWith("Webhook"))).toEqual([]);
    for (const id of FUNCTIONS) expect(variablesOf(prod, id)).not.toHaveProperty(ENV.webhookQueueUrl);
  });

  it("have a queue and a function of their own, which knows nothing of the mail", () => {
    const { queue, mapping } = sourceOf(told, "WebhookFunction");
    expect(queue.id).toBe("WebhookQueue");
    expect(mapping.properties).toMatchObject({ FunctionResponseTypes: ["ReportBatchItemFailures"] });
    const timeout = Number(told.only("WebhookFunction").properties["Timeout"]);
    expect(Number(queue.properties["VisibilityTimeout"])).toBeGreaterThanOrEqual(6 * timeout);
    const variables = variablesOf(told, "WebhookFunction");
    expect(readWebhookConfig(variables)).toMatchObject({ environment: "prod", webhookLoopback: false });
    expect(Object.keys(variables)).not.toContain(ENV.spoolBucket);
    for (const id of FUNCTIONS.slice(0, 3)) expect(variablesOf(told, id)[ENV.webhookQueueUrl]).toMatch(/WebhookQueue$/);
  });
});

describe("the runtime parameter", () => {
  it("tells the command line tool where everything is", () => {
    const { properties } = prod.only("AWS::SSM::Parameter");
    expect(properties["Name"]).toBe(runtimeParameterName("prod"));
    expect(JSON.parse(render(properties["Value"]))).toEqual({
      region: "us-east-1",
      hostName: "relay.example.net",
      spoolBucket: "<SpoolBucket>",
      forwardQueueUrl: "<ForwardQueue>",
      forwardDlqUrl: "<ForwardQueueDlq>",
      feedbackQueueUrl: "<FeedbackQueue>",
      feedbackDlqUrl: "<FeedbackQueueDlq>",
      ledgerTable: "<LedgerTable>",
      directoryTable: "<DirectoryTable>",
      configurationSet: "relayhost-prod",
      sesTenants: false,
      webhooks: false,
      threadReplies: true,
      keepSubjects: false,
      sesCallsPerSecond: 1,
      systemAddress: "postmaster@relay.example.net",
      edge: {
        cluster: "relayhost-prod",
        service: expect.stringMatching(/^<EdgeService\w+\.Name>$/),
        tasks: 2,
        ingress: "nlb",
        healthAlarm: "relayhost-prod-edge-unhealthy",
      },
    });
  });
});
