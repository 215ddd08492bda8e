/** What the encoded message puts on the wire: the octets that the SDK itself would send, signed for as they are. */

import { createHash, createHmac } from "node:crypto";
import { createServer, type IncomingHttpHeaders, type Server } from "node:http";
import type { AddressInfo } from "node:net";
import { SESv2Client, SendEmailCommand } from "@aws-sdk/client-sesv2";
import { afterAll, beforeAll, beforeEach, describe, expect, it } from "vitest";
import { RawMessage } from "../../lib/aws/raw-message.ts";
import { sendMail } from "../../lib/aws/send-ses.ts";
import { SES_TAG } from "../../lib/core/names.ts";
import { makeQueueId } from "../../lib/core/queue-id.ts";

interface Request {
  readonly method: string;
  readonly path: string;
  readonly headers: IncomingHttpHeaders;
  readonly body: Buffer;
}

const SECRET = "a-secret";
const ID = makeQueueId(0, new Uint8Array(11));
let requests: Request[] = [];
let server: Server;
let client: SESv2Client;

beforeAll(async () => {
  server = createServer((incoming, outgoing) => {
    const chunks: Buffer[] = [];
    incoming.on("data", (chunk: Buffer) => chunks.push(chunk));
    incoming.on("end", () => {
      const { method = "", url = "", headers } = incoming;
      requests.push({ method, path: url, headers, body: Buffer.concat(chunks) });
      outgoing.writeHead(200, { "content-type": "application/json" });
      outgoing.end('{"MessageId":"an-id"}');
    });
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  client = new SESv2Client({
    endpoint: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    region: "us-east-1",
    credentials: { accessKeyId: "a-key", secretAccessKey: SECRET },
    maxAttempts: 1,
  });
});
beforeEach(() => {
  requests = [];
});
afterAll(async () => {
  client.destroy();
  await new Promise<void>((resolve) => server.close(() => resolve()));
});

async function send(raw: RawMessage, recipient = "b@example.net"): Promise<void> {
  const sender = { client, configurationSet: "relay", sesTenants: true };
  const result = await sendMail(sender, {
    id: ID,
    tenant: "demo",
    own: false,
    recipients: [{ index: 0, address: recipient }],
    raw,
  });
  expect(result).toEqual({ kind: "accepted", sesId: "an-id" });
}

/** The request as the SDK makes it with the message in the command. */
async function sendWithSdk(data: Buffer, recipient: string): Promise<void> {
  await client.send(
    new SendEmailCommand({
      Destination: { ToAddresses: [recipient] },
      Content: { Raw: { Data: data } },
      ConfigurationSetName: "relay",
      TenantName: "demo",
      EmailTags: [
        { Name: SES_TAG.id, Value: ID },
        { Name: SES_TAG.recipient, Value: "0" },
        { Name: SES_TAG.tenant, Value: "demo" },
      ],
    }),
  );
}

/** Signature Version 4 of a request: https://docs.aws.amazon.com/IAM/latest/UserGuide/create-signed-request.html. */
function signatureOf({ method, path, headers, body }: Request): string {
  const authorization = headers.authorization ?? "";
  const [, scope = "", signed = ""] = /Credential=a-key\/(\S+), SignedHeaders=(\S+),/.exec(authorization) ?? [];
  const canonical = [
    method,
    path,
    "",
    ...signed.split(";").map((name) => `${name}:${String(headers[name]).trim()}`),
    "",
    signed,
    createHash("sha256").update(body).digest("hex"),
  ].join("\n");
  const digest = createHash("sha256").update(canonical).digest("hex");
  const toSign = ["AWS4-HMAC-SHA256", headers["x-amz-date"], scope, digest].join("\n");
  const key = scope
    .split("/")
    .reduce((secret: string | Buffer, part) => createHmac("sha256", secret).update(part).digest(), `AWS4${SECRET}`);
  return createHmac("sha256", key).update(toSign).digest("hex");
}

/** Octets of every value, also in an order that base64 does not repeat. */
function octets(length: number): Buffer {
  return Buffer.from(Array.from({ length }, (_, i) => (i * 167 + (i >> 8)) & 0xff));
}

const SIZES = [0, 1, 2, 3, 4, 999, 49_151, 49_152, 49_153, 65_536, 100_000, 3_000_001];

describe("RawMessage", () => {
  it.each(SIZES)("puts %i octets on the wire as the SDK does, announced and signed for", async (size) => {
    const data = octets(size);
    await send(new RawMessage(Buffer.from(data)));
    await sendWithSdk(data, "b@example.net");
    const [ours, theirs] = requests;
    if (ours === undefined || theirs === undefined) throw new Error("two requests were sent");
    expect(ours.body.equals(theirs.body)).toBe(true);
    expect(ours.headers["content-length"]).toBe(String(ours.body.length));
    expect(ours.headers["content-type"]).toBe(theirs.headers["content-type"]);
    for (const request of [theirs, ours]) {
      expect(request.headers.authorization).toContain(`Signature=${signatureOf(request)}`);
    }
    expect(Object.keys(ours.headers).sort()).toEqual(Object.keys(theirs.headers).sort());
  });

  it("serves many calls at once, each with its own recipient", async () => {
    const data = octets(200_000);
    const raw = new RawMessage(data);
    const recipients = Array.from({ length: 20 }, (_, i) => `b${i}@example.net`);
    await Promise.all(recipients.map(async (recipient) => await send(raw, recipient)));
    const sent = requests.map(({ body }) => JSON.parse(body.toString()) as Record<string, unknown>);
    const base64 = data.toString("base64");
    expect(sent.every((body) => JSON.stringify(body["Content"]) === `{"Raw":{"Data":"${base64}"}}`)).toBe(true);
    expect(sent.map((body) => JSON.stringify(body["Destination"])).sort()).toEqual(
      recipients.map((recipient) => JSON.stringify({ ToAddresses: [recipient] })).sort(),
    );
  });

  it('is not led astray by a recipient that looks like the place for it: "Data":""', async () => {
    const recipient = '"\\"Data\\":\\"\\""@example.net';
    await send(new RawMessage(octets(10)), recipient);
    const body = JSON.parse(requests[0]?.body.toString() ?? "") as Record<string, unknown>;
    expect(body["Destination"]).toEqual({ ToAddresses: [recipient] });
    expect(body["Content"]).toEqual({ Raw: { Data: octets(10).toString("base64") } });
  });
});
