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

  it.each([
    [ENV.connectionsMax, "connectionsMax", 5_000],
    [ENV.connectionsPerAddressMax, "connectionsPerAddressMax", 100],
    [ENV.connectionsPerTenantMax, "connectionsPerTenantMax", 500],
    [ENV.tenantMessagesPerMinute, "tenantMessagesPerMinute", 1_800],
    [ENV.tenantRecipientsPerMinute, "tenantRecipientsPerMinute", 12_000],
    [ENV.credentialMessagesPerMinute, "credentialMessagesPerMinute", 1_200],
    [ENV.credentialRecipientsPerMinute, "credentialRecipientsPerMinute", 8_000],
    [ENV.senderMessagesPerMinute, "senderMessagesPerMinute", 300],
    [ENV.senderRecipientsPerMinute, "senderRecipientsPerMinute", 4_000],
    [ENV.recipientsMax, "recipientsMax", 1_000],
    [ENV.messageSizeMax, "messageSizeBytesMax", 28 * 1024 * 1024],
    [ENV.headerSizeMax, "headerBytesMax", 1024 * 1024],
    [ENV.hopsMax, "hopsMax", 30],
    [ENV.commandLineMax, "commandLineBytesMax", 12_288],
    [ENV.junkCommandsMax, "junkCommandsMax", 100],
    [ENV.authFailuresMax, "authFailuresMax", 3],
    [ENV.greetingPauseMs, "greetingPauseMs", 0],
    [ENV.tlsHandshakeTimeoutMs, "tlsHandshakeMs", 30_000],
    [ENV.commandTimeoutMs, "commandMs", 300_000],
    [ENV.dataGraceMs, "dataGraceMs", 60_000],
    [ENV.dataBytesPerSecondMin, "dataBytesPerSecondMin", 500],
    [ENV.sessionTimeoutMs, "sessionMs", 3_600_000],
    [ENV.edgeTasks, "tasks", 1],
  ] as const)("have %s as the limit %s, by default %i", (name, key, fallback) => {
    expect(readEdgeConfig(GIVEN).settings[key]).toBe(fallback);
    const other = fallback === 3 ? 4 : fallback + 100;
    expect(readEdgeConfig({ ...GIVEN, [name]: String(other) }).settings[key]).toBe(other);
    expect(problems({ ...GIVEN, [name]: "many" })).toEqual([expect.stringContaining(`${name} is "many"`)]);
  });

  it("take a certificate and its key", () => {
    const env = { ...GIVEN, [ENV.tlsCertificateFile]: "/c.pem", [ENV.tlsKeyFile]: "/k.pem", [ENV.healthPort]: "8080" };
    expect(readEdgeConfig(env).settings).toMatchObject({
      tls: { certificateFile: "/c.pem", keyFile: "/k.pem" },
      healthPort: 8080,
    });
  });
});
