import { describe, expect, it } from "vitest";
import { list, object, settingsOf } from "./cdk-json.ts";
import { type Grant, grants } from "./grants.ts";
import { render, type Synthesized, synthesize } from "./synthesized.ts";

const prod = synthesize("prod");

/** `*` may be the resource only of these, and this is why. */
const NEEDS_EVERY_RESOURCE: Readonly<Record<string, string>> = {
  "ses:GetAccount": "the account is no resource that SES has a name for",
  "ses:ListEmailIdentities": "the list is of the account, which SES has no name for",
  "ecr:GetAuthorizationToken": "a login to the registry, before any repository is named; execution role only",
};

/** Resources that hold a wildcard, and why it is as narrow as it can be. */
const NAMES_MANY: Readonly<Record<string, string>> = {
  "<SpoolBucket.Arn>/spool/*": "one object per message",
  "arn:aws:ses:us-east-1:<AWS::AccountId>:identity/*": "sender domains are taken in while the relay runs",
};

describe("roles", () => {
  it("have these rights and no others", () => {
    const ledger = ["dynamodb:PutItem <LedgerTable.Arn>", "dynamodb:Query <LedgerTable.Arn>"];
    const list = 's3:ListBucket <SpoolBucket.Arn> if {"StringLikeIfExists":{"s3:prefix":"spool/*"}}';
    const log = (name: string): string[] => [`logs:CreateLogStream <${name}.Arn>`, `logs:PutLogEvents <${name}.Arn>`];
    const consume = (queue: string): string[] => [
      `sqs:ChangeMessageVisibility <${queue}.Arn>`,
      `sqs:DeleteMessage <${queue}.Arn>`,
      `sqs:GetQueueAttributes <${queue}.Arn>`,
      `sqs:ReceiveMessage <${queue}.Arn>`,
    ];
    const repository =
      "arn:aws:ecr:us-east-1:<AWS::AccountId>:repository/cdk-hnb659fds-container-assets-${AWS::AccountId}-us-east-1";
    const ses = "arn:aws:ses:us-east-1:<AWS::AccountId>";

    const rights = Object.fromEntries(
      prod.ofType("AWS::IAM::Role").map((role) => [shortName(role.id), grants(prod, role).map(sentence).sort()]),
    );
    expect(rights).toEqual({
      EdgeTaskRole: [
        "dynamodb:BatchGetItem <DirectoryTable.Arn>",
        "dynamodb:GetItem <DirectoryTable.Arn>",
        "s3:PutObject <SpoolBucket.Arn>/spool/*",
        `secretsmanager:GetSecretValue ${render(object(settingsOf("prod")["edge"])["tlsSecretArn"])}`,
      ],
      EdgeTaskDefinitionExecutionRole: [
        `ecr:BatchCheckLayerAvailability ${repository}`,
        `ecr:BatchGetImage ${repository}`,
        "ecr:GetAuthorizationToken *",
        `ecr:GetDownloadUrlForLayer ${repository}`,
        ...log("EdgeLog"),
      ],
      ForwardWorkerRole: [
        "dynamodb:BatchGetItem <DirectoryTable.Arn>",
        "dynamodb:BatchGetItem <LedgerTable.Arn>",
        "dynamodb:GetItem <DirectoryTable.Arn>",
        ...ledger,
        "dynamodb:Query <LedgerTable.Arn>/index/byMessageId",
        "dynamodb:UpdateItem <LedgerTable.Arn>",
        ...log("ForwardFunctionLog"),
        "s3:DeleteObject <SpoolBucket.Arn>/spool/*",
        "s3:GetObject <SpoolBucket.Arn>/spool/*",
        list,
        "s3:PutObject <SpoolBucket.Arn>/spool/*",
        "ses:GetAccount *",
        `ses:SendEmail ${ses}:configuration-set/relayhost-prod`,
        `ses:SendEmail ${ses}:identity/*`,
        `ses:SendRawEmail ${ses}:configuration-set/relayhost-prod`,
        `ses:SendRawEmail ${ses}:identity/*`,
        ...consume("ForwardQueue"),
        "sqs:SendMessage <ForwardQueueDlq.Arn>",
      ],
      FeedbackWorkerRole: [
        "dynamodb:BatchGetItem <DirectoryTable.Arn>",
        "dynamodb:GetItem <DirectoryTable.Arn>",
        "dynamodb:PutItem <DirectoryTable.Arn>",
        ...ledger,
        "dynamodb:Query <LedgerTable.Arn>/index/bySesId",
        "dynamodb:UpdateItem <DirectoryTable.Arn>",
        "dynamodb:UpdateItem <LedgerTable.Arn>",
        ...log("FeedbackFunctionLog"),
        "s3:GetObject <SpoolBucket.Arn>/spool/*",
        "s3:GetObjectVersion <SpoolBucket.Arn>/spool/*",
        list,
        "s3:PutObject <SpoolBucket.Arn>/spool/*",
        ...consume("FeedbackQueue"),
      ],
      SweepWorkerRole: [
        "dynamodb:BatchGetItem <LedgerTable.Arn>",
        "dynamodb:DeleteItem <LedgerTable.Arn>",
        "dynamodb:GetItem <DirectoryTable.Arn>",
        "dynamodb:PutItem <LedgerTable.Arn>",
        "dynamodb:Query <DirectoryTable.Arn>/index/byWaiting",
        "dynamodb:Query <LedgerTable.Arn>",
        "dynamodb:Query <LedgerTable.Arn>/index/bySesId",
        "dynamodb:Query <LedgerTable.Arn>/index/byTenantDay",
        "dynamodb:Scan <DirectoryTable.Arn>",
        "dynamodb:UpdateItem <DirectoryTable.Arn>",
        "dynamodb:UpdateItem <LedgerTable.Arn>",
        ...log("SweepFunctionLog"),
        "s3:DeleteObject <SpoolBucket.Arn>/spool/*",
        "s3:GetObject <SpoolBucket.Arn>/spool/*",
        list,
        "s3:PutObject <SpoolBucket.Arn>/spool/*",
        `ses:GetEmailIdentity ${ses}:identity/*`,
        "ses:ListEmailIdentities *",
        "sqs:DeleteMessage <ForwardQueueDlq.Arn>",
        "sqs:ReceiveMessage <ForwardQueueDlq.Arn>",
        "sqs:SendMessage <FeedbackQueue.Arn>",
        "sqs:SendMessage <ForwardQueue.Arn>",
      ],
    });
  });

  it("use no policy that somebody else may change", () => {
    for (const role of prod.ofType("AWS::IAM::Role")) {
      expect(role.properties["ManagedPolicyArns"], role.id).toBeUndefined();
    }
    expect(prod.ofType("AWS::IAM::ManagedPolicy")).toEqual([]);
  });

  it("hold no action with a wildcard, and a resource with one only where it is argued", () => {
    const all = prod.ofType("AWS::IAM::Role").flatMap((role) => grants(prod, role));
    expect(all.length).toBeGreaterThan(40);
    for (const { action, resource } of all) {
      expect(action).not.toContain("*");
      if (resource === "*") expect(Object.keys(NEEDS_EVERY_RESOURCE)).toContain(action);
      else if (resource.includes("*")) expect(Object.keys(NAMES_MANY)).toContain(resource);
    }
  });

  it("are given to Lambda and to ECS tasks, to the latter only on behalf of this account", () => {
    for (const role of prod.ofType("AWS::IAM::Role")) {
      const [statement] = list(object(role.properties["AssumeRolePolicyDocument"])["Statement"]).map(object);
      const service = object(statement?.["Principal"])["Service"];
      expect(service, role.id).toBe(role.id.startsWith("Edge") ? "ecs-tasks.amazonaws.com" : "lambda.amazonaws.com");
    }
    const edge = prod.only(prod.ofType("AWS::IAM::Role").find((role) => role.id.startsWith("EdgeTaskRole"))?.id ?? "");
    expect(edge.properties["AssumeRolePolicyDocument"]).toMatchObject({
      Statement: [{ Condition: { StringEquals: { "aws:SourceAccount": { Ref: "AWS::AccountId" } } } }],
    });
  });

  it("let the edge read one secret, its certificate's, and none where the environment names none", () => {
    const secrets = (environment: string) =>
      allGrants(synthesize(environment)).filter((right) => right.includes("secretsmanager"));
    expect(secrets("prod")).toHaveLength(1);
    expect(secrets("dev")).toEqual([]);
  });

  it("let forward send under SES tenants only where the environment uses them", () => {
    const tenants = synthesize("prod", { sesTenants: true });
    const added = allGrants(tenants).filter((right) => !allGrants(prod).includes(right));
    expect(added.sort()).toEqual([
      "ses:SendEmail arn:aws:ses:us-east-1:<AWS::AccountId>:tenant/*",
      "ses:SendRawEmail arn:aws:ses:us-east-1:<AWS::AccountId>:tenant/*",
    ]);
  });
});

function allGrants(synthesized: Synthesized): string[] {
  return synthesized.ofType("AWS::IAM::Role").flatMap((role) => grants(synthesized, role).map(sentence));
}

function sentence({ action, resource, condition }: Grant): string {
  return `${action} ${resource}${condition === "" ? "" : ` if ${condition}`}`;
}

function shortName(logicalId: string): string {
  return logicalId.replace(/[0-9A-F]{8}$/, "");
}
