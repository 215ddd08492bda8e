import { readdir, readFile } from "node:fs/promises";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { formatReply, SMTP_REPLIES, type SmtpReplyRow, smtpReply } from "../../lib/core/smtp-reply.ts";

const ROWS: readonly (readonly [string, SmtpReplyRow])[] = Object.entries(SMTP_REPLIES);
const EDGE = join(import.meta.dirname, "../../relay-edge");

/** The edge's own sources; `library-replies.ts` lists words of the SMTP library that are never sent. */
async function sources(): Promise<string> {
  const names = (await readdir(EDGE)).filter((name) => name.endsWith(".ts") && name !== "library-replies.ts");
  const core = ["smtp-command.ts", "standing.ts"].map((name) => join(EDGE, "../lib/core", name));
  const paths = [...names.map((name) => join(EDGE, name)), ...core];
  return (await Promise.all(paths.map((path) => readFile(path, "utf8")))).join("\n");
}

describe("the reply table", () => {
  it("says exactly this", async () => {
    const lines = ROWS.map(([name, row]) => `${name}: ${row.code} ${row.enhanced ?? "-"} ${row.text} [${row.rfc}]`);
    await expect(`${lines.join("\n")}\n`).toMatchFileSnapshot("smtp-replies.txt");
  });

  it.each(ROWS)("%s has codes that agree, and fits a reply line with its values", (_, row) => {
    expect(row.text).toMatch(/^[ -~]+$/);
    // RFC 2034 §3: the classes agree. RFC 5321 §4.5.3.1.5: 512 octets with code and CRLF.
    if (row.enhanced === undefined) expect([220, 250, 354]).toContain(row.code);
    else expect(row.enhanced).toMatch(new RegExp(`^${Math.floor(row.code / 100)}\\.\\d\\.\\d{1,2}$`));
    expect(row.text.length + 255 + "421 4.7.0 \r\n".length).toBeLessThanOrEqual(512);
  });

  it("is the only place where the edge's words stand, and every row of it is used", async () => {
    const own = await sources();
    const all = own + (await readFile(join(EDGE, "library-replies.ts"), "utf8"));
    expect(ROWS.map(([name]) => name).filter((name) => !all.includes(`"${name}"`))).toEqual([]);
    const parts = ROWS.flatMap(([, row]) => row.text.split(/\{[a-z]+\}/)).filter((part) => part.length > 12);
    expect(parts.filter((part) => own.includes(part))).toEqual([]);
    expect(own.match(/["'`][245]\d\d[ -][245]\.\d.*/g)).toBeNull();
  });
});

describe("a reply", () => {
  it("is filled with its values", () => {
    expect(formatReply(smtpReply("queued", { id: "01abc" }))).toBe("2.0.0 Ok: queued as 01abc");
    expect(formatReply(smtpReply("greeting", { host: "relay.example" }))).toBe("relay.example ESMTP relayhost");
  });

  it("holds nothing of a value that could end the line or is not ASCII", () => {
    const reply = smtpReply("senderForeign", { domain: "a\r\n250 ok\0日" });
    expect(reply.text).toContain("Sender domain a??250 ok?? is not registered");
  });

  it("holds no more than 255 characters of its values", () => {
    expect(smtpReply("senderForeign", { domain: "a".repeat(1000) }).text).toContain(`domain ${"a".repeat(255)} is`);
    const two = smtpReply("credentialPausedFor", { credential: "a".repeat(1000), reason: "b".repeat(1000) });
    expect(two.text).toContain(`with ${"a".repeat(127)} is paused: ${"b".repeat(127)};`);
  });
});
