import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { App, Stack, Validations } from "aws-cdk-lib";
import { Bucket } from "aws-cdk-lib/aws-s3";
import { CfnQueue } from "aws-cdk-lib/aws-sqs";
import { AwsSolutionsChecks } from "cdk-nag";
import { describe, expect, it } from "vitest";
import { cdkContext, environmentNames, object } from "./cdk-json.ts";
import { type Resource, render, type Synthesized, synthesizeValidated } from "./synthesized.ts";

/** The property that names a resource in its account, of each type that the relay names itself. */
const NAME_PROPERTY: Readonly<Record<string, string>> = {
  "AWS::CloudWatch::Alarm": "AlarmName",
  "AWS::CloudWatch::Dashboard": "DashboardName",
  "AWS::DynamoDB::Table": "TableName",
  "AWS::ECS::Cluster": "ClusterName",
  "AWS::ECS::TaskDefinition": "Family",
  "AWS::Lambda::Function": "FunctionName",
  "AWS::Logs::LogGroup": "LogGroupName",
  "AWS::S3::Bucket": "BucketName",
  "AWS::SES::ConfigurationSet": "Name",
  "AWS::SNS::Topic": "TopicName",
  "AWS::SQS::Queue": "QueueName",
  "AWS::SSM::Parameter": "Name",
};

/**
 * Logical ids that must never change. CloudFormation knows a resource by this id alone: under another one it would
 * make a second bucket or table and, where nothing protects it, delete the first.
 */
const FROZEN = [
  "AlarmTopic AWS::SNS::Topic",
  "ConfigurationSet AWS::SES::ConfigurationSet",
  "DirectoryTable AWS::DynamoDB::Table",
  "EdgeCluster AWS::ECS::Cluster",
  "EdgeLog AWS::Logs::LogGroup",
  "FeedbackFunction AWS::Lambda::Function",
  "FeedbackFunctionLog AWS::Logs::LogGroup",
  "FeedbackQueue AWS::SQS::Queue",
  "FeedbackQueueDlq AWS::SQS::Queue",
  "FeedbackTopic AWS::SNS::Topic",
  "ForwardFunction AWS::Lambda::Function",
  "ForwardFunctionLog AWS::Logs::LogGroup",
  "ForwardQueue AWS::SQS::Queue",
  "ForwardQueueDlq AWS::SQS::Queue",
  "LedgerTable AWS::DynamoDB::Table",
  "RuntimeParameter AWS::SSM::Parameter",
  "SpoolBucket AWS::S3::Bucket",
  "SweepFunction AWS::Lambda::Function",
  "SweepFunctionLog AWS::Logs::LogGroup",
  "WatchFunction AWS::Lambda::Function",
  "WatchFunctionLog AWS::Logs::LogGroup",
];

/** Besides those, in environments that ask for it. */
const FROZEN_ALSO: Readonly<Record<string, readonly string[]>> = {
  staging: [
    "AddressFunction AWS::Lambda::Function",
    "AddressFunctionLog AWS::Logs::LogGroup",
    "CertificateFunction AWS::Lambda::Function",
    "CertificateFunctionLog AWS::Logs::LogGroup",
  ],
};

/**
 * Every revision of a task definition is a new resource, and may be: its family only groups them. Alarms and dashboards
 * hold nothing.
 */
const REPLACED_BY_DESIGN = ["AWS::CloudWatch::Alarm", "AWS::CloudWatch::Dashboard", "AWS::ECS::TaskDefinition"];

const byName = new Map(environmentNames.map((name) => [name, synthesizeValidated(name)]));

describe("the example environments", () => {
  it("are dev, staging and prod, and synthesize to templates that the CDK's validation and cdk-nag find nothing wrong with", () => {
    expect(environmentNames).toEqual(["dev", "staging", "prod"]);
    for (const synthesized of byName.values()) expect(synthesized.resources.length).toBeGreaterThan(50);
  });

  it("would fail these tests if cdk-nag found something that is not argued away", () => {
    const outdir = mkdtempSync(join(tmpdir(), "relayhost-wrong-"));
    try {
      const app = new App({ context: { ...cdkContext }, outdir, autoSynth: false });
      new Bucket(new Stack(app, "wrong"), "Bucket");
      Validations.of(app).addPlugins(new AwsSolutionsChecks(app));
      expect(() => app.synth()).toThrow(/AwsSolutions-S1/);
    } finally {
      rmSync(outdir, { recursive: true, force: true });
    }
  });

  it("would fail these tests if validation found something", () => {
    // Over SQS's maximum of twelve hours.
    expect(cdkContext["@aws-cdk/core:validateAgainstDefaultRules"]).toBe(true);
    const outdir = mkdtempSync(join(tmpdir(), "relayhost-wrong-"));
    try {
      const app = new App({ context: { ...cdkContext }, outdir, autoSynth: false });
      new CfnQueue(new Stack(app, "wrong"), "Queue", { visibilityTimeout: 43_201 });
      expect(() => app.synth()).toThrow(/greater than the maximum/);
    } finally {
      rmSync(outdir, { recursive: true, force: true });
    }
  });

  it.each(environmentNames)("hold no secret, nor let CloudFormation put one in: %s", (name) => {
    const { template, resources } = byName.get(name) ?? { template: {}, resources: [] };
    const text = JSON.stringify(template);
    expect(text).not.toMatch(/resolve:(secretsmanager|ssm-secure)/);
    expect(text).not.toMatch(/PRIVATE KEY|BEGIN CERTIFICATE/);
    // What names a secret is an ARN; what it holds is asked for at run time.
    for (const value of variablesOf(resources, /SECRET|PASSWORD|TOKEN|DQS_KEY/)) {
      expect(value).toMatch(/^(true|false)$|"Ref"|"Fn::GetAtt"|arn:/);
    }
    for (const { type, id, properties } of resources) {
      if (type === "AWS::SecretsManager::Secret") expect(properties["SecretString"], id).toBeUndefined();
    }
  });

  it.each(environmentNames)("carry their name in every name they give: %s", (name) => {
    const names = physicalNames(byName.get(name));
    expect(names.length).toBeGreaterThan(FROZEN.length);
    for (const physicalName of names) expect(physicalName).toMatch(new RegExp(`relayhost[-/]${name}\\b`));
  });

  it("share no physical name, so that they fit into one account and region", () => {
    const names = [...byName.values()].flatMap(physicalNames);
    expect(new Set(names).size).toBe(names.length);
  });

  it("share no export, and nothing that only the settings name", () => {
    const records = [...byName.values()].flatMap(({ resources }) =>
      resources
        .filter(({ type }) => ["AWS::Route53::RecordSet", "AWS::SES::EmailIdentity"].includes(type))
        // The names of DKIM's records are SES's, of its identity.
        .filter(({ properties }) => properties["Name"] === undefined || typeof properties["Name"] === "string")
        .map(({ properties }) =>
          [properties["Type"], properties["Name"], properties["EmailIdentity"], properties["ResourceRecords"]]
            .map(render)
            .join(" "),
        ),
    );
    expect(records.length).toBeGreaterThan(3);
    expect(new Set(records).size).toBe(records.length);
    for (const { template } of byName.values()) {
      for (const output of Object.values(object(template["Outputs"]))) expect(object(output)["Export"]).toBeUndefined();
    }
  });

  it.each(environmentNames)("keep the logical ids of everything that holds data or has a fixed name: %s", (name) => {
    const named = (byName.get(name)?.resources ?? []).filter(
      (resource) => nameOf(resource) !== undefined && !REPLACED_BY_DESIGN.includes(resource.type),
    );
    expect(named.map((resource) => `${resource.id} ${resource.type}`).sort()).toEqual(
      [...FROZEN, ...(FROZEN_ALSO[name] ?? [])].sort(),
    );
  });

  it.each(environmentNames)("give names to resources of the listed types only: %s", (name) => {
    // A name outside the list would escape the tests above.
    for (const resource of byName.get(name)?.resources ?? []) {
      if (Object.hasOwn(NAME_PROPERTY, resource.type)) continue;
      for (const property of ["Name", "RoleName", "GroupName", "ServiceName", "LoadBalancerName", "PolicyName"]) {
        const value = resource.properties[property];
        const exempt = ["AWS::EC2::VPCEndpoint", "AWS::IAM::Policy", "AWS::Route53::RecordSet"].includes(resource.type);
        if (!exempt) expect(value, `${resource.id}.${property}`).toBeUndefined();
      }
    }
  });
});

/** Values of the variables that functions and containers get, of those names, as JSON where they are no text. */
function variablesOf(resources: readonly Resource[], name: RegExp): string[] {
  const found: string[] = [];
  const visit = (value: unknown): void => {
    if (Array.isArray(value)) for (const entry of value) visit(entry);
    else if (typeof value === "object" && value !== null) {
      const { Name, Value } = value as { readonly Name?: unknown; readonly Value?: unknown };
      if (typeof Name === "string" && name.test(Name) && Value !== undefined) found.push(shown(Value));
      for (const [key, inner] of Object.entries(value)) {
        if (key.startsWith("RELAYHOST_") && name.test(key)) found.push(shown(inner));
        visit(inner);
      }
    }
  };
  for (const { properties } of resources) visit(properties);
  return found;
}

function shown(value: unknown): string {
  return typeof value === "string" ? value : JSON.stringify(value);
}

function physicalNames(synthesized: Synthesized | undefined): string[] {
  return (synthesized?.resources ?? []).flatMap((resource) => nameOf(resource) ?? []);
}

function nameOf(resource: Resource): string | undefined {
  const property = NAME_PROPERTY[resource.type];
  if (property === undefined) return undefined;
  const name = resource.properties[property];
  return name === undefined ? undefined : `${resource.type} ${render(name)}`;
}
