import { describe, expect, it } from "vitest";
import { list, object } from "./cdk-json.ts";
import { type Grant, grants } from "./grants.ts";
import { roleRights, withRoleTable } from "./role-table.ts";
import { type Synthesized, synthesize } from "./synthesized.ts";

const prod = synthesize("prod");
/** Many templates, so once for all tests. */
const rights = roleRights();

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
  it("have the rights that the table in ARCHITECTURE.md lists, and no others", () => {
    const { now, wanted } = withRoleTable();
    expect(now, "run node test/support/write-role-table.ts and look at what changes").toBe(wanted);
  });

  it("let the edge store and look up, and nothing else, whatever is set", () => {
    const edge = rights.filter(({ role }) => role === "edge");
    expect(new Set(edge.map(({ grant }) => grant.action))).toEqual(
      new Set(["dynamodb:BatchGetItem", "dynamodb:GetItem", "s3:PutObject", "secretsmanager:GetSecretValue"]),
    );
  });

  it("let only forward send mail, and write DNS records only those who keep certificate and address", () => {
    const who = (action: RegExp) =>
      new Set(rights.flatMap(({ role, grant }) => (action.test(grant.action) ? [role] : [])));
    expect(who(/^ses:Send/)).toEqual(new Set(["forward"]));
    expect(who(/^route53:Change/)).toEqual(new Set(["certificate", "address"]));
    expect(who(/^(iam|sts|lambda):/)).toEqual(new Set());
    expect(who(/^(ecs|ec2):/)).toEqual(new Set(["address"]));
    expect(who(/^(ecs|ec2):(?!List|Describe)/)).toEqual(new Set());
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
