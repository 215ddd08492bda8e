/**
 * Forward as a process of its own: the real handler, fed from the real queue as Lambda feeds it, and beside it the bare
 * call to SES. AWS is where the environment says. Sends `{}` when it is up and answers each order with its result.
 */

import { makeForwardHandler } from "../../lambda/forward/handler.ts";
import { makeSesForSending, makeSqs } from "../../lib/aws/clients.ts";
import { RawMessage } from "../../lib/aws/raw-message.ts";
import { sendMail } from "../../lib/aws/send-ses.ts";
import { LIMITS } from "../../lib/core/limits.ts";
import { ENV } from "../../lib/core/names.ts";
import { parseQueueId } from "../../lib/core/queue-id.ts";
import { startQueueWorker } from "../../lib/local/queue-worker.ts";
import { benchMail } from "../spool-mail.ts";
import { answerOrders, measured } from "./usage.ts";

/** What the parent may ask for. */
export type ForwardOrder =
  /** Forward this many messages from the queue. */
  | { readonly order: "forward"; readonly messages: number }
  /** Call SES this many times with a message of this size, as many calls at once as a batch has messages. */
  | { readonly order: "floor"; readonly messages: number; readonly bytes: number };

let left = 0;
let emptied: () => void = () => undefined;
const handler = makeForwardHandler(process.env, (event) => {
  if (event.event === "forwarded" && --left === 0) emptied();
  if (event.event !== "forwarded" && event.event !== "message-edited") console.error(event);
});
const queue = { client: makeSqs(), url: process.env[ENV.forwardQueueUrl] ?? "" };
const sender = {
  client: makeSesForSending(LIMITS.forward.sesCallTimeoutMs),
  configurationSet: process.env[ENV.configurationSet] ?? "",
  sesTenants: false,
};

async function forward(messages: number): Promise<void> {
  left = messages;
  const done = new Promise<void>((resolve) => (emptied = resolve));
  const log = (): void => undefined;
  const { timeoutSeconds } = LIMITS.forward;
  const worker = startQueueWorker({ name: "forward", queue, handler, timeoutSeconds, concurrency: 1, log });
  await done;
  await worker.stop();
}

async function floor(messages: number, bytes: Buffer): Promise<void> {
  const id = parseQueueId("0".repeat(20));
  if (id === undefined) throw new Error("no id");
  let begun = 0;
  const lane = async (): Promise<void> => {
    while (begun++ < messages) {
      const mail = {
        id,
        tenant: "demo",
        own: false,
        recipients: [{ index: 0, address: "b@example.net" }],
        raw: new RawMessage(bytes),
      };
      const result = await sendMail(sender, mail);
      if (result.kind === "failed") throw new Error(`SES refused: ${result.failure.text}`);
    }
  };
  await Promise.all(Array.from({ length: LIMITS.forward.batchSize }, lane));
}

answerOrders(async (sent) => {
  const order = sent as ForwardOrder;
  if (order.order === "forward") return await measured(async () => await forward(order.messages));
  const message = benchMail(order.bytes);
  return await measured(async () => await floor(order.messages, message));
});
process.send?.({});
