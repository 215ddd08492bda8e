/**
 * Load on the local AWS services, and what must be true after they were killed under it.
 *
 * Every key, item and message body has one writer that waits for each answer. So at the moment of the kill at most one
 * change of it is in doubt, and what is found afterwards must be the state before or after that one, whole.
 */

import { createHash, randomBytes } from "node:crypto";
import {
  type AttributeValue,
  DeleteItemCommand,
  ScanCommand,
  type ScanCommandOutput,
  UpdateItemCommand,
} from "@aws-sdk/client-dynamodb";
import {
  DeleteObjectCommand,
  GetObjectCommand,
  ListObjectVersionsCommand,
  type ListObjectVersionsCommandOutput,
  NoSuchKey,
  PutObjectCommand,
} from "@aws-sdk/client-s3";
import { DeleteMessageCommand, type Message, ReceiveMessageCommand, SendMessageCommand } from "@aws-sdk/client-sqs";
import type { Provisioned } from "../../lib/aws/provision.ts";
import { parseCreatedEvent } from "../../lib/core/created-event.ts";
import { LEDGER_INDEX, LEDGER_KEYS } from "../../lib/core/names.ts";
import type { TestClients } from "../support/aws-clients.ts";
import type { SeededRandom } from "./seeded-random.ts";

/** A value with one writer: the last answered state, and the one that may have been reached. Undefined is absence. */
interface Tracked {
  answered: string | undefined;
  inDoubt?: { readonly value: string | undefined };
}

/** What became of one message body. */
interface TrackedMessage {
  answered: boolean;
  receives: number;
  deletion: "none" | "in doubt" | "answered";
}

/** The versions of one key: digests by version id, in the order of their puts. */
interface TrackedVersions {
  readonly answered: Map<string, string>;
  /** Removed for good, with an answer. */
  readonly removed: Set<string>;
}

/** The services of one run, from start to kill. */
export interface Run {
  readonly clients: TestClients;
  readonly names: Provisioned;
  /** Queue with a dead-letter queue behind it that takes a message after one receive. */
  readonly poisonQueue: string;
  readonly poisonDlq: string;
  readonly killed: () => boolean;
}

const OBJECT_WRITERS = 6;
const KEYS_PER_WRITER = 4;
const LEDGER_WRITERS = 8;
const SENDERS = 4;
const INDEXES = {
  [LEDGER_INDEX.bySesId]: [LEDGER_KEYS.sesId],
  [LEDGER_INDEX.byRecipient]: [LEDGER_KEYS.recipient, LEDGER_KEYS.id],
  [LEDGER_INDEX.byTenantDay]: [LEDGER_KEYS.tenantDay, LEDGER_KEYS.id],
  [LEDGER_INDEX.byMessageId]: [LEDGER_KEYS.messageId, LEDGER_KEYS.id],
} as const;

/** The whole history, over all runs. */
export class LocalAwsLoad {
  readonly counts = {
    puts: 0,
    deletes: 0,
    versionsRemoved: 0,
    versionsRead: 0,
    updates: 0,
    sends: 0,
    receives: 0,
    removals: 0,
  };
  readonly #random: SeededRandom;
  readonly #objects = new Map<string, Tracked>();
  readonly #versions = new Map<string, TrackedVersions>();
  readonly #items = new Map<string, Tracked>();
  readonly #work = new Map<string, TrackedMessage>();
  readonly #poison = new Map<string, TrackedMessage>();
  /** Puts of a spool object that were answered, by key. */
  readonly #announced = new Map<string, number>();
  #serial = 0;

  constructor(random: SeededRandom) {
    this.#random = random;
  }

  /** Works until the services are killed. Rejects when a request fails before that. */
  async run(run: Run): Promise<void> {
    const workers: Promise<void>[] = [];
    const work = (act: (random: SeededRandom) => Promise<void>): void => {
      const random = this.#random.fork(this.#serial++);
      workers.push(untilKilled(run, async () => await act(random)));
    };
    for (let i = 0; i < OBJECT_WRITERS; i++) work(async (random) => await this.#changeObject(run, i, random));
    for (let i = 0; i < LEDGER_WRITERS; i++) work(async (random) => await this.#changeItem(run, i, random));
    for (let i = 0; i < SENDERS; i++) work(async () => await this.#send(run, run.names.feedbackQueue.url, this.#work));
    for (let i = 0; i < 2; i++) work(async (random) => await this.#receiveAndDelete(run, random));
    work(async () => await this.#send(run, run.poisonQueue, this.#poison));
    work(async () => void (await receive(run, run.poisonQueue, 0)));
    await Promise.all(workers);
  }

  /** Looks at everything after a restart and returns one sentence per broken promise. */
  async check(run: Run): Promise<string[]> {
    return [
      ...(await this.#checkObjects(run)),
      ...(await this.#checkVersions(run)),
      ...(await this.#checkItems(run)),
      ...(await this.#checkEvents(run)),
      // After twenty receives, so after as many kills, a message belongs into the dead-letter queue.
      ...(await checkMessages(run, [run.names.feedbackQueue.url, run.names.feedbackDlq.url], this.#work)),
      ...(await checkMessages(run, [run.poisonQueue, run.poisonDlq], this.#poison)),
    ];
  }

  async #changeObject(run: Run, writer: number, random: SeededRandom): Promise<void> {
    const Key = `spool/${writer}-${random.between(1, KEYS_PER_WRITER)}.eml`;
    const Bucket = run.names.spoolBucket;
    const tracked = trackedOf(this.#objects, Key);
    const versions = this.#versions.get(Key) ?? { answered: new Map<string, string>(), removed: new Set<string>() };
    this.#versions.set(Key, versions);
    const oldest = [...versions.answered.keys()].slice(0, -1)[0]; // never the current one
    if (oldest !== undefined && random.chance(0.3)) {
      versions.answered.delete(oldest);
      await run.clients.s3.send(new DeleteObjectCommand({ Bucket, Key, VersionId: oldest }));
      versions.removed.add(oldest);
      this.counts.versionsRemoved++;
      return;
    }
    if (random.chance(0.2)) {
      tracked.inDoubt = { value: undefined };
      await run.clients.s3.send(new DeleteObjectCommand({ Bucket, Key }));
      this.counts.deletes++;
    } else {
      const Body = randomBytes(random.chance(0.3) ? random.between(262_000, 900_000) : random.between(0, 20_000));
      tracked.inDoubt = { value: digest(Body) };
      const { VersionId } = await run.clients.s3.send(new PutObjectCommand({ Bucket, Key, Body }));
      versions.answered.set(VersionId ?? "no version", digest(Body));
      this.counts.puts++;
      this.#announced.set(Key, (this.#announced.get(Key) ?? 0) + 1);
    }
    settle(tracked);
  }

  async #changeItem(run: Run, writer: number, random: SeededRandom): Promise<void> {
    const pk = `m#${writer}`;
    const TableName = run.names.ledgerTable;
    const Key = { pk: { S: pk }, sk: { S: "m" } };
    const tracked = trackedOf(this.#items, pk);
    const version = String(this.#serial++);
    if (random.chance(0.1)) {
      tracked.inDoubt = { value: undefined };
      await run.clients.dynamodb.send(new DeleteItemCommand({ TableName, Key }));
    } else {
      tracked.inDoubt = { value: version };
      await run.clients.dynamodb.send(
        new UpdateItemCommand({
          TableName,
          Key,
          UpdateExpression: `SET version = :v, id = :v, sesId = :v, recipientKey = :r, tenantDay = :t ${
            random.chance(0.5) ? "REMOVE messageIdKey" : ", messageIdKey = :v"
          }`,
          ExpressionAttributeValues: {
            ":v": { S: version },
            ":r": { S: `r${random.between(1, 3)}@example.net` },
            ":t": { S: `demo#${random.between(1, 3)}` },
          },
        }),
      );
    }
    this.counts.updates++;
    settle(tracked);
  }

  async #send(run: Run, queue: string, messages: Map<string, TrackedMessage>): Promise<void> {
    const body = `message ${this.#serial++}`;
    const tracked: TrackedMessage = { answered: false, receives: 0, deletion: "none" };
    messages.set(body, tracked);
    await run.clients.sqs.send(new SendMessageCommand({ QueueUrl: queue, MessageBody: body }));
    tracked.answered = true;
    this.counts.sends++;
  }

  async #receiveAndDelete(run: Run, random: SeededRandom): Promise<void> {
    const queue = run.names.feedbackQueue.url;
    for (const { Body, ReceiptHandle } of await receive(run, queue)) {
      const tracked = this.#work.get(Body ?? "");
      if (tracked === undefined) throw new Error(`received what nobody sent: ${Body}`);
      tracked.receives++;
      this.counts.receives++;
      if (!random.chance(0.6)) continue;
      tracked.deletion = "in doubt";
      await run.clients.sqs.send(new DeleteMessageCommand({ QueueUrl: queue, ReceiptHandle }));
      tracked.deletion = "answered";
      this.counts.removals++;
    }
  }

  async #checkObjects({ clients, names }: Run): Promise<string[]> {
    const problems: string[] = [];
    for (const [Key, tracked] of this.#objects) {
      let found: string | undefined;
      try {
        const { Body } = await clients.s3.send(new GetObjectCommand({ Bucket: names.spoolBucket, Key }));
        found = digest(Buffer.from((await Body?.transformToByteArray()) ?? []));
      } catch (error) {
        if (!(error instanceof NoSuchKey)) throw error;
      }
      problems.push(...judge(`object ${Key}`, tracked, found));
    }
    return problems;
  }

  /** All versions whose puts were answered are there but for the removed ones, and a few of them are read. */
  async #checkVersions({ clients, names }: Run): Promise<string[]> {
    const Bucket = names.spoolBucket;
    const problems: string[] = [];
    const found = new Set<string>();
    let page: ListObjectVersionsCommandOutput | undefined;
    do {
      const from = { KeyMarker: page?.NextKeyMarker, VersionIdMarker: page?.NextVersionIdMarker };
      page = await clients.s3.send(new ListObjectVersionsCommand({ Bucket, ...from }));
      for (const { Key, VersionId } of page.Versions ?? []) found.add(`${Key} ${VersionId}`);
    } while (page.IsTruncated === true);
    for (const [Key, { answered, removed }] of this.#versions) {
      for (const id of removed) if (found.has(`${Key} ${id}`)) problems.push(`removed version ${id} of ${Key} is back`);
      for (const [id, content] of answered) {
        if (!found.has(`${Key} ${id}`)) problems.push(`version ${id} of ${Key} is lost`);
        else if (this.#random.chance(0.1)) {
          const { Body } = await clients.s3.send(new GetObjectCommand({ Bucket, Key, VersionId: id }));
          const read = digest(Buffer.from((await Body?.transformToByteArray()) ?? []));
          if (read !== content) problems.push(`version ${id} of ${Key} has other content`);
          this.counts.versionsRead++;
        }
      }
    }
    return problems;
  }

  async #checkItems(run: Run): Promise<string[]> {
    const items = await scan(run, undefined);
    const problems: string[] = [];
    for (const [pk, tracked] of this.#items) {
      problems.push(...judge(`item ${pk}`, tracked, items.find((item) => item["pk"]?.S === pk)?.["version"]?.S));
    }
    for (const [index, keys] of Object.entries(INDEXES)) {
      const attributes = [LEDGER_KEYS.partition, LEDGER_KEYS.sort, ...keys];
      const entry = (item: Record<string, AttributeValue>): string =>
        JSON.stringify(attributes.map((name) => item[name]?.S));
      const wanted = items.filter((item) => keys.every((key) => item[key] !== undefined)).map(entry);
      const found = (await scan(run, index)).map(entry);
      if (wanted.toSorted().join() !== found.toSorted().join()) {
        problems.push(`index ${index} holds ${found.join()} where the table says ${wanted.join()}`);
      }
    }
    return problems;
  }

  /** Each answered put has its event in the queue; all are received here and come back after the next kill. */
  async #checkEvents(run: Run): Promise<string[]> {
    const events = new Map<string, number>();
    for (const { Body } of await drain(run, run.names.forwardQueue.url)) {
      for (const { key } of parseCreatedEvent(Body ?? "") ?? []) events.set(key, (events.get(key) ?? 0) + 1);
    }
    return [...this.#announced]
      .filter(([key, puts]) => (events.get(key) ?? 0) < puts)
      .map(([key, puts]) => `${puts} puts of ${key} were answered, ${events.get(key) ?? 0} announced`);
  }
}

/** Receives all that the queues hold; what is received stays in flight until the next kill. */
async function checkMessages(
  run: Run,
  queues: readonly string[],
  messages: ReadonlyMap<string, TrackedMessage>,
): Promise<string[]> {
  const problems: string[] = [];
  const seen = new Set<string>();
  for (const queue of queues) {
    for (const message of await drain(run, queue)) {
      const body = message.Body ?? "";
      const tracked = messages.get(body);
      const count = Number(message.Attributes?.["ApproximateReceiveCount"]);
      if (seen.has(body)) problems.push(`${body} is there twice`);
      if (tracked === undefined) problems.push(`nobody sent ${body}`);
      else if (tracked.deletion === "answered") problems.push(`${body} is there again after its deletion`);
      else if (count <= tracked.receives) problems.push(`${body} says ${count} after ${tracked.receives} receives`);
      if (tracked !== undefined) tracked.receives = count;
      seen.add(body);
    }
  }
  for (const [body, tracked] of messages) {
    if (tracked.answered && tracked.deletion === "none" && !seen.has(body)) problems.push(`${body} is lost`);
  }
  return problems;
}

async function untilKilled(run: Run, act: () => Promise<void>): Promise<void> {
  while (!run.killed()) {
    try {
      await act();
    } catch (error) {
      if (!run.killed()) throw error;
    }
  }
}

async function receive(run: Run, queue: string, VisibilityTimeout?: number): Promise<Message[]> {
  const { Messages } = await run.clients.sqs.send(
    new ReceiveMessageCommand({
      QueueUrl: queue,
      MaxNumberOfMessages: 10,
      MessageSystemAttributeNames: ["ApproximateReceiveCount"],
      VisibilityTimeout,
    }),
  );
  return Messages ?? [];
}

async function drain(run: Run, queue: string): Promise<Message[]> {
  const all: Message[] = [];
  for (;;) {
    const some = await receive(run, queue, 3600);
    if (some.length === 0) return all;
    all.push(...some);
  }
}

async function scan(run: Run, IndexName: string | undefined): Promise<Record<string, AttributeValue>[]> {
  const items: Record<string, AttributeValue>[] = [];
  let from: Record<string, AttributeValue> | undefined;
  do {
    const page: ScanCommandOutput = await run.clients.dynamodb.send(
      new ScanCommand({ TableName: run.names.ledgerTable, IndexName, ExclusiveStartKey: from }),
    );
    items.push(...(page.Items ?? []));
    from = page.LastEvaluatedKey;
  } while (from !== undefined);
  return items;
}

function trackedOf(all: Map<string, Tracked>, key: string): Tracked {
  const tracked = all.get(key) ?? { answered: undefined };
  all.set(key, tracked);
  return tracked;
}

function settle(tracked: Tracked): void {
  tracked.answered = tracked.inDoubt?.value;
  delete tracked.inDoubt;
}

/** Compares and, for the next run, takes what was found as the state. */
function judge(what: string, tracked: Tracked, found: string | undefined): string[] {
  const allowed = [tracked.answered, ...(tracked.inDoubt === undefined ? [] : [tracked.inDoubt.value])];
  tracked.answered = found;
  delete tracked.inDoubt;
  return allowed.includes(found) ? [] : [`${what} is ${found}, not ${allowed.join(" or ")}`];
}

function digest(bytes: Buffer): string {
  return createHash("sha256").update(bytes).digest("hex");
}
