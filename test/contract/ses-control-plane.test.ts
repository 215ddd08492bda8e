/** The control plane of the local SES, through the AWS SDK: what is set is read back, also by the next process. */

import {
  AlreadyExistsException,
  BadRequestException,
  CreateConfigurationSetCommand,
  CreateConfigurationSetEventDestinationCommand,
  CreateEmailIdentityCommand,
  DeleteConfigurationSetCommand,
  DeleteConfigurationSetEventDestinationCommand,
  DeleteEmailIdentityCommand,
  GetAccountCommand,
  GetConfigurationSetCommand,
  GetConfigurationSetEventDestinationsCommand,
  GetEmailIdentityCommand,
  ListConfigurationSetsCommand,
  ListEmailIdentitiesCommand,
  MailFromDomainNotVerifiedException,
  NotFoundException,
  PutAccountSendingAttributesCommand,
  PutConfigurationSetDeliveryOptionsCommand,
  PutConfigurationSetSendingOptionsCommand,
  PutConfigurationSetSuppressionOptionsCommand,
  PutEmailIdentityConfigurationSetAttributesCommand,
  PutEmailIdentityDkimAttributesCommand,
  PutEmailIdentityDkimSigningAttributesCommand,
  PutEmailIdentityFeedbackAttributesCommand,
  PutEmailIdentityMailFromAttributesCommand,
  SendingPausedException,
  TooManyRequestsException,
  UpdateConfigurationSetEventDestinationCommand,
} from "@aws-sdk/client-sesv2";
import { afterEach, beforeEach, describe, expect, it } from "vitest";

import { LocalSes, SET, TOPIC } from "../support/local-ses.ts";

let ses: LocalSes;
beforeEach(async () => {
  ses = await LocalSes.start();
});
afterEach(async () => ses.stop());

const MAIL = "From: a@example.com\r\n\r\nbody\r\n";

describe("configuration sets", () => {
  it("creates one with its options, reads it back after a restart, and deletes it", async () => {
    await ses.client.send(
      new CreateConfigurationSetCommand({
        ConfigurationSetName: SET,
        DeliveryOptions: { TlsPolicy: "REQUIRE", MaxDeliverySeconds: 3600 },
        SuppressionOptions: { SuppressedReasons: [] },
        Tags: [{ Key: "env", Value: "dev" }],
      }),
    );
    const named = { ConfigurationSetName: SET };
    await expect(ses.client.send(new CreateConfigurationSetCommand(named))).rejects.toThrow(AlreadyExistsException);
    await ses.restart();
    const { $metadata: _, ...set } = await ses.client.send(new GetConfigurationSetCommand(named));
    expect(set).toEqual({
      ConfigurationSetName: SET,
      SendingOptions: { SendingEnabled: true },
      DeliveryOptions: { TlsPolicy: "REQUIRE", MaxDeliverySeconds: 3600 },
      SuppressionOptions: { SuppressedReasons: [] },
      Tags: [{ Key: "env", Value: "dev" }],
    });
    await ses.client.send(new DeleteConfigurationSetCommand(named));
    await expect(ses.client.send(new GetConfigurationSetCommand(named))).rejects.toThrow(NotFoundException);
    await expect(ses.client.send(new DeleteConfigurationSetCommand(named))).rejects.toThrow(NotFoundException);
  });

  it("refuses names and delivery times that SES does not take", async () => {
    for (const name of ["a b", "x".repeat(65)]) {
      const create = new CreateConfigurationSetCommand({ ConfigurationSetName: name });
      await expect(ses.client.send(create)).rejects.toThrow(BadRequestException);
    }
    await ses.createSet(SET, TOPIC);
    for (const MaxDeliverySeconds of [299, 50_401]) {
      const put = new PutConfigurationSetDeliveryOptionsCommand({ ConfigurationSetName: SET, MaxDeliverySeconds });
      await expect(ses.client.send(put)).rejects.toThrow(BadRequestException);
    }
    await ses.client.send(
      new PutConfigurationSetDeliveryOptionsCommand({ ConfigurationSetName: SET, MaxDeliverySeconds: 300 }),
    );
    const set = await ses.client.send(new GetConfigurationSetCommand({ ConfigurationSetName: SET }));
    expect(set.DeliveryOptions).toEqual({ MaxDeliverySeconds: 300 });
  });

  it("refuses mail through one that is paused or does not exist", async () => {
    await expect(ses.send(MAIL, "b@example.net", { ConfigurationSetName: "none" })).rejects.toMatchObject({
      name: "NotFoundException",
      message: "Configuration set <none> does not exist.",
      $metadata: { httpStatusCode: 404 },
    });
    await ses.createSet(SET, TOPIC);
    const put = (SendingEnabled: boolean): Promise<unknown> =>
      ses.client.send(new PutConfigurationSetSendingOptionsCommand({ ConfigurationSetName: SET, SendingEnabled }));
    await put(false);
    await expect(ses.send(MAIL, "b@example.net", { ConfigurationSetName: SET })).rejects.toThrow(
      SendingPausedException,
    );
    await ses.send(MAIL, "b@example.net");
    await put(true);
    await ses.send(MAIL, "b@example.net", { ConfigurationSetName: SET });
  });

  it("lists them page by page", async () => {
    for (const name of ["c", "a", "e", "b", "d"]) {
      await ses.client.send(new CreateConfigurationSetCommand({ ConfigurationSetName: name }));
    }
    const pages: (string[] | undefined)[] = [];
    let NextToken: string | undefined;
    do {
      const page = await ses.client.send(
        new ListConfigurationSetsCommand({ PageSize: 2, ...(NextToken && { NextToken }) }),
      );
      pages.push(page.ConfigurationSets);
      NextToken = page.NextToken;
    } while (NextToken !== undefined);
    expect(pages).toEqual([["a", "b"], ["c", "d"], ["e"]]);
    await expect(ses.client.send(new ListConfigurationSetsCommand({ NextToken: "x" }))).rejects.toMatchObject({
      name: "InvalidNextTokenException",
    });
  });

  it("creates, changes and deletes event destinations", async () => {
    await ses.createSet(SET, TOPIC, ["SEND"]);
    const named = { ConfigurationSetName: SET, EventDestinationName: "sns" };
    const destination = { Enabled: true, MatchingEventTypes: ["SEND" as const], SnsDestination: { TopicArn: TOPIC } };
    const create = new CreateConfigurationSetEventDestinationCommand({ ...named, EventDestination: destination });
    await expect(ses.client.send(create)).rejects.toThrow(AlreadyExistsException);
    const changed = { ...destination, Enabled: false, MatchingEventTypes: ["BOUNCE" as const, "DELIVERY" as const] };
    await ses.client.send(new UpdateConfigurationSetEventDestinationCommand({ ...named, EventDestination: changed }));
    await ses.restart();
    const get = new GetConfigurationSetEventDestinationsCommand({ ConfigurationSetName: SET });
    expect((await ses.client.send(get)).EventDestinations).toEqual([{ Name: "sns", ...changed }]);
    const missing = { ...named, EventDestinationName: "none" };
    for (const command of [
      new UpdateConfigurationSetEventDestinationCommand({ ...missing, EventDestination: destination }),
      new DeleteConfigurationSetEventDestinationCommand(missing),
    ]) {
      await expect(ses.client.send(command as DeleteConfigurationSetEventDestinationCommand)).rejects.toThrow(
        NotFoundException,
      );
    }
    for (const EventDestination of [
      { Enabled: true, MatchingEventTypes: [], SnsDestination: { TopicArn: TOPIC } },
      { Enabled: true, MatchingEventTypes: ["SEND" as const] },
      { Enabled: true, MatchingEventTypes: ["NEWS" as never], SnsDestination: { TopicArn: TOPIC } },
    ]) {
      const bad = { ConfigurationSetName: SET, EventDestinationName: "bad", EventDestination };
      const command = new CreateConfigurationSetEventDestinationCommand(bad);
      await expect(ses.client.send(command)).rejects.toThrow(BadRequestException);
    }
    await ses.client.send(new DeleteConfigurationSetEventDestinationCommand(named));
    expect((await ses.client.send(get)).EventDestinations).toEqual([]);
  });
});

describe("identities", () => {
  it("creates a domain that waits with three DKIM tokens until it is verified locally, then may send", async () => {
    const named = { EmailIdentity: "example.org" };
    const created = await ses.client.send(new CreateEmailIdentityCommand({ EmailIdentity: "Example.ORG" }));
    expect(created).toMatchObject({ IdentityType: "DOMAIN", VerifiedForSendingStatus: false });
    expect(created.DkimAttributes).toMatchObject({
      Status: "PENDING",
      SigningEnabled: true,
      SigningAttributesOrigin: "AWS_SES",
      CurrentSigningKeyLength: "RSA_2048_BIT",
    });
    const tokens = created.DkimAttributes?.Tokens ?? [];
    expect(new Set(tokens).size).toBe(3);
    for (const token of tokens) expect(token).toMatch(/^[a-z0-9]{32}$/);
    expect(created.DkimAttributes?.SigningHostedZone).toMatch(/\.amazonses\.com$/);
    await expect(ses.client.send(new CreateEmailIdentityCommand(named))).rejects.toThrow(AlreadyExistsException);
    const raw = MAIL.replace("example.com", "example.org");
    await expect(ses.send(raw, "b@example.net")).rejects.toThrow("Email address is not verified");

    await fetch(`${ses.url}/local/verify`, { method: "POST", body: JSON.stringify({ identity: "example.org" }) });
    await ses.restart();
    expect(await ses.client.send(new GetEmailIdentityCommand(named))).toMatchObject({
      IdentityType: "DOMAIN",
      VerifiedForSendingStatus: true,
      VerificationStatus: "SUCCESS",
      FeedbackForwardingStatus: true,
      DkimAttributes: { Status: "SUCCESS", Tokens: tokens },
    });
    await ses.send(raw, "b@example.net");
    await ses.client.send(new DeleteEmailIdentityCommand(named));
    await expect(ses.client.send(new GetEmailIdentityCommand(named))).rejects.toThrow(NotFoundException);
    await expect(ses.send(raw, "b@example.net")).rejects.toThrow("Email address is not verified");
  });

  it("verifies new identities at once when told to", async () => {
    await ses.restart({ verifyNewIdentities: true });
    const created = await ses.client.send(new CreateEmailIdentityCommand({ EmailIdentity: "me@example.org" }));
    expect(created).toMatchObject({ IdentityType: "EMAIL_ADDRESS", VerifiedForSendingStatus: true });
    await ses.send("From: me@example.org\r\n\r\n", "b@example.net");
  });

  it("refuses what is neither a domain nor an address", async () => {
    for (const EmailIdentity of ["localhost", "a b.example", "@example.org", "a@b"]) {
      await expect(ses.client.send(new CreateEmailIdentityCommand({ EmailIdentity }))).rejects.toThrow(
        BadRequestException,
      );
    }
    const verify = await fetch(`${ses.url}/local/verify`, { method: "POST", body: '{"identity":"nonsense"}' });
    expect(verify.status).toBe(400);
  });

  it("keeps feedback, DKIM and configuration set settings", async () => {
    await ses.createSet(SET, TOPIC);
    const named = { EmailIdentity: "example.com" };
    await ses.client.send(new PutEmailIdentityFeedbackAttributesCommand({ ...named, EmailForwardingEnabled: false }));
    await ses.client.send(new PutEmailIdentityDkimAttributesCommand({ ...named, SigningEnabled: false }));
    await ses.client.send(
      new PutEmailIdentityConfigurationSetAttributesCommand({ ...named, ConfigurationSetName: SET }),
    );
    await ses.restart();
    expect(await ses.client.send(new GetEmailIdentityCommand(named))).toMatchObject({
      FeedbackForwardingStatus: false,
      DkimAttributes: { SigningEnabled: false },
      ConfigurationSetName: SET,
    });
    const id = await ses.send(MAIL, "b@example.net");
    expect(await ses.outboxRequest(id)).toMatchObject({ configurationSetName: SET });
    expect((await ses.waitForEvents(id, 2)).map(({ eventType }) => eventType)).toEqual(["Send", "Delivery"]);
  });

  it("gives new tokens for a new key length and takes an own key", async () => {
    const named = { EmailIdentity: "example.com" };
    const put = (more: object): Promise<{ DkimTokens?: string[] | undefined }> =>
      ses.client.send(
        new PutEmailIdentityDkimSigningAttributesCommand({ ...named, SigningAttributesOrigin: "AWS_SES", ...more }),
      );
    const first = (await put({})).DkimTokens;
    expect((await put({})).DkimTokens).toEqual(first);
    const other = await put({ SigningAttributes: { NextSigningKeyLength: "RSA_1024_BIT" } });
    expect(other.DkimTokens).not.toEqual(first);
    const own = { DomainSigningSelector: "s1", DomainSigningPrivateKey: "MIIB" };
    expect((await put({ SigningAttributesOrigin: "EXTERNAL", SigningAttributes: own })).DkimTokens).toEqual(["s1"]);
  });

  it("holds mail of a domain whose MAIL FROM domain must be verified and is not", async () => {
    const named = { EmailIdentity: "example.com" };
    const put = (MailFromDomain: string): Promise<unknown> =>
      ses.client.send(
        new PutEmailIdentityMailFromAttributesCommand({
          ...named,
          MailFromDomain,
          BehaviorOnMxFailure: "REJECT_MESSAGE",
        }),
      );
    await expect(put("bounce.example.org")).rejects.toThrow(BadRequestException);
    await put("bounce.example.com");
    const identity = await ses.client.send(new GetEmailIdentityCommand(named));
    expect(identity.MailFromAttributes).toEqual({
      MailFromDomain: "bounce.example.com",
      MailFromDomainStatus: "PENDING",
      BehaviorOnMxFailure: "REJECT_MESSAGE",
    });
    await expect(ses.send(MAIL, "b@example.net")).rejects.toThrow(MailFromDomainNotVerifiedException);
    await fetch(`${ses.url}/local/verify`, { method: "POST", body: JSON.stringify({ identity: "example.com" }) });
    await ses.send(MAIL, "b@example.net");
    await put("");
    expect((await ses.client.send(new GetEmailIdentityCommand(named))).MailFromAttributes?.MailFromDomain).toBe(
      undefined,
    );
  });

  it("lists them with their state", async () => {
    await ses.client.send(new CreateEmailIdentityCommand({ EmailIdentity: "a@example.org" }));
    expect((await ses.client.send(new ListEmailIdentitiesCommand({}))).EmailIdentities).toEqual([
      {
        IdentityType: "EMAIL_ADDRESS",
        IdentityName: "a@example.org",
        SendingEnabled: false,
        VerificationStatus: "PENDING",
      },
      { IdentityType: "DOMAIN", IdentityName: "example.com", SendingEnabled: true, VerificationStatus: "SUCCESS" },
    ]);
  });
});

describe("the control plane as a whole", () => {
  it("answers 429 above the control rate, and does not count sending", async () => {
    let now = Date.parse("2026-11-05T00:00:00Z");
    await ses.restart({ controlRatePerSecond: 1, now: () => new Date(now) });
    await ses.client.send(new GetAccountCommand({}));
    await expect(ses.client.send(new GetAccountCommand({}))).rejects.toThrow(TooManyRequestsException);
    for (let i = 0; i < 3; i++) await ses.send(MAIL, "b@example.net");
    now += 1000;
    await ses.client.send(new GetAccountCommand({}));
  });

  it("remembers a paused account over a restart", async () => {
    await ses.client.send(new PutAccountSendingAttributesCommand({ SendingEnabled: false }));
    await ses.restart();
    expect((await ses.client.send(new GetAccountCommand({}))).SendingEnabled).toBe(false);
  });

  it("keeps every one of many changes that come at once", async () => {
    const names = Array.from({ length: 60 }, (_, i) => `set-${i}`).sort();
    await Promise.all(
      names.map((name) => ses.client.send(new CreateConfigurationSetCommand({ ConfigurationSetName: name }))),
    );
    await ses.restart();
    const { ConfigurationSets } = await ses.client.send(new ListConfigurationSetsCommand({}));
    expect(ConfigurationSets).toEqual(names);
  });

  it("overrides suppression per configuration set and reads it back", async () => {
    await ses.createSet(SET, TOPIC);
    const named = { ConfigurationSetName: SET };
    await ses.client.send(
      new PutConfigurationSetSuppressionOptionsCommand({
        ...named,
        SuppressedReasons: ["COMPLAINT"],
        SuppressionScope: "ACCOUNT",
      }),
    );
    const set = await ses.client.send(new GetConfigurationSetCommand(named));
    expect(set.SuppressionOptions).toEqual({ SuppressedReasons: ["COMPLAINT"], SuppressionScope: "ACCOUNT" });
  });
});
