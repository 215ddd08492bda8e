/** The events that the local SES publishes: their form, the mailbox simulator, suppression, and a topic that fails. */

import {
  CreateTenantCommand,
  CreateTenantResourceAssociationCommand,
  PutAccountSuppressionAttributesCommand,
  PutConfigurationSetSuppressionOptionsCommand,
  PutSuppressedDestinationCommand,
  UpdateConfigurationSetEventDestinationCommand,
} from "@aws-sdk/client-sesv2";
import { afterEach, describe, expect, it } from "vitest";

import { LocalSes, SET, type SesEventJson, TOPIC } from "../support/local-ses.ts";

let ses: LocalSes;
afterEach(async () => ses.stop());

const MAIL = "From: Ann <a@example.com>\r\nTo: b@example.net\r\nSubject: hello\r\n\r\nbody\r\n";
const IN_SET = { ConfigurationSetName: SET };
const at = (local: string): string => `${local}@simulator.amazonses.com`;
const typesOf = (events: SesEventJson[]): string[] => events.map((event) => event.eventType);

describe("events of an ordinary delivery", () => {
  it("publishes Send and then Delivery in the documented form", async () => {
    ses = await LocalSes.startWithEvents();
    const raw =
      "From: Ann <a@example.com>\r\nTo: b@example.net, C <c@example.net>\r\nSubject: =?utf-8?q?x?=\r\nMessage-ID: <1@x>\r\n\r\n";
    const id = await ses.send(raw, "b@example.net", { ...IN_SET, EmailTags: [{ Name: "relayhost-id", Value: "q1" }] });
    const [send, delivery] = await ses.waitForEvents(id, 2);
    expect(ses.published.map(({ topicArn }) => topicArn)).toEqual([TOPIC, TOPIC]);
    const iso = expect.stringMatching(/^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z$/) as unknown;
    const mail = {
      timestamp: iso,
      source: "a@example.com",
      sourceArn: "arn:aws:ses:us-east-1:000000000000:identity/example.com",
      sendingAccountId: "000000000000",
      messageId: id,
      destination: ["b@example.net"],
      headersTruncated: false,
      headers: [
        { name: "From", value: "Ann <a@example.com>" },
        { name: "To", value: "b@example.net, C <c@example.net>" },
        { name: "Subject", value: "=?utf-8?q?x?=" },
        { name: "Message-ID", value: "<1@x>" },
      ],
      commonHeaders: {
        from: ["Ann <a@example.com>"],
        to: ["b@example.net", "c@example.net"],
        messageId: id,
        subject: "=?utf-8?q?x?=",
      },
      tags: {
        "relayhost-id": ["q1"],
        "ses:configuration-set": [SET],
        "ses:from-domain": ["example.com"],
        "ses:operation": ["SendEmail"],
        "ses:source-ip": ["127.0.0.1"],
        "ses:source-tls-version": ["TLSv1.3"],
        "ses:caller-identity": ["local"],
      },
    };
    expect(send).toEqual({ eventType: "Send", mail, send: {} });
    expect(delivery).toEqual({
      eventType: "Delivery",
      mail,
      delivery: {
        timestamp: iso,
        processingTimeMillis: expect.any(Number) as unknown,
        recipients: ["b@example.net"],
        smtpResponse: expect.stringMatching(/^250 2\.0\.0 OK /) as unknown,
        remoteMtaIp: "127.0.0.1",
        reportingMTA: "a1-1.smtp-out.us-east-1.amazonses.com",
      },
    });
  });

  it("publishes one outcome for each recipient of a call", async () => {
    ses = await LocalSes.startWithEvents();
    const id = await ses.send(MAIL, ["b@example.net", at("bounce+x"), "c@example.net"], IN_SET);
    const outcomes = (await ses.waitForEvents(id, 4)).slice(1);
    expect(typesOf(outcomes).sort()).toEqual(["Bounce", "Delivery", "Delivery"]);
    for (const { mail } of outcomes) expect(mail.destination.length).toBe(3);
  });

  it("cuts headers beyond 10 KB from the event and says so", async () => {
    ses = await LocalSes.startWithEvents();
    const id = await ses.send(
      `X-Big: ${"x".repeat(9_000)}\r\nX-More: ${"y".repeat(3_000)}\r\n${MAIL}`,
      at("success"),
      IN_SET,
    );
    const [send] = await ses.waitForEvents(id, 1);
    expect(send?.mail.headersTruncated).toBe(true);
    expect(send?.mail.headers.map(({ name }) => name)).toEqual(["X-Big"]);
  });
});

describe("the mailbox simulator", () => {
  it.each([
    ["success", ["Send", "Delivery"]],
    ["SUCCESS+label", ["Send", "Delivery"]],
    ["ooto", ["Send", "Delivery"]],
    ["complaint", ["Send", "Delivery", "Complaint"]],
    ["delay", ["Send", "DeliveryDelay", "Delivery"]],
    ["timeout", ["Send", "DeliveryDelay", "Bounce"]],
    ["latebounce", ["Send", "Delivery", "Bounce"]],
    ["twice", ["Send", "Delivery", "Delivery"]],
    ["complaintsuppressed", ["Send", "Complaint"]],
    ["reject", ["Send", "Reject"]],
    ["anything-else", ["Send", "Delivery"]],
    ["constructor", ["Send", "Delivery"]],
  ])("%s gives %j", async (local, types) => {
    ses = await LocalSes.startWithEvents();
    const id = await ses.send(MAIL, at(local), IN_SET);
    expect(typesOf(await ses.waitForEvents(id, types.length))).toEqual(types);
  });

  it.each([
    ["bounce+label", "Permanent", "General", "5.1.1"],
    ["suppressionlist", "Permanent", "Suppressed", "5.1.1"],
    ["noemail", "Permanent", "NoEmail", "5.1.1"],
    ["softbounce", "Transient", "General", "4.0.0"],
    ["mailboxfull", "Transient", "MailboxFull", "5.2.2"],
    ["toolarge", "Transient", "MessageTooLarge", "5.3.4"],
    ["contentrejected", "Transient", "ContentRejected", "5.7.1"],
    ["attachmentrejected", "Transient", "AttachmentRejected", "5.7.1"],
    ["barebounce", "Permanent", "General", undefined],
    ["undetermined", "Undetermined", "Undetermined", undefined],
  ])("%s bounces as %s/%s with the status %s", async (local, bounceType, bounceSubType, status) => {
    ses = await LocalSes.startWithEvents();
    const id = await ses.send(MAIL, at(local), IN_SET);
    const bounce = (await ses.waitForEvents(id, 2))[1];
    const reported = {
      emailAddress: at(local),
      action: "failed",
      status,
      diagnosticCode: expect.any(String) as unknown,
    };
    expect(bounce).toMatchObject({ eventType: "Bounce", bounce: { bounceType, bounceSubType } });
    expect(bounce).toHaveProperty("bounce.bouncedRecipients", [
      status === undefined ? { emailAddress: at(local) } : reported,
    ]);
  });

  it("gives nothing after Send for silent", async () => {
    ses = await LocalSes.startWithEvents();
    const silent = await ses.send(MAIL, at("silent"), IN_SET);
    const other = await ses.send(MAIL, at("complaint"), IN_SET);
    await ses.waitForEvents(other, 3);
    expect(typesOf(ses.eventsOf(silent))).toEqual(["Send"]);
  });

  it("has the documented members in delay, complaint and reject", async () => {
    ses = await LocalSes.startWithEvents();
    const delay = (await ses.waitForEvents(await ses.send(MAIL, at("delay"), IN_SET), 2))[1];
    expect(delay?.["deliveryDelay"]).toEqual({
      timestamp: expect.any(String) as unknown,
      delayType: "TransientCommunicationFailure",
      expirationTime: expect.any(String) as unknown,
      delayedRecipients: [
        {
          emailAddress: at("delay"),
          status: "4.4.1",
          diagnosticCode: "smtp; 421 4.4.1 Unable to connect to remote host",
        },
      ],
      reportingMTA: "a1-1.smtp-out.us-east-1.amazonses.com",
    });
    const complaint = (await ses.waitForEvents(await ses.send(MAIL, at("complaint"), IN_SET), 3))[2];
    expect(complaint?.["complaint"]).toMatchObject({
      complaintSubType: null,
      complaintFeedbackType: "abuse",
      complainedRecipients: [{ emailAddress: at("complaint") }],
    });
    const reject = (await ses.waitForEvents(await ses.send(MAIL, at("reject"), IN_SET), 2))[1];
    expect(reject?.["reject"]).toEqual({ reason: "Bad content" });
  });

  it("rejects a message with the EICAR test string, plain or in base64, for every recipient", async () => {
    ses = await LocalSes.startWithEvents();
    const eicar = ["X5O!P%@AP[4\\PZX54(P^)7CC)7}$", "EICAR-STANDARD-ANTIVIRUS-TEST-FILE!$H+H*"].join("");
    const encoded = Buffer.from(eicar).toString("base64").replace(/.{76}/g, "$&\r\n");
    for (const body of [eicar, encoded]) {
      const id = await ses.send(MAIL + body, ["b@example.net", "c@example.net"], IN_SET);
      expect(typesOf(await ses.waitForEvents(id, 2))).toEqual(["Send", "Reject"]);
    }
  });
});

describe("where events go", () => {
  it("publishes only the types that a destination asks for, and nothing to a disabled one", async () => {
    ses = await LocalSes.startWithEvents({}, ["BOUNCE"]);
    await ses.createSet("other", "arn:aws:sns:us-east-1:000000000000:other");
    const quiet = await ses.send(MAIL, at("complaint"), IN_SET);
    const bounced = await ses.send(MAIL, at("bounce"), IN_SET);
    const elsewhere = await ses.send(MAIL, at("success"), { ConfigurationSetName: "other" });
    await ses.waitForEvents(elsewhere, 2);
    await ses.waitForEvents(bounced, 1);
    expect(ses.eventsOf(quiet)).toEqual([]);
    expect(typesOf(ses.eventsOf(bounced))).toEqual(["Bounce"]);
    expect(ses.published.filter(({ topicArn }) => topicArn.endsWith(":other")).length).toBe(2);

    await ses.client.send(
      new UpdateConfigurationSetEventDestinationCommand({
        ConfigurationSetName: SET,
        EventDestinationName: "sns",
        EventDestination: { Enabled: false, MatchingEventTypes: ["BOUNCE"], SnsDestination: { TopicArn: TOPIC } },
      }),
    );
    const off = await ses.send(MAIL, at("bounce"), IN_SET);
    await ses.waitForEvents(await ses.send(MAIL, at("bounce"), { ConfigurationSetName: "other" }), 2);
    expect(ses.eventsOf(off)).toEqual([]);
  });

  it("publishes nothing for a message without a configuration set", async () => {
    ses = await LocalSes.startWithEvents();
    const without = await ses.send(MAIL, at("bounce"));
    await ses.waitForEvents(await ses.send(MAIL, at("complaint"), IN_SET), 3);
    expect(ses.eventsOf(without)).toEqual([]);
  });

  it("obeys the X-SES fields of the message where the request says nothing", async () => {
    ses = await LocalSes.startWithEvents();
    const id = await ses.send(
      `x-ses-configuration-set: ${SET}\r\nX-SES-MESSAGE-TAGS: k=v, m=n\r\n${MAIL}`,
      "b@example.net",
    );
    const [send] = await ses.waitForEvents(id, 2);
    expect(send?.mail.tags).toMatchObject({ k: ["v"], m: ["n"], "ses:configuration-set": [SET] });
    await expect(ses.send(`X-SES-TENANT: nobody\r\n${MAIL}`, "b@example.net")).rejects.toThrow("Tenant nobody");
  });
});

describe("suppression lists", () => {
  const suppress = (EmailAddress: string, TenantName?: string): Promise<unknown> =>
    ses.client.send(
      new PutSuppressedDestinationCommand({ EmailAddress, Reason: "BOUNCE", ...(TenantName && { TenantName }) }),
    );
  const subTypeOf = async (to: string, more: object): Promise<unknown> => {
    const outcome = (await ses.waitForEvents(await ses.send(MAIL, to, more), 2))[1];
    return outcome?.eventType === "Bounce"
      ? (outcome["bounce"] as Record<string, unknown>)["bounceSubType"]
      : outcome?.eventType;
  };

  it("takes mail to an address on the account's list and bounces it, unless the set has suppression off", async () => {
    ses = await LocalSes.startWithEvents();
    await suppress("Blocked@example.net");
    expect(await subTypeOf("blocked@EXAMPLE.net", IN_SET)).toBe("OnAccountSuppressionList");
    expect(await subTypeOf("free@example.net", IN_SET)).toBe("Delivery");
    await ses.client.send(
      new PutConfigurationSetSuppressionOptionsCommand({ ConfigurationSetName: SET, SuppressedReasons: [] }),
    );
    expect(await subTypeOf("blocked@example.net", IN_SET)).toBe("Delivery");
  });

  it("leaves out reasons that the account does not suppress", async () => {
    ses = await LocalSes.startWithEvents();
    await suppress("blocked@example.net");
    await ses.client.send(new PutAccountSuppressionAttributesCommand({ SuppressedReasons: ["COMPLAINT"] }));
    expect(await subTypeOf("blocked@example.net", IN_SET)).toBe("Delivery");
  });

  it("keeps a tenant's list to that tenant when its scope is TENANT", async () => {
    ses = await LocalSes.startWithEvents();
    const tenants = { own: { SuppressionScope: "TENANT" as const }, shared: { SuppressionScope: "ACCOUNT" as const } };
    for (const [TenantName, scope] of Object.entries(tenants)) {
      const SuppressionAttributes = { SuppressedReasons: ["BOUNCE" as const], ...scope };
      await ses.client.send(new CreateTenantCommand({ TenantName, SuppressionAttributes }));
      for (const resource of ["identity/example.com", `configuration-set/${SET}`]) {
        const ResourceArn = `arn:aws:ses:us-east-1:000000000000:${resource}`;
        await ses.client.send(new CreateTenantResourceAssociationCommand({ TenantName, ResourceArn }));
      }
    }
    await suppress("mine@example.net", "own");
    await suppress("all@example.net");
    const as = (TenantName: string): object => ({ ...IN_SET, TenantName });
    expect(await subTypeOf("mine@example.net", as("own"))).toBe("OnTenantSuppressionList");
    expect(await subTypeOf("all@example.net", as("own"))).toBe("Delivery");
    expect(await subTypeOf("mine@example.net", as("shared"))).toBe("Delivery");
    expect(await subTypeOf("all@example.net", as("shared"))).toBe("OnAccountSuppressionList");
    expect(await subTypeOf("mine@example.net", IN_SET)).toBe("Delivery");
  });
});

describe("events that cannot be published", () => {
  it("tries again until the topic takes them, Send first", async () => {
    let failures = 3;
    const logged: string[] = [];
    ses = await LocalSes.startWithEvents({
      publish: () => (failures-- > 0 ? Promise.reject(new Error("topic is down")) : Promise.resolve()),
      log: (line) => logged.push(line),
    });
    const id = await ses.send(MAIL, at("bounce"), IN_SET);
    expect(typesOf(await ses.waitForEvents(id, 2))).toEqual(["Send", "Bounce"]);
    expect(logged).toEqual([expect.stringContaining(`cannot be published to ${TOPIC}`)]);
  });

  it("publishes them after a restart when the topic was down until then, and none twice", async () => {
    let down = true;
    ses = await LocalSes.startWithEvents({
      publish: () => (down ? Promise.reject(new Error("topic is down")) : Promise.resolve()),
    });
    const ids = await Promise.all(Array.from({ length: 20 }, () => ses.send(MAIL, at("bounce"), IN_SET)));
    expect(ses.published).toEqual([]);
    down = false;
    await ses.restart();
    for (const id of ids) expect(typesOf(await ses.waitForEvents(id, 2))).toEqual(["Send", "Bounce"]);
    await ses.restart();
    const last = await ses.send(MAIL, at("complaint"), IN_SET);
    await ses.waitForEvents(last, 3);
    expect(ses.published.length).toBe(43);
  });

  it("does not hold back the events of another topic", async () => {
    const OTHER = "arn:aws:sns:us-east-1:000000000000:other";
    ses = await LocalSes.startWithEvents({
      publish: (topicArn) => (topicArn === TOPIC ? Promise.reject(new Error("gone")) : Promise.resolve()),
    });
    await ses.createSet("other", OTHER);
    await ses.send(MAIL, at("success"), IN_SET);
    const id = await ses.send(MAIL, at("success"), { ConfigurationSetName: "other" });
    expect(typesOf(await ses.waitForEvents(id, 2))).toEqual(["Send", "Delivery"]);
  });

  it("keeps what is not yet due over a restart", async () => {
    ses = await LocalSes.startWithEvents({ eventDelayMs: 60_000 });
    const id = await ses.send(MAIL, at("success"), IN_SET);
    await ses.restart({ now: () => new Date(Date.now() + 600_000) });
    expect(typesOf(await ses.waitForEvents(id, 2))).toEqual(["Send", "Delivery"]);
  });
});
