import { randomBytes } from "node:crypto";
import { mkdtemp, readdir, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { crc32 } from "node:zlib";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { MessageBuffer, prepareFolder } from "../../relay-edge/message-buffer.ts";

const MEMORY = 10_000;
const HEAD = Buffer.from("head\r\n");
let directory: string;

beforeAll(async () => {
  directory = join(await mkdtemp(join(tmpdir(), "relayhost-buffer-")), "made");
  await prepareFolder(directory);
});

afterAll(async () => {
  await rm(directory, { recursive: true });
});

const make = () => new MessageBuffer({ memoryBytesMax: MEMORY, directory, randomBytes });

async function bytesOf(buffer: MessageBuffer): Promise<Buffer> {
  const body = await buffer.body(HEAD);
  if (Buffer.isBuffer(body)) return body;
  const chunks: Buffer[] = [];
  for await (const chunk of body.open()) chunks.push(chunk as Buffer);
  const bytes = Buffer.concat(chunks);
  expect([bytes.length, crc32(bytes)]).toEqual([body.length, body.crc32]);
  return bytes;
}

describe("a message buffer", () => {
  it.each([
    ["nothing", []],
    ["a little", [10, 20]],
    ["exactly what fits memory", [MEMORY]],
    ["one octet more", [MEMORY, 1]],
    ["many small pieces", Array.from({ length: 50_000 }, (_, i) => i % 7)],
    ["large pieces", [300_000, 1, 500_000, 9_999, 3]],
  ])("gives back %s, with the head in front, as often as it is asked", async (_, sizes) => {
    const buffer = make();
    const pieces = sizes.map((size) => randomBytes(size));
    for (const piece of pieces) await buffer.write(piece);
    const expected = Buffer.concat([HEAD, ...pieces]);
    expect(buffer.length).toBe(expected.length - HEAD.length);
    expect((await bytesOf(buffer)).equals(expected)).toBe(true);
    expect((await bytesOf(buffer)).equals(expected)).toBe(true);
    const inMemory = Buffer.isBuffer(await buffer.body(HEAD));
    expect(inMemory).toBe(buffer.length <= MEMORY);
    expect(await readdir(directory)).toEqual([]);
    await buffer.dispose();
    await buffer.dispose();
  });

  it("leaves no file descriptor open, whatever became of it", async () => {
    const open = async () => (await readdir("/proc/self/fd")).length;
    const before = await open();
    for (let i = 0; i < 20; i++) {
      const buffer = make();
      const writing = buffer.write(randomBytes(2 * MEMORY));
      if (i % 2 === 0) await buffer.dispose();
      await writing.catch(() => undefined);
      await buffer.dispose();
    }
    expect(await open()).toBeLessThanOrEqual(before);
  });

  it("removes what a predecessor left, and nothing else", async () => {
    await writeFile(join(directory, "relayhost-message-0123"), "stale");
    await writeFile(join(directory, "other"), "kept");
    await prepareFolder(directory);
    expect(await readdir(directory)).toEqual(["other"]);
    await rm(join(directory, "other"));
  });
});
