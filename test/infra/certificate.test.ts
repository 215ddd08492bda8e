import { describe, expect, it } from "vitest";
import { readEdgeConfig } from "../../lib/config/edge-config.ts";
import { readCertificateConfig } from "../../lib/config/function-config.ts";
import { LIMITS } from "../../lib/core/limits.ts";
import { list, object } from "./cdk-json.ts";
import { grants } from "./grants.ts";
import { render, synthesize } from "./synthesized.ts";

const staging = synthesize("staging");
const ARN = "arn:aws:secretsmanager:us-east-1:123456789012:secret:certificate-Ab12Cd";

function filled(value: string): string {
  return value.replace("<CertificateSecret>", ARN);
}

describe("a certificate that the relay renews itself", () => {
  it("has a secret that is empty at first and not taken for another's", () => {
    const { properties } = staging.only("CertificateSecret");
    expect(properties["SecretString"]).toBeUndefined();
    expect(properties["GenerateSecretString"]).toBeUndefined();
    expect(synthesize("prod").ofType("AWS::SecretsManager::Secret")).toEqual([]);
  });

  it("is the edge's, which waits for it", () => {
    const [container] = list(staging.only("AWS::ECS::TaskDefinition").properties["ContainerDefinitions"]).map(object);
    const variables = Object.fromEntries(
      list(container?.["Environment"]).map((entry) => [
        render(object(entry)["Name"]),
        filled(render(object(entry)["Value"])),
      ]),
    );
    expect(readEdgeConfig(variables).settings).toMatchObject({ tlsSecretArn: ARN, tlsAwaitSecret: true });
  });

  it("is looked at by the clock, and after each deployment of this stack", () => {
    const rules = staging
      .ofType("AWS::Events::Rule")
      .map(({ properties }) => properties)
      .filter(({ Targets }) => render(object(list(Targets)[0])["Arn"]) === "<CertificateFunction.Arn>");
    expect(rules).toMatchObject([
      { ScheduleExpression: `rate(${LIMITS.certificate.scheduleHours} hours)` },
      {
        EventPattern: {
          source: ["aws.cloudformation"],
          "detail-type": ["CloudFormation Stack Status Change"],
          resources: [{ Ref: "AWS::StackId" }],
          detail: { "status-details": { status: ["CREATE_COMPLETE", "UPDATE_COMPLETE"] } },
        },
      },
    ]);
  });

  it("is renewed by a function that is told all it must know, and nothing that it does not ask for", () => {
    const { properties } = staging.only("CertificateFunction");
    expect(properties["Timeout"]).toBe(LIMITS.certificate.timeoutSeconds);
    const variables = Object.fromEntries(
      Object.entries(object(object(properties["Environment"])["Variables"])).map(([name, value]) => [
        name,
        filled(render(value)),
      ]),
    );
    const { NODE_OPTIONS: _, ...told } = variables;
    expect(Object.values(readCertificateConfig(variables)).sort()).toEqual(Object.values(told).sort());
    expect(readCertificateConfig(variables)).toMatchObject({
      hostName: "relay-staging.example.net",
      acmeDirectoryUrl: "https://acme-staging-v02.api.letsencrypt.org/directory",
    });
  });

  it("gives that function its secret, and one record of one name in the zone", () => {
    const role = staging.ofType("AWS::IAM::Role").find(({ id }) => id.startsWith("CertificateWorkerRole"));
    if (role === undefined) throw new Error("no role");
    const given = grants(staging, role).filter(({ action }) => !action.startsWith("logs:"));
    expect(given.map(({ action, resource }) => `${action} ${resource}`).sort()).toEqual([
      "route53:ChangeResourceRecordSets arn:aws:route53:::hostedzone/Z0123456789EXAMPLE",
      "route53:GetChange arn:aws:route53:::change/*",
      "secretsmanager:GetSecretValue <CertificateSecret>",
      "secretsmanager:PutSecretValue <CertificateSecret>",
    ]);
    const { condition = "" } = given.find(({ action }) => action === "route53:ChangeResourceRecordSets") ?? {};
    expect(JSON.parse(condition)).toEqual({
      "ForAllValues:StringEquals": {
        "route53:ChangeResourceRecordSetsNormalizedRecordNames": ["_acme-challenge.relay-staging.example.net"],
        "route53:ChangeResourceRecordSetsRecordTypes": ["TXT"],
        "route53:ChangeResourceRecordSetsActions": ["UPSERT", "DELETE"],
      },
    });
  });

  it("goes on being renewed while the environment stands by, so that it is good when it comes back", () => {
    const standby = synthesize("staging", { standby: true });
    expect(standby.only("CertificateFunction")).toEqual(staging.only("CertificateFunction"));
  });
});
