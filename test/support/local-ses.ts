/**
 * A local SES on a port of its own, the real AWS SDK that speaks to it, and what it published.
 *
 * Everything lives in a temporary folder that `stop` removes. `restart` ends the server and starts another one on the
 * same folder, as the next process would.
 */

import { mkdtemp, readdir, readFile, rm } from "node:fs/promises";
import { createServer, type Server } from "node:http";
import { tmpdir } from "node:os";
import { join } from "node:path";

import {
  CreateConfigurationSetCommand,
  CreateConfigurationSetEventDestinationCommand,
  type EventType,
  SESv2Client,
  SendEmailCommand,
  type SendEmailCommandInput,
} from "@aws-sdk/client-sesv2";

import { createSesServer, type SesServer, type SesServerOptions } from "../../lib/local/ses-server.ts";

/** A topic as event destinations name it. Nothing listens there: `publish` collects. */
export const TOPIC = "arn:aws:sns:us-east-1:000000000000:ses-events";
/** Name of the configuration set that `startWithEvents` makes. */
export const SET = "relay";

/** One published event with its topic. */
export type Published = { readonly topicArn: string; readonly body: string; readonly event: SesEventJson };

/** As much of an event as tests look at. */
export type SesEventJson = {
  readonly eventType: string;
  readonly mail: {
    readonly messageId: string;
    readonly timestamp: string;
    readonly source: string;
    readonly sourceArn: string;
    readonly destination: string[];
    readonly headersTruncated: boolean;
    readonly headers: { name: string; value: string }[];
    readonly commonHeaders: Record<string, unknown>;
    readonly tags: Record<string, string[]>;
  };
  readonly [detail: string]: unknown;
};

/** Options of the server; the folder is made, `publish` runs before an event is collected. */
export type LocalSesOptions = Partial<Omit<SesServerOptions, "dataDir">>;

/** One server and its client; `start` makes it, `stop` ends it and removes its folder. */
export class LocalSes {
  readonly dataDir: string;
  readonly published: Published[] = [];
  client: SESv2Client;
  url = "";
  #options: LocalSesOptions;
  #http: Server | undefined;
  #ses: SesServer | undefined;
  #waiting: (() => void)[] = [];

  private constructor(dataDir: string, options: LocalSesOptions) {
    this.dataDir = dataDir;
    this.#options = options;
    this.client = new SESv2Client({});
  }

  /** Starts with example.com verified and events due at once, unless told otherwise. */
  static async start(options: LocalSesOptions = {}, dataDir?: string): Promise<LocalSes> {
    const dir = dataDir ?? (await mkdtemp(join(tmpdir(), "relayhost-ses-")));
    const local = new LocalSes(dir, { identities: ["example.com"], eventDelayMs: 1, ...options });
    await local.#up();
    return local;
  }

  /** As `start`, with the configuration set `relay` whose events of these types go to `TOPIC`. */
  static async startWithEvents(options: LocalSesOptions = {}, types: EventType[] = ALL_TYPES): Promise<LocalSes> {
    const local = await LocalSes.start(options);
    await local.createSet(SET, TOPIC, types);
    return local;
  }

  async createSet(name: string, topicArn: string, types: EventType[] = ALL_TYPES): Promise<void> {
    await this.client.send(new CreateConfigurationSetCommand({ ConfigurationSetName: name }));
    await this.client.send(
      new CreateConfigurationSetEventDestinationCommand({
        ConfigurationSetName: name,
        EventDestinationName: "sns",
        EventDestination: { Enabled: true, MatchingEventTypes: types, SnsDestination: { TopicArn: topicArn } },
      }),
    );
  }

  /** Sends raw bytes to one recipient and returns the SES message id. */
  async send(raw: string | Buffer, to: string | string[], more: Partial<SendEmailCommandInput> = {}): Promise<string> {
    const { MessageId } = await this.client.send(
      new SendEmailCommand({
        Content: { Raw: { Data: Buffer.from(raw) } },
        Destination: { ToAddresses: [to].flat() },
        ...more,
      }),
    );
    if (MessageId === undefined) throw new Error("no message id");
    return MessageId;
  }

  /** The events of a message so far, in the order of their publication. */
  eventsOf(messageId: string): SesEventJson[] {
    return this.published.flatMap(({ event }) => (event.mail.messageId === messageId ? [event] : []));
  }

  /** Waits until that many events of a message were published; rejects after fifteen seconds. */
  async waitForEvents(messageId: string, count: number): Promise<SesEventJson[]> {
    const end = performance.now() + 15_000;
    while (this.eventsOf(messageId).length < count) {
      const leftMs = end - performance.now();
      if (leftMs <= 0) throw new Error(`only ${this.eventsOf(messageId).length} events of ${messageId}`);
      await new Promise<void>((resolve) => {
        const timer = setTimeout(resolve, leftMs);
        this.#waiting.push(() => {
          clearTimeout(timer);
          resolve();
        });
      });
    }
    return this.eventsOf(messageId);
  }

  async outboxNames(): Promise<string[]> {
    return (await readdir(join(this.dataDir, "outbox"))).sort();
  }

  async outboxMessage(id: string): Promise<Buffer> {
    return readFile(join(this.dataDir, "outbox", `${id}.eml`));
  }

  async outboxRequest(id: string): Promise<Record<string, unknown>> {
    return JSON.parse(await readFile(join(this.dataDir, "outbox", `${id}.json`), "utf8")) as Record<string, unknown>;
  }

  async restart(options: LocalSesOptions = {}): Promise<void> {
    await this.#down();
    this.#options = { ...this.#options, ...options };
    await this.#up();
  }

  async stop(): Promise<void> {
    await this.#down();
    await rm(this.dataDir, { recursive: true, force: true });
  }

  async #up(): Promise<void> {
    const { publish, ...options } = this.#options;
    const ses = createSesServer({
      log: () => undefined,
      ...options,
      dataDir: this.dataDir,
      publish: async (topicArn, body) => {
        await publish?.(topicArn, body);
        this.published.push({ topicArn, body, event: JSON.parse(body) as SesEventJson });
        for (const wake of this.#waiting.splice(0)) wake();
      },
    });
    const http = createServer((req, res) => ses.handle(req, res));
    await ses.start();
    await new Promise<void>((resolve) => http.listen(0, "127.0.0.1", resolve));
    const address = http.address();
    if (typeof address !== "object" || address === null) throw new Error("no address");
    this.url = `http://127.0.0.1:${address.port}`;
    this.client = sdkClient(this.url, options.region);
    this.#http = http;
    this.#ses = ses;
  }

  async #down(): Promise<void> {
    const http = this.#http;
    this.client.destroy();
    await this.#ses?.close();
    http?.closeAllConnections();
    await new Promise<void>((resolve) => (http === undefined ? resolve() : http.close(() => resolve())));
  }
}

/** One attempt per call, so that a test sees every refusal. */
export function sdkClient(endpoint: string, region = "us-east-1"): SESv2Client {
  return new SESv2Client({
    endpoint,
    region,
    credentials: { accessKeyId: "local", secretAccessKey: "local" },
    maxAttempts: 1,
  });
}

const ALL_TYPES: EventType[] = ["SEND", "REJECT", "BOUNCE", "COMPLAINT", "DELIVERY", "DELIVERY_DELAY"];
