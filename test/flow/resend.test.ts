/** A message is sent again by the operator: in the console over HTTP and by the command, to real queues and handlers. */

import { DeleteObjectCommand } from "@aws-sdk/client-s3";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { addQueueActionCommands } from "../../bin/commands/queue-actions.ts";
import { addResendCommand } from "../../bin/commands/resend.ts";
import { addTraceCommand } from "../../bin/commands/trace.ts";
import { type Console, startConsole } from "../../bin/console/start-console.ts";
import { changeRow } from "../../lib/aws/directory-dynamo.ts";
import { findByTenantDay, noteResend, readMessage } from "../../lib/aws/ledger-dynamo.ts";
import { sendToQueue } from "../../lib/aws/queue-sqs.ts";
import { removeSuppression } from "../../lib/aws/suppression-dynamo.ts";
import { domainKey, tenantKey } from "../../lib/core/directory.ts";
import { makeQueueId, parseQueueId, type QueueId, spoolKey } from "../../lib/core/queue-id.ts";
import { type Commands, commandsFor } from "../support/cli.ts";
import { type Answer, Browser, formOf } from "../support/console.ts";
import { type Pipeline, startPipeline, testMail } from "../support/pipeline.ts";
import { noSuchUserJson, sesEventJson } from "../support/ses-event-json.ts";

let pipeline: Pipeline;
let commands: Commands;
let served: Console;
let browser: Browser;
let mails = 0;

beforeAll(async () => {
  pipeline = await startPipeline();
  const added = [addResendCommand, addQueueActionCommands, addTraceCommand];
  commands = await commandsFor(added, pipeline.proxy.endpoint, pipeline.names);
  served = await startConsole({ connection: pipeline, environment: "test", port: 0 });
  browser = new Browser(served.port);
  pipeline.work();
});
afterAll(async () => {
  await served.close();
  await commands.close();
  await pipeline.close();
});

/** Sends a mail to a good address and one whose receiver blocks us; resolves when that is known. */
async function halfBounced(json = blockedJson): Promise<QueueId> {
  mails += 1;
  const to = [`good-${mails}@example.net`, `blocked-${mails}@example.net`];
  const id = await pipeline.accept({ to, bytes: testMail(`resend-${mails}`, `Mail ${mails}.\r\n`) });
  for (const index of [0, 1]) {
    await pipeline.logged(
      ({ event, ...rest }) => event === "feedback" && rest["id"] === id && rest["recipient"] === to[index],
    );
  }
  const [, blocked] = await pipeline.recipients(id);
  if (blocked === undefined) throw new Error("no record");
  await sendToQueue(pipeline.feedbackQueue, json(blocked));
  await pipeline.idle();
  expect((await pipeline.recipients(id)).map(({ state }) => state)).toEqual(["delivered", "bounced"]);
  return id;
}

function blockedJson(record: Parameters<typeof sesEventJson>[0]): string {
  return sesEventJson(record, "Bounce", {
    bounceType: "Permanent",
    bounceSubType: "General",
    bouncedRecipients: [
      {
        emailAddress: record.address,
        status: "5.7.1",
        diagnosticCode: "smtp; 550 5.7.1 blocked using zen.spamhaus.org",
      },
    ],
  });
}

async function copiesTo(address: string): Promise<Buffer[]> {
  return (await pipeline.outbox()).filter(({ recipients }) => recipients.includes(address)).map(({ raw }) => raw);
}

async function copies(number = mails): Promise<number[]> {
  return [
    (await copiesTo(`good-${number}@example.net`)).length,
    (await copiesTo(`blocked-${number}@example.net`)).length,
  ];
}

const bodyOf = (raw: Buffer | undefined): string =>
  (raw ?? Buffer.alloc(0)).toString("latin1").split("\r\n\r\n")[1] ?? "";

/** The copy's id, from the page that answers. */
function copyOf({ body }: Answer): QueueId {
  const id = parseQueueId(/href="\/messages\/([0-9a-z]{20})">Show the copy/.exec(body)?.[1] ?? "");
  if (id === undefined) throw new Error(`no copy in:\n${body}`);
  return id;
}

async function page(id: QueueId): Promise<Answer> {
  return await browser.get(`/messages/${id}?lang=en`);
}

describe("a message of which one recipient bounced", () => {
  it("is sent to that one again from the console, with records that name each other", async () => {
    const id = await halfBounced();
    const shown = await page(id);
    expect(shown.body).toMatch(/value="0"> <bdi>good-/);
    expect(shown.body).toMatch(/value="1" checked> <bdi>blocked-/);
    const { asked, done } = await browser.change(shown, "/do/resend", [["recipient", "1"]]);
    expect(asked.body).toContain(`blocked-${mails}@example.net (bounced): gets it`);
    expect(asked.body).toContain("counts as a message of demo");
    const copy = copyOf(done);
    await pipeline.idle();
    expect(await copies()).toEqual([1, 2]);
    const [first, second] = await copiesTo(`blocked-${mails}@example.net`);
    expect(bodyOf(second)).toBe(bodyOf(first));

    const { message, recipients } = await readMessage(pipeline.ledger, copy);
    expect(message).toMatchObject({ tenant: "demo", resendOf: id, recipients: 1, returnPath: "a@example.com" });
    expect(recipients.map(({ address, state }) => [address, state])).toEqual([
      [`blocked-${mails}@example.net`, "delivered"],
    ]);
    // The books count the messages of this index.
    expect(await findByTenantDay(pipeline.ledger, "demo", new Date().toISOString(), 5)).toContain(copy);
    expect((await page(id)).body).toMatch(new RegExp(`Sent again as.*href="/messages/${copy}"`));
    expect((await page(copy)).body).toMatch(new RegExp(`Sent again from.*href="/messages/${id}"`));
    const audit = (await browser.get("/audit.csv")).body
      .split("\r\n")
      .filter((line) => line.includes(`,resend,demo,${id}`));
    expect(audit.map((line) => /,(begun|done),/.exec(line)?.[1])).toEqual(["done", "begun"]);
    expect(audit[0]).toContain(copy);
  });

  it("is sent to nobody without a choice, nor on a form that was agreed to before", async () => {
    const id = await halfBounced();
    const form = formOf((await page(id)).body, "/do/resend");
    const none = await browser.post(form.action, form.fields);
    expect([none.status, none.body.includes("No recipient is chosen")]).toEqual([400, true]);
    const question = formOf((await browser.post(form.action, [...form.fields, ["recipient", "1"]])).body, form.action);
    const yes = [...question.fields, ["confirmed", "yes"] as const];
    await browser.post(form.action, yes);
    expect((await browser.post(form.action, yes)).body).not.toContain("Show the copy");
    await pipeline.idle();
    expect(await copies()).toEqual([1, 2]);
  });

  it("gives a second copy to one who has it, minutes after the first, when that is asked for", async () => {
    const id = await halfBounced();
    const { asked, done } = await browser.change(await page(id), "/do/resend", [
      ["recipient", "0"],
      ["recipient", "1"],
    ]);
    expect(asked.body).toContain(`good-${mails}@example.net (delivered): may have it already and gets a second copy`);
    await pipeline.idle();
    expect(await copies()).toEqual([2, 2]);
    expect((await pipeline.recipients(copyOf(done))).map(({ state }) => state)).toEqual(["delivered", "delivered"]);
  });

  it("is asked for in Japanese", async () => {
    const id = await halfBounced();
    const japanese = new Browser(served.port);
    const { asked } = await japanese.change(await japanese.get(`/messages/${id}?lang=ja`), "/do/resend", [
      ["recipient", "0"],
    ]);
    expect(asked.body).toContain("2 \u901a\u76ee");
    expect(asked.body).not.toContain("second copy");
  });
});

describe("what keeps a copy from leaving", () => {
  it("is the suppression list: the question says so, and nothing leaves", async () => {
    const id = await halfBounced(noSuchUserJson);
    const { asked, done } = await browser.change(await page(id), "/do/resend", [["recipient", "1"]]);
    expect(asked.body).toContain("is on the suppression list");
    await pipeline.idle();
    expect(await copies()).toEqual([1, 1]);
    const copy = copyOf(done);
    expect(await pipeline.recipients(copy)).toMatchObject([
      { state: "failed", reason: expect.stringMatching(/^suppressed/) },
    ]);
    await removeSuppression(pipeline.ledger, "demo", `blocked-${mails}@example.net`);
    expect((await commands.run("resend", copy)).stdout).toContain(`sent again as`);
    await pipeline.idle();
    expect(await copies()).toEqual([1, 2]);
  });

  it("is a contract that has ended, or a domain that is the tenant's no more: nothing is written", async () => {
    const id = await halfBounced();
    const refused = async (): Promise<string> => {
      const { code, stdout } = await commands.run("resend", id, "--all");
      expect(code).toBe(3);
      return stdout;
    };
    await changeRow(pipeline.directory, tenantKey("demo"), { endsAtMs: Date.now() - 1000 });
    expect(await refused()).toContain("the tenant may not send now (demo: ended)");
    await changeRow(pipeline.directory, tenantKey("demo"), { endsAtMs: undefined });
    await changeRow(pipeline.directory, domainKey("example.com"), { tenant: "other" });
    expect(await refused()).toContain("not a verified one of the tenant any more: example.com");
    await changeRow(pipeline.directory, domainKey("example.com"), { tenant: "demo" });
    expect((await readMessage(pipeline.ledger, id)).notes.resends).toBeUndefined();
  });
});

describe("relayhost resend", () => {
  it("says what it would do, takes those who lack the mail, and trace shows both ways", async () => {
    const id = await halfBounced();
    const dry = await commands.run("resend", id, "--all", "--dry-run");
    expect(dry.stdout).toBe(
      `${id}  would be sent again\n  <good-${mails}@example.net>  delivered; a second copy\n  <blocked-${mails}@example.net>  bounced\n`,
    );
    const [result] = (await commands.json("resend", id, "--json")) as { resentAs: string; recipients: object[] }[];
    expect(result).toMatchObject({ id, recipients: [{ address: `blocked-${mails}@example.net`, second: false }] });
    await pipeline.idle();
    expect(await copies()).toEqual([1, 2]);
    expect((await commands.run("trace", id)).stdout).toMatch(
      new RegExp(`sent again 20\\S+ as ${result?.resentAs} to 1\n`),
    );
    expect((await commands.run("trace", result?.resentAs ?? "")).stdout).toContain(`sent again from ${id}`);
    const named = await commands.run("resend", id, "--to", `GOOD-${mails}@example.net`);
    expect(named.stdout).toContain("a second copy");
    await pipeline.idle();
    expect(await copies()).toEqual([2, 2]);
  });

  it.each([
    [["--to", "nobody@example.net"], 3, "not a recipient"],
    [["--to", "a@example.net", "--all"], 2, "without --all"],
  ])("refuses %s", async (options, code, text) => {
    const id = await pipeline.accept({ bytes: testMail(`resend-refused-${String(code)}`) });
    await pipeline.idle();
    const run = await commands.run("resend", id, ...options);
    expect([run.code, `${run.stdout}${run.stderr}`]).toEqual([code, expect.stringContaining(text)]);
  });

  it("finds nobody to send to where all have it", async () => {
    const id = await pipeline.accept({ bytes: testMail("resend-all-have-it") });
    await pipeline.idle();
    expect((await commands.run("resend", id)).stdout).toContain("nobody");
  });

  it("says so, as the console does, once the source is kept no more", async () => {
    const id = await halfBounced();
    const { message } = await readMessage(pipeline.ledger, id);
    const { client, bucket } = pipeline.spool;
    await client.send(new DeleteObjectCommand({ Bucket: bucket, Key: spoolKey(id), VersionId: message?.versionId }));
    const { code, stdout } = await commands.run("resend", id);
    expect([code, stdout]).toEqual([3, expect.stringContaining("is kept no more")]);
    const { body } = await page(id);
    expect(body).toContain("it cannot be sent again from here");
    expect(() => formOf(body, "/do/resend")).toThrow();
  });

  it("shows a copy that was announced and never stored", async () => {
    const id = await halfBounced();
    const copy = makeQueueId(Date.now(), new Uint8Array(11).fill(7));
    const { message } = await readMessage(pipeline.ledger, id);
    if (message === undefined) throw new Error("no record");
    await noteResend(pipeline.ledger, message, { id: copy, at: new Date().toISOString(), recipients: 1 });
    expect((await commands.run("trace", id)).stdout).toContain(`as ${copy} to 1; nothing is known of it`);
  });
});

// The last: its first queue message stays out of sight for half a minute, so the queue is not idle after it.
describe("a copy", () => {
  it("is held back by a pause of its tenant until that is over", async () => {
    const id = await halfBounced();
    let copy = "";
    const pause = { by: "operator", reason: "invoice", atMs: Date.now() } as const;
    await changeRow(pipeline.directory, tenantKey("demo"), { status: "paused", pause });
    try {
      const { stdout } = await commands.run("resend", id);
      expect(stdout).toContain("waits, since its tenant or sender is paused: invoice");
      copy = /sent again as (\S+)/.exec(stdout)?.[1] ?? "";
      await pipeline.logged((event) => event["id"] === copy && event.event === "deferred");
      expect(await copies()).toEqual([1, 1]);
    } finally {
      await changeRow(pipeline.directory, tenantKey("demo"), { status: "active", pause: undefined });
    }
    await commands.run("retry", copy);
    await pipeline.logged((event) => event["id"] === copy && event["type"] === "Delivery");
    expect(await copies()).toEqual([1, 2]);
  });
});
