import { describe, expect, it } from "vitest";
import { list } from "./cdk-json.ts";
import { render, synthesize } from "./synthesized.ts";

const prod = synthesize("prod");

describe("the identity of the relay's own mail", () => {
  it("is made for the domain of the system address, with a MAIL FROM below it and no notices but events", () => {
    expect(prod.only("SystemIdentity").properties).toMatchObject({
      EmailIdentity: "relay.example.net",
      DkimAttributes: { SigningEnabled: true },
      DkimSigningAttributes: { NextSigningKeyLength: "RSA_2048_BIT" },
      FeedbackAttributes: { EmailForwardingEnabled: false },
      MailFromAttributes: { MailFromDomain: "bounce.relay.example.net", BehaviorOnMxFailure: "USE_DEFAULT_VALUE" },
    });
  });

  it("is verified by records that the stack writes itself, fully qualified", () => {
    const records = prod.ofType("AWS::Route53::RecordSet").map(({ properties }) => ({
      name: render(properties["Name"]),
      type: render(properties["Type"]),
      values: list(properties["ResourceRecords"] ?? []).map(render),
    }));
    for (const index of [1, 2, 3]) {
      expect(records).toContainEqual({
        name: `<SystemIdentity.DkimDNSTokenName${index}>.`,
        type: "CNAME",
        values: [`<SystemIdentity.DkimDNSTokenValue${index}>`],
      });
    }
    expect(records).toContainEqual({
      name: "bounce.relay.example.net.",
      type: "MX",
      values: ["10 feedback-smtp.us-east-1.amazonses.com"],
    });
    expect(records).toContainEqual({
      name: "bounce.relay.example.net.",
      type: "TXT",
      values: ['"v=spf1 include:amazonses.com ~all"'],
    });
    expect(records.some(({ name }) => name.startsWith("_dmarc"))).toBe(false);
  });

  it("is left to the operator where the zone does not hold the domain, or none is named", () => {
    expect(synthesize("prod", { systemAddress: "postmaster@example.org" }).ofType("AWS::SES::EmailIdentity")).toEqual(
      [],
    );
    expect(synthesize("dev").ofType("AWS::SES::EmailIdentity")).toEqual([]);
  });
});
