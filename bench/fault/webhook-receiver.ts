/**
 * A tenant's server for webhooks, one that does not always do well: sometimes it answers 500, and now and then it takes
 * an event and breaks off before its answer.
 */

import { once } from "node:events";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { WEBHOOK_SECRET_PREFIX, webhookSignature } from "../../lib/core/webhook.ts";
import type { SeededRandom } from "../../test/fault/seeded-random.ts";
import type { PostedEvent } from "./reckon-webhooks.ts";

/** A running one. */
export interface WebhookReceiver {
  readonly url: string;
  readonly secret: string;
  /** What it has answered 2xx to, in order; an event may be there more than once. */
  readonly posted: readonly PostedEvent[];
  /** What was no event with a right signature, in words. */
  readonly wrong: readonly string[];
  /** Posts that it has refused or left without an answer. */
  failures(): number;
  /** From now on it takes everything. */
  recover(): void;
  close(): Promise<void>;
}

const REFUSED_SHARE = 0.1;
/** Rare: after a broken connection the relay leaves the server alone for half a minute. */
const BROKEN_SHARE = 0.005;

/** Starts one on a loopback port. */
export async function startWebhookReceiver(random: SeededRandom): Promise<WebhookReceiver> {
  const secret = `${WEBHOOK_SECRET_PREFIX}${Buffer.from("fault-run-webhook-key-0123456789").toString("base64")}`;
  const posted: PostedEvent[] = [];
  const wrong: string[] = [];
  const state = { failures: 0, recovered: false };
  const server = createServer((request, response) => {
    let body = "";
    request.on("data", (chunk: Buffer) => (body += chunk.toString("utf8")));
    request.on("end", () => {
      if (!state.recovered && random.chance(BROKEN_SHARE)) {
        state.failures += 1;
        request.socket.destroy();
      } else if (!state.recovered && random.chance(REFUSED_SHARE)) {
        state.failures += 1;
        response.writeHead(500).end();
      } else {
        const event = genuineEvent(request.headers, body, secret);
        if (typeof event === "string") wrong.push(event);
        else posted.push(event);
        response.writeHead(204).end();
      }
    });
  });
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}/hook`,
    secret,
    posted,
    wrong,
    failures: () => state.failures,
    recover: () => {
      state.recovered = true;
    },
    close: async () => {
      server.closeAllConnections();
      await new Promise<void>((resolve) => server.close(() => resolve()));
    },
  };
}

/** The event, or what is wrong with the post. */
function genuineEvent(headers: NodeJS.Dict<string | string[]>, body: string, secret: string): PostedEvent | string {
  const id = String(headers["webhook-id"]);
  const signature = webhookSignature(secret, id, Number(headers["webhook-timestamp"]), body);
  if (headers["webhook-signature"] !== signature) return `${id}: its signature does not fit`;
  try {
    const { type, data } = JSON.parse(body) as { type: string; data: { id: string; recipient: string } };
    return { webhookId: id, type, id: data.id, recipient: data.recipient };
  } catch {
    return `${id}: its body is no event`;
  }
}
