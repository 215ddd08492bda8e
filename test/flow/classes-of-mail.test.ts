/**
 * Mail that servers send besides their users' own, from the client's first command to the octets that SES takes.
 *
 * SES (the local one) refuses a From that is not verified, so a rewrite that is wrong does not arrive.
 */

import { type AddressObject, simpleParser } from "mailparser";
import { afterAll, afterEach, beforeAll, describe, expect, it } from "vitest";
import { writeRow } from "../../lib/aws/directory-dynamo.ts";
import { readMessage } from "../../lib/aws/ledger-dynamo.ts";
import type { Tenant } from "../../lib/core/directory.ts";
import { parseQueueId, type QueueId } from "../../lib/core/queue-id.ts";
import type { SendFault } from "../../lib/local/ses-server.ts";
import { classSample, classSampleNames, playSample } from "../support/class-samples.ts";
import { fillDirectory, line, startTestEdge, type TestEdge } from "../support/edge.ts";
import { type Pipeline, startPipeline, TEST_SYSTEM_ADDRESS } from "../support/pipeline.ts";
import { splitMessage } from "../support/raw-message.ts";
import type { SmtpClient } from "../support/smtp-client.ts";

/** What becomes of a sample: its From, Reply-To and Auto-Submitted when it leaves, or the reply. */
interface Fate {
  readonly senderClass?: string;
  readonly from?: string;
  readonly replyTo?: string | undefined;
  readonly autoSubmitted?: string | undefined;
  readonly reply?: string;
}

const foreignFrom = (domain: string): Fate => ({
  reply: `550 5.7.1 From field names ${domain}, which is not registered for you: register it with the operator of this relay or use a domain that is`,
});
const foreignSender = (domain: string): Fate => ({
  reply: `550 5.7.1 Sender domain ${domain} is not registered for you: register it with the operator of this relay or use one that is`,
});

/** The same under both policies: the server's own mail. */
const SERVERS_OWN: Readonly<Record<string, Fate>> = {
  "postfix-bounce": {
    senderClass: "bounce",
    from: `Mail Delivery System (MAILER-DAEMON@plesk1.hosting.example) <${TEST_SYSTEM_ADDRESS}>`,
    autoSubmitted: "auto-replied",
  },
  "exim-bounce": {
    senderClass: "bounce",
    from: `Mail Delivery System (Mailer-Daemon@cpanel1.hosting.example) <${TEST_SYSTEM_ADDRESS}>`,
    autoSubmitted: "auto-replied",
  },
  "sendmail-bounce": {
    senderClass: "bounce",
    from: `Mail Delivery Subsystem (MAILER-DAEMON@plesk1.hosting.example) <${TEST_SYSTEM_ADDRESS}>`,
    autoSubmitted: "auto-generated (failure)",
  },
  "qmail-bounce": {
    senderClass: "bounce",
    from: `MAILER-DAEMON@plesk2.hosting.example <${TEST_SYSTEM_ADDRESS}>`,
    autoSubmitted: "auto-replied",
  },
  "exchange-bounce": {
    senderClass: "bounce",
    from: `Microsoft Outlook (MicrosoftExchange329e71ec88ae4615bbc36ab6ce41109e@corp.local) <${TEST_SYSTEM_ADDRESS}>`,
    autoSubmitted: "auto-replied",
  },
  "forwarded-bounce": {
    senderClass: "bounce",
    from: `Mail Delivery System (MAILER-DAEMON@mx.example.org) <${TEST_SYSTEM_ADDRESS}>`,
    autoSubmitted: "auto-replied",
  },
  "sieve-vacation": {
    senderClass: "auto-reply",
    from: "\u5c71\u7530\u592a\u90ce <yamada@example.jp>",
    autoSubmitted: "auto-replied (vacation)",
  },
  "exim-autoreply": { senderClass: "auto-reply", from: "<away@example.com>", autoSubmitted: "auto-replied" },
  "read-receipt": { senderClass: "auto-reply", from: "Yamada <yamada@example.jp>", autoSubmitted: "auto-replied" },
  cron: {
    senderClass: "system",
    from: `Cron Daemon (root@plesk1.hosting.example) <${TEST_SYSTEM_ADDRESS}>`,
    replyTo: "Cron Daemon <root@plesk1.hosting.example>",
    autoSubmitted: "auto-generated",
  },
  "cron-without-domain": {
    senderClass: "system",
    from: `Cron Daemon (root) <${TEST_SYSTEM_ADDRESS}>`,
    autoSubmitted: "auto-generated",
  },
  "root-at-localhost": {
    senderClass: "system",
    from: `Logwatch (logwatch@localhost.localdomain) <${TEST_SYSTEM_ADDRESS}>`,
    autoSubmitted: "auto-generated",
  },
  "php-mail-without-from": {
    senderClass: "system",
    from: `root (www-data@plesk1.hosting.example) <${TEST_SYSTEM_ADDRESS}>`,
    replyTo: "root <www-data@plesk1.hosting.example>",
    autoSubmitted: "auto-generated",
  },
  "php-mail-of-own-domain": { senderClass: "own", from: "WordPress <wordpress@example.com>" },
  "mailman-list-with-own-from": {
    senderClass: "list",
    from: "Jane Example via List <list@example.com>",
    replyTo: "Jane Example <jane@example.org>, A list <list@example.com>",
  },
};

/** Somebody else's mail: by default refused, and what it becomes under `rewrite`. */
const FOREIGN: Readonly<Record<string, { readonly refused: Fate; readonly rewritten: Fate }>> = {
  "postfix-forward": {
    refused: foreignSender("example.org"),
    rewritten: {
      senderClass: "forward",
      from: "Jane Example (jane@example.org) <info@example.com>",
      replyTo: "Jane Example <jane@example.org>",
    },
  },
  "exim-forward": {
    refused: foreignSender("example.org"),
    rewritten: {
      senderClass: "forward",
      from: "Jane Example (jane@example.org) <forwarded@example.com>",
      replyTo: "Jane Example <jane@example.org>",
    },
  },
  "plesk-srs-forward": {
    refused: foreignFrom("example.org"),
    rewritten: {
      senderClass: "srs",
      from: "\u5fd7\u7530\u82b1\u5b50 (hanako@example.org) <info@example.com>",
      replyTo: "<desk@example.org>",
    },
  },
  "forward-of-old-japanese-mail": {
    refused: foreignSender("example.org"),
    rewritten: {
      senderClass: "forward",
      from: "\u5fd7\u7530\u82b1\u5b50\uff08\u55b6\u696d\uff09 (hanako@example.org) <info@example.jp>",
      replyTo: "\u5fd7\u7530\u82b1\u5b50\uff08\u55b6\u696d\uff09 <hanako@example.org>",
    },
  },
  "forward-in-tenants-name": {
    refused: foreignSender("evil.example"),
    rewritten: {
      senderClass: "forward",
      from: "The President (president@example.com) <info@example.com>",
      replyTo: "The President <president@example.com>",
    },
  },
  "mailman-list": {
    refused: foreignFrom("example.org"),
    rewritten: {
      senderClass: "list",
      from: "Jane Example (jane@example.org) <list@example.com>",
      replyTo: "Jane Example <jane@example.org>",
    },
  },
  "php-contact-form": {
    refused: foreignFrom("example.org"),
    rewritten: {
      senderClass: "on-behalf",
      from: `visitor@example.org <${TEST_SYSTEM_ADDRESS}>`,
      replyTo: "<visitor@example.org>",
    },
  },
  "forwarded-vacation": {
    refused: foreignFrom("example.org"),
    rewritten: {
      senderClass: "auto-reply",
      from: `Jane Example (jane@example.org) <${TEST_SYSTEM_ADDRESS}>`,
      replyTo: "Jane Example <jane@example.org>",
      autoSubmitted: "auto-replied",
    },
  },
};

const ACME: Tenant = { kind: "tenant", id: "acme", name: "acme", status: "active", language: "en" };

let pipeline: Pipeline;
let edge: TestEdge;
let onSend: (recipient: string) => SendFault | undefined = () => undefined;
let marks = 0;
/** For playing all samples, on a busy machine. */
const PLAY_MS = 120_000;

beforeAll(async () => {
  pipeline = await startPipeline({ onSend: (_call, request) => onSend(request.destination?.to[0] ?? "") });
  pipeline.work();
  await fillDirectory(pipeline);
  await writeRow(pipeline.directory, { kind: "domain", domain: "example.jp", tenant: "acme", status: "verified" });
  const { spool, directory } = pipeline;
  const aws = { bucket: spool.bucket, directoryTable: directory.table, spool, directory };
  edge = await startTestEdge(aws, { directoryCacheMs: 0 });
});
afterAll(async () => {
  await edge.close();
  await pipeline.close();
});

/** Sends a sample as its server would; returns the reply, and the queue id if it was taken. */
async function send(client: SmtpClient, name: string): Promise<{ reply: string; id: QueueId | undefined }> {
  const reply = line(await playSample(client, classSample(name), `mark ${marks++}`));
  return { reply, id: parseQueueId(/queued as (\S+)/.exec(reply)?.[1] ?? "") };
}

/** The octets that SES took for a queue id, once forward has tried. */
async function taken(id: QueueId): Promise<Buffer> {
  await pipeline.logged((event) => event["id"] === id && ["forwarded", "failed", "deferred"].includes(event.event));
  const sent = (await pipeline.outbox()).find(({ request }) => JSON.stringify(request).includes(id));
  if (sent === undefined) throw new Error(`SES did not take ${id}: ${JSON.stringify(await pipeline.recipients(id))}`);
  return sent.raw;
}

/** What became of each sample, all sent on one session under one policy. */
async function fatesUnder(policy: Partial<Tenant>, names: readonly string[]): Promise<Map<string, Played>> {
  await writeRow(pipeline.directory, { ...ACME, ...policy });
  const client = await edge.logIn();
  const sent: { name: string; reply: string; id: QueueId | undefined }[] = [];
  try {
    for (const name of names) sent.push({ name, ...(await send(client, name)) });
  } finally {
    await client.quit();
  }
  const played = new Map<string, Played>();
  for (const { name, reply, id } of sent) {
    const raw = id === undefined ? undefined : await taken(id);
    const event = edge.events.find((candidate) => candidate.event === "message-accepted" && candidate["id"] === id);
    played.set(name, { reply, raw, senderClass: event?.["class"] });
  }
  return played;
}

interface Played {
  readonly reply: string;
  readonly raw: Buffer | undefined;
  readonly senderClass: unknown;
}

/** Mailboxes as another parser reads them. */
function mailboxes(field: AddressObject | undefined): string | undefined {
  return field?.value.map(({ name, address }) => `${name} <${address}>`.trim()).join(", ");
}

async function expectFate(name: string, played: Played | undefined, fate: Fate): Promise<void> {
  if (played === undefined) throw new Error(`${name} was not sent`);
  if (fate.reply !== undefined) {
    expect(played.reply).toBe(fate.reply);
    return;
  }
  expect(played.reply).toMatch(/^250 /);
  const { header, body } = splitMessage(played.raw ?? Buffer.alloc(0));
  const mail = await simpleParser(Buffer.concat([header, Buffer.from("\r\n")]));
  expect(mailboxes(mail.from)).toBe(fate.from);
  expect(mailboxes(mail.replyTo)).toBe(fate.replyTo);
  expect(mail.headers.get("auto-submitted")).toBe(fate.autoSubmitted);
  expect(played.senderClass).toBe(fate.senderClass);
  const sample = splitMessage(classSample(name).bytes).body;
  expect(body.subarray(0, sample.length).equals(sample)).toBe(true);
}

it("has a fate for every sample", () => {
  expect([...Object.keys(SERVERS_OWN), ...Object.keys(FOREIGN)].toSorted()).toEqual(classSampleNames());
});

describe("a tenant with no policy of its own", () => {
  let played: Map<string, Played>;
  beforeAll(async () => {
    played = await fatesUnder({}, classSampleNames());
  }, PLAY_MS);

  it.each(Object.entries(SERVERS_OWN))("%s passes", (name, fate) => expectFate(name, played.get(name), fate));
  it.each(Object.entries(FOREIGN))("%s is refused, by the domain", (name, { refused }) =>
    expectFate(name, played.get(name), refused),
  );
});

describe("a tenant that wants foreign authors rewritten", () => {
  let played: Map<string, Played>;
  beforeAll(async () => {
    played = await fatesUnder({ foreignFrom: "rewrite" }, classSampleNames());
  }, PLAY_MS);

  it.each(Object.entries(SERVERS_OWN))("%s passes just the same", (name, fate) =>
    expectFate(name, played.get(name), fate),
  );
  it.each(Object.entries(FOREIGN))("%s leaves under another From", (name, { rewritten }) =>
    expectFate(name, played.get(name), rewritten),
  );

  it("names the domain for mail that names none of its own", async () => {
    const sample = "php-contact-form";
    const fates = await fatesUnder({ foreignFrom: "rewrite", rewriteDomain: "sub.example.com" }, [sample]);
    await expectFate(sample, fates.get(sample), {
      senderClass: "on-behalf",
      from: "visitor@example.org <forwarded@sub.example.com>",
      replyTo: "<visitor@example.org>",
    });
  });

  it("keeps the author's field as it was in X-Original-From", () => {
    expect(played.get("plesk-srs-forward")?.raw?.toString("latin1")).toContain(
      "\r\nX-Original-From: =?ISO-2022-JP?B?GyRCO1ZFRBsoQg==?= =?ISO-2022-JP?B?GyRCMlY7UhsoQg==?=\r\n <hanako@example.org>\r\n",
    );
  });
});

describe("a tenant that wants no mail of its servers themselves", () => {
  const fates: Readonly<Record<string, Fate>> = {
    "postfix-bounce": foreignFrom("plesk1.hosting.example"),
    cron: foreignSender("plesk1.hosting.example"),
    "php-mail-of-own-domain": foreignSender("plesk1.hosting.example"),
    "cron-without-domain": { reply: "550 5.6.0 From field of the message holds no valid address" },
    "sieve-vacation": SERVERS_OWN["sieve-vacation"] ?? {},
  };
  let played: Map<string, Played>;
  beforeAll(async () => {
    played = await fatesUnder({ systemMail: "refuse" }, Object.keys(fates));
  }, PLAY_MS);

  it.each(Object.entries(fates))("gets its way with %s", (name, fate) => expectFate(name, played.get(name), fate));
});

describe("reports to the sender", () => {
  const refuse = { status: 400, errorType: "MessageRejected", message: "Message contains something SES does not take" };
  let client: SmtpClient;

  beforeAll(async () => {
    await writeRow(pipeline.directory, { ...ACME, foreignFrom: "rewrite" });
    client = await edge.logIn();
  });
  afterEach(() => {
    onSend = () => undefined;
  });
  afterAll(async () => await client.quit());

  it.each([
    ["postfix-forward", "an author outside, who did not submit it"],
    ["php-mail-of-own-domain", "a return path under the server's own name"],
    ["postfix-bounce", "the null sender"],
    ["cron", "cron"],
  ])("are not written for %s: %s", async (name) => {
    onSend = () => refuse;
    const { id } = await send(client, name);
    await pipeline.logged((event) => event.event === "failed" && event["id"] === id);
    await pipeline.idle();
    expect(pipeline.log.some((event) => event.event === "dsn-written" && event["id"] === id)).toBe(false);
  });

  it("go to the SRS address at the server that made it, in its own letter case", async () => {
    onSend = (to) => (to === "fwd@gmail.example" ? refuse : undefined);
    const { id } = await send(client, "plesk-srs-forward");
    await pipeline.logged((event) => event.event === "dsn-written" && event["id"] === id);
    await pipeline.idle();
    const recipients = (await pipeline.outbox()).flatMap((mail) => mail.recipients);
    expect(recipients).toContain("SRS0=Hk4N=PK=example.org=jane@example.com");
  });

  it("stay away for what came from outside also later, because the ledger remembers that", async () => {
    const { id } = await send(client, "postfix-forward");
    if (id === undefined) throw new Error("not taken");
    await taken(id);
    const { message } = await readMessage(pipeline.ledger, id);
    expect(message).toMatchObject({ returnPath: "jane@example.org", foreignReturnPath: true, rewrite: "forward" });
  });
});
