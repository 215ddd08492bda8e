import { describe, expect, it } from "vitest";
import { parseEnvironment } from "../../lib/config/environment.ts";
import { collisionProblems } from "../../lib/config/environment-collisions.ts";
import { LIMITS } from "../../lib/core/limits.ts";
import { cdkContext, environmentNames, object, settingsOf } from "./cdk-json.ts";

const MINIMAL = {
  region: "ap-northeast-1",
  hostName: "relay.example.net",
  systemAddress: "postmaster@example.net",
};

function problemsOf(raw: unknown, name = "prod"): readonly string[] {
  const parsed = parseEnvironment(name, raw);
  return "problems" in parsed ? parsed.problems : [];
}

describe("the settings of an environment", () => {
  it("need only region, host name and system address; the rest comes from the limits", () => {
    const parsed = parseEnvironment("prod", MINIMAL);
    expect(parsed).toEqual({
      environment: {
        name: "prod",
        ...MINIMAL,
        messageSizeMax: LIMITS.edge.messageSizeBytesMax,
        retentionDays: LIMITS.spool.retentionDays,
        recordDays: LIMITS.ledger.recordDays,
        giveUpAfterHours: LIMITS.forward.giveUpAfterHours,
        breakerMessagesMin: LIMITS.breaker.messagesMin,
        logDays: 90,
        forwardConcurrency: 5,
        recipientsPerCall: LIMITS.forward.recipientsPerCall,
        threadReplies: true,
        keepSubjects: false,
        feedbackConcurrency: 2,
        sesTenants: false,
        standby: false,
        ingress: "nlb",
        webhooks: false,
        sesTlsPolicy: "OPTIONAL",
        sesDeliveryHours: 14,
        monthlyBudget: 0,
        deletionProtection: true,
        watch: {},
        edge: { desiredCount: 1, cpu: 256, memoryMiB: 512, tls: "self-signed", elasticIps: false },
      },
    });
  });

  it("that are wrong, unknown or missing are reported all together, each with what was found and what is allowed", () => {
    const raw = {
      region: "Virginia",
      hostName: "relay",
      hostedZone: { id: "example.net" },
      alarmAddress: "nobody",
      messageSizeMax: 40_000_000,
      retentionDays: "14",
      breakerBounceRateMax: "5%",
      breakerComplaintRateMax: 0.0008,
      logDays: 91,
      forwardConcurrency: 1,
      recipientsPerCall: 51,
      sesTenants: "yes",
      sesTlsPolicy: "require",
      deletionProtecton: false,
      edge: { desiredCount: 1.5, cpu: 512, memoryMiB: 512, nodeImage: "node:24", tlsSecretArn: "relay/tls", cpus: 2 },
    };
    expect(problemsOf(raw)).toEqual([
      'environments.prod.alarmAddress: got "nobody"; allowed: a mail address',
      'environments.prod.breakerBounceRateMax: got "5%"; allowed: a percentage below 5%, where SES reviews the account',
      "environments.prod.breakerComplaintRateMax: got 0.0008; allowed: a percentage below 0.1%, where SES reviews the account",
      'environments.prod.region: got "Virginia"; allowed: an AWS region such as us-east-1',
      'environments.prod.hostName: got "relay"; allowed: a DNS name of two labels or more, in lower case',
      'environments.prod.hostedZone.id: got "example.net"; allowed: a Route 53 zone id such as Z0123456789ABCDEFGHIJ',
      "environments.prod.hostedZone.name: is missing; allowed: the DNS name of the zone, in lower case",
      "environments.prod.systemAddress: is missing; allowed: a mail address",
      `environments.prod.messageSizeMax: got 40000000; allowed: an integer from 65536 to ${LIMITS.edge.messageSizeBytesMax}`,
      'environments.prod.retentionDays: got "14"; allowed: an integer from 1 to 365',
      "environments.prod.logDays: got 91; allowed: one of 1, 3, 5, 7, 14, 30, 60, 90, 120, 150, 180, 365, 400, 545, 731",
      "environments.prod.forwardConcurrency: got 1; allowed: an integer from 2 to 1000",
      "environments.prod.recipientsPerCall: got 51; allowed: an integer from 1 to 50",
      'environments.prod.sesTenants: got "yes"; allowed: true or false',
      'environments.prod.sesTlsPolicy: got "require"; allowed: one of OPTIONAL, REQUIRE',
      'environments.prod.edge.nodeImage: got "node:24"; allowed: an image pinned by digest, name@sha256:<64 hex digits>',
      'environments.prod.edge.tlsSecretArn: got "relay/tls"; allowed: the whole ARN of a secret, with the six characters at its end',
      "environments.prod.edge.desiredCount: got 1.5; allowed: an integer from 1 to 100",
      "environments.prod.edge.memoryMiB: got 512; allowed: with cpu 512, one of 1024, 2048, 3072, 4096",
      "environments.prod.edge.cpus: unknown setting; known here: acme, cpu, desiredCount, elasticIps, memoryMiB, nodeImage, tls, tlsSecretArn",
      expect.stringMatching(
        /^environments\.prod\.deletionProtecton: unknown setting; known here: .*deletionProtection, edge, /,
      ),
    ]);
  });

  it("that contradict each other are reported", () => {
    const raw = {
      ...MINIMAL,
      hostedZone: { id: "Z0123456789ABCDEFGHIJ", name: "example.com" },
      retentionDays: 30,
      recordDays: 10,
      edge: { tlsSecretArn: "arn:aws:secretsmanager:us-east-1:111122223333:secret:relay/tls-Ab12Cd" },
      watch: { dqsSecretArn: "arn:aws:secretsmanager:us-east-1:111122223333:secret:dqs-Ab12Cd" },
    };
    expect(problemsOf(raw)).toEqual([
      'environments.prod.hostName: got "relay.example.net"; allowed: a name in the hosted zone example.com',
      "environments.prod.edge.tlsSecretArn: got a secret in us-east-1; allowed: one in ap-northeast-1",
      "environments.prod.watch.dqsSecretArn: got a secret in us-east-1; allowed: one in ap-northeast-1",
      "environments.prod.recordDays: got 10; allowed: at least retentionDays (30)",
    ]);
  });

  it("take the certificate from one place, with all that it needs", () => {
    const acme = { contact: "operator@example.net", termsOfServiceAgreed: true };
    const zone = { hostedZone: { id: "Z0123456789ABCDEFGHIJ", name: "example.net" } };
    const parsed = parseEnvironment("prod", { ...MINIMAL, ...zone, edge: { tls: "acme", acme } });
    expect(parsed).toMatchObject({
      environment: { edge: { tls: "acme", acme: { directoryUrl: "https://acme-v02.api.letsencrypt.org/directory" } } },
    });
    const tlsSecretArn = "arn:aws:secretsmanager:ap-northeast-1:111122223333:secret:relay/tls-Ab12Cd";
    expect(parseEnvironment("prod", { ...MINIMAL, edge: { tlsSecretArn } })).toMatchObject({
      environment: { edge: { tls: "secret" } },
    });
    const edge = { tls: "acme", tlsSecretArn, acme: { directoryUrl: "http://ca.example/", contact: "me" } };
    expect(problemsOf({ ...MINIMAL, edge })).toEqual([
      'environments.prod.edge.acme.contact: got "me"; allowed: a mail address',
      'environments.prod.edge.acme.directoryUrl: got "http://ca.example/"; allowed: an https address',
      "environments.prod.edge.tlsSecretArn: got a secret; allowed: none, with edge.tls acme",
      "environments.prod.edge.acme.termsOfServiceAgreed: got false; allowed: true, once you have read the authority's terms of service",
      "environments.prod.hostedZone: is missing; allowed: the zone of the host name, with edge.tls acme",
    ]);
    expect(problemsOf({ ...MINIMAL, ...zone, edge: { tls: "acme" } })).toEqual([
      "environments.prod.edge.acme: is missing; allowed: contact and termsOfServiceAgreed, with edge.tls acme",
    ]);
    expect(problemsOf({ ...MINIMAL, edge: { tls: "secret", acme } })).toEqual([
      "environments.prod.edge.tlsSecretArn: is missing; allowed: the ARN of a secret, with edge.tls secret",
      "environments.prod.edge.acme: got settings; allowed: none, with edge.tls secret",
    ]);
  });

  it("may set a budget only where somebody is told", () => {
    expect(problemsOf({ ...MINIMAL, monthlyBudget: 5 })).toEqual([
      "environments.prod.alarmAddress: is missing; allowed: a mail address, with monthlyBudget",
    ]);
    expect(
      problemsOf({ ...MINIMAL, monthlyBudget: 5, alarmAddress: "a@example.net", sesDedicatedPool: "own" }),
    ).toEqual([]);
    expect(problemsOf({ ...MINIMAL, sesDedicatedPool: "two words" })).toHaveLength(1);
  });

  it("let one task stand alone only where its address can be kept", () => {
    const zone = { hostedZone: { id: "Z0123456789ABCDEFGHIJ", name: "example.net" } };
    expect(problemsOf({ ...MINIMAL, ...zone, ingress: "task" })).toEqual([]);
    expect(problemsOf({ ...MINIMAL, ingress: "task", edge: { desiredCount: 2, elasticIps: true } })).toEqual([
      "environments.prod.hostedZone: is missing; allowed: the zone of the host name, with ingress task",
      "environments.prod.edge.desiredCount: got 2; allowed: 1, with ingress task",
      "environments.prod.edge.elasticIps: got true; allowed: false, with ingress task",
    ]);
    expect(problemsOf({ ...MINIMAL, ingress: "alb" })).toEqual([
      'environments.prod.ingress: got "alb"; allowed: one of nlb, task',
    ]);
  });

  it("cannot let the relay try longer than a queue keeps a message", () => {
    expect(problemsOf({ ...MINIMAL, giveUpAfterHours: 240 })).toEqual([]);
    expect(problemsOf({ ...MINIMAL, giveUpAfterHours: 241 })).toHaveLength(1);
    expect(240).toBeLessThan(LIMITS.queue.retentionDays * 24);
  });

  it.each([undefined, null, "dev", 1, [MINIMAL]])(
    "that are %j and no object are one more problem, not a crash",
    (raw) => {
      expect(problemsOf(raw)[0]).toMatch(/^environments\.prod: got .*; allowed: an object of settings$/);
    },
  );

  it.each(["", "Prod", "prod_1", "a-", "a--b", "prodprodprodprodp", "constructor/"])(
    "of an environment called %j are refused for its name, which goes into resource names",
    (name) => {
      expect(problemsOf(MINIMAL, name)[0]).toMatch(/^environments: got the name /);
    },
  );

  it("take a nested setting of a name that every JavaScript object has as unknown", () => {
    const raw: unknown = JSON.parse(JSON.stringify(MINIMAL).replace("{", '{"constructor":1,"__proto__":2,'));
    expect(problemsOf(raw).filter((problem) => problem.includes("unknown setting"))).toHaveLength(2);
  });

  it.each(environmentNames)("of the example %s are right", (name) => {
    expect(problemsOf(settingsOf(name), name)).toEqual([]);
  });
});

describe("environments beside each other", () => {
  const environments = object(cdkContext["environments"]);

  it.each(environmentNames)("do not get in each other's way: %s", (name) => {
    expect(collisionProblems(name, environments)).toEqual([]);
  });

  it("may not share the host name, nor the identity that each stack would make", () => {
    const twin = { ...environments, twin: settingsOf("prod") };
    expect(collisionProblems("twin", twin)).toEqual([
      'environments.twin.hostName: got "relay.example.net", which prod has too; allowed: a name of its own',
      "environments.twin.systemAddress: got the domain of prod's in the same region; allowed: one of its own, since with " +
        "hostedZone each stack makes the identity of its domain",
    ]);
    const elsewhere = { ...twin, twin: settingsOf("prod", { region: "ap-northeast-1", hostName: "two.example.net" }) };
    expect(collisionProblems("twin", elsewhere)).toEqual([]);
    expect(collisionProblems("twin", { ...twin, prod: null, other: 5 })).toEqual([]);
  });
});
