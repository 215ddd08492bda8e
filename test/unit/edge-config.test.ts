import { describe, expect, it } from "vitest";
import { ConfigurationError } from "../../lib/config/declare.ts";
import { readEdgeConfig } from "../../lib/config/edge-config.ts";
import { LIMITS } from "../../lib/core/limits.ts";
import { ENV } from "../../lib/core/names.ts";

const GIVEN = {
  [ENV.hostName]: "Relay.Example.NET",
  [ENV.spoolBucket]: "bucket",
  [ENV.directoryTable]: "table",
};

function problems(env: Record<string, string>): readonly string[] {
  try {
    readEdgeConfig(env);
    return [];
  } catch (error) {
    return error instanceof ConfigurationError ? error.problems : [String(error)];
  }
}

describe("the edge's settings", () => {
  it("need a name, a bucket and a table; everything else has a default", () => {
    const { settings, spoolBucket, directoryTable } = readEdgeConfig(GIVEN);
    expect([spoolBucket, directoryTable]).toEqual(["bucket", "table"]);
    expect(settings).toMatchObject({
      hostName: "relay.example.net",
      smtpPort: 2525,
      smtpsPort: 2465,
      healthPort: undefined,
      tls: undefined,
      temporaryDir: "/tmp",
      dataDir: "/tmp/relayhost",
      strictAuthentication: false,
      clearTextAuth: false,
      messageSizeBytesMax: LIMITS.edge.messageSizeBytesMax,
      recipientsMax: 1000,
      hopsMax: 30,
      commandMs: 300_000,
      greetingPauseMs: 0,
    });
  });

  it("are reported all together when they are wrong", () => {
    const wrong = {
      [ENV.hostName]: "not a name",
      [ENV.smtpPort]: "99999",
      [ENV.strictAuthentication]: "yes",
      [ENV.tlsKeyFile]: "/key.pem",
      RELAYHOST_SMTP_PROT: "25",
    };
    const found = problems(wrong);
    for (const name of [...Object.keys(wrong), ENV.spoolBucket, ENV.directoryTable]) {
      expect(found.filter((problem) => problem.includes(name))).toHaveLength(1);
    }
    expect(found).toHaveLength(7);
  });

  it("let variables of the relay's other processes and of others stand beside them", () => {
    expect(problems({ ...GIVEN, [ENV.forwardQueueUrl]: "x", PATH: "/bin", AWS_REGION: "a" })).toEqual([]);
  });

  it("take a certificate and its key", () => {
    const env = { ...GIVEN, [ENV.tlsCertificateFile]: "/c.pem", [ENV.tlsKeyFile]: "/k.pem", [ENV.healthPort]: "8080" };
    expect(readEdgeConfig(env).settings).toMatchObject({
      tls: { certificateFile: "/c.pem", keyFile: "/k.pem" },
      healthPort: 8080,
    });
  });
});
