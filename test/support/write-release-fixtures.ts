/**
 * Writes what this version stores into `test/fixtures/releases/<version>`, for later versions to be tested with:
 * `node test/support/write-release-fixtures.ts`, once for each release, and never for one that is out.
 *
 * Mails go through the real handlers to every end that there is; objects and items are kept as they are on the wire,
 * beside what this version reads in them.
 */

import { mkdir, readFile, rm, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { ScanCommand } from "@aws-sdk/client-dynamodb";
import { writeRow } from "../../lib/aws/directory-dynamo.ts";
import { readMessage } from "../../lib/aws/ledger-dynamo.ts";
import { getSpoolObject } from "../../lib/aws/spool-s3.ts";
import { directoryKey } from "../../lib/core/directory.ts";
import type { QueueId } from "../../lib/core/queue-id.ts";
import { decodeSpoolObject } from "../../lib/core/spool-object.ts";
import { startPipeline, type TestMessage, testMail } from "./pipeline.ts";
import { pumpUntil } from "./pump-until.ts";
import { RELEASES_DIR, type Release } from "./release-fixtures.ts";
import { releaseRows } from "./release-rows.ts";

/** By name: what each object is a sample of. */
const MAILS: Readonly<Record<string, TestMessage>> = {
  plain: {},
  "null-sender": { from: null },
  dsn: {
    to: [
      { address: "b@example.net", notify: ["SUCCESS", "DELAY"], orcpt: { type: "rfc822", value: "b+x@example.net" } },
    ],
    envelope: { ret: "HDRS", envid: "id with space", body: "8BITMIME" },
  },
  "several-recipients": { to: ["b@example.net", "bounce@simulator.amazonses.com", "c@example.net"] },
  rewritten: { from: "a@elsewhere.example", envelope: { rewrite: "forward", foreignReturnPath: true } },
  "own-report": { from: null, envelope: { credential: "relayhost", dsnFor: "01kb2x5m9cz3qv7g8h4t" } },
  "in-the-clear": { envelope: { client: { address: "2001:db8::1", port: 1, helo: "[192.0.2.1]" } } },
  "odd-octets": { bytes: Buffer.concat([Buffer.from(testMail("odd")), Buffer.from([0, 0x80, 0xff, 0x0a, 0x0d])]) },
};

const root = join(import.meta.dirname, "..", "..");
const { version } = JSON.parse(await readFile(join(root, "package.json"), "utf8")) as { version: string };
const dir = join(RELEASES_DIR, version);
await rm(dir, { recursive: true, force: true });
await mkdir(join(dir, "spool"), { recursive: true });

const pipeline = await startPipeline({
  onSend: (_, request) =>
    request.destination.to.includes("waits@example.net")
      ? { status: 400, errorType: "LimitExceededException", message: "Too much of something." }
      : undefined,
});
try {
  const release: { -readonly [K in keyof Release]: Release[K] } = {
    envelopes: {},
    ledger: [],
    messages: {},
    directory: [],
    rows: [],
  };
  const keep = async (name: string, id: QueueId): Promise<void> => {
    const spooled = await getSpoolObject(pipeline.spool, id);
    if (spooled === undefined) throw new Error(`${name} is not in the spool`);
    await writeFile(join(dir, "spool", `${name}.eml`), spooled.bytes);
    release.envelopes = { ...release.envelopes, [name]: decodeSpoolObject(spooled.bytes).envelope };
  };
  for (const [name, mail] of Object.entries(MAILS))
    await keep(name, await pipeline.accept({ bytes: testMail(name), ...mail }));
  const half = await pipeline.accept({ bytes: testMail("half"), to: ["b@example.net", "waits@example.net"] });
  await keep("half-sent", half);
  await pumpUntil(pipeline, async () => {
    const states = (await pipeline.recipients(half)).map(({ state }) => state);
    return states[0] === "delivered" && states[1] === "waiting";
  });
  const ledger = await scan(pipeline.ledger.client, pipeline.ledger.table);
  release.ledger = ledger.filter((item) => item["pk"]?.S?.startsWith("m#") === true);
  const ids = new Set(release.ledger.map((item) => (item["pk"]?.S ?? "").slice(2)));
  for (const id of ids) {
    release.messages = { ...release.messages, [id]: await readMessage(pipeline.ledger, id as QueueId) };
  }
  for (const row of releaseRows()) await writeRow(pipeline.directory, row);
  const keys = new Set(releaseRows().map(directoryKey));
  release.directory = (await scan(pipeline.directory.client, pipeline.directory.table)).filter((item) =>
    keys.has(item["pk"]?.S ?? ""),
  );
  release.rows = releaseRows();
  for (const [name, value] of Object.entries(release)) {
    await writeFile(join(dir, `${name}.json`), `${JSON.stringify(value, undefined, 2)}\n`);
  }
  console.log(`wrote ${dir}`);
} finally {
  await pipeline.close();
}

async function scan(client: typeof pipeline.ledger.client, TableName: string): Promise<Release["ledger"]> {
  const { Items, LastEvaluatedKey } = await client.send(new ScanCommand({ TableName }));
  if (LastEvaluatedKey !== undefined) throw new Error("more items than one page");
  return Items ?? [];
}
