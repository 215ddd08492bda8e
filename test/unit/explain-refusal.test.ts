/** What receivers' refusals mean: a documented or recorded reply for each row of the table, in every form it may come in. */

import * as fc from "fast-check";
import { describe, expect, it } from "vitest";
import { BLOCK_LIST_ROWS, UNKNOWN_LIST_ROWS } from "../../lib/core/block-lists.ts";
import { diagnose, explainRefusal, plainReply } from "../../lib/core/explain-refusal.ts";
import { isFiner, REFUSAL_REASONS, refusalWords, toldToSender } from "../../lib/core/refusal-reasons.ts";
import type { RefusalRow } from "../../lib/core/refusal-row.ts";
import { COMMON_ROWS, RECEIVER_ROWS } from "../../lib/core/refusal-texts.ts";
import { REFUSAL_SAMPLES } from "../support/refusal-samples.ts";

describe("a refusal", () => {
  it.each(REFUSAL_SAMPLES)("%j is %s", (reply, reason, receiver, by) => {
    const refusal = explainRefusal(undefined, reply);
    expect(refusal?.reason).toBe(reason);
    if (receiver !== undefined) expect(refusal?.receiver).toBe(receiver);
    if (by !== undefined) expect(refusal?.by).toBe(by);
  });

  it.each(REFUSAL_SAMPLES.map(([reply]) => reply))("%j means the same however it comes", (reply) => {
    const expected = explainRefusal(undefined, reply);
    const inOneLine = reply.replaceAll("\n", " ");
    const code = reply.slice(0, 3);
    const forms = [
      `smtp; ${reply}`,
      `SMTP;${inOneLine}`,
      reply.replaceAll("\n", "\r\n"),
      reply.replaceAll("\n", " / "),
      `${inOneLine}\r\n`,
      inOneLine.replace(/(?<=\S{3} \S{4,} \S+) /, "\r\n    "),
      inOneLine.replace(/(.{30})/g, "$1=\r\n"),
      inOneLine.replaceAll("'", "\u2019"),
      inOneLine.replace(/ (?=[a-z]+ [a-z]+\.?$)/, `\n${code}-`),
      `${inOneLine}\0`,
    ];
    for (const form of forms) expect(explainRefusal(undefined, form), JSON.stringify(form)).toEqual(expected);
  });

  it("that nothing in the table fits stays unexplained, and so does none at all", () => {
    for (const reply of ["550 computer says no", "550 5.0.0 Ablehnung", "", undefined]) {
      expect(explainRefusal(undefined, reply)).toBeUndefined();
    }
    expect(diagnose("5.0.0", "550 computer says no")).toBeUndefined();
  });

  it("is told by the status beside it when the reply has none", () => {
    expect(explainRefusal("5.1.1", "550 no")?.reason).toBe("no-such-user");
    expect(explainRefusal("5.7.606", "550 no")).toMatchObject({ reason: "ip-blocked", by: "Microsoft 365" });
    expect(explainRefusal("4.0.0", "400 come back")?.reason).toBe("gave-up");
  });

  it("names a list or receiver only when the text does, so that SES's own verdict stands otherwise", () => {
    expect(explainRefusal("5.7.1", "550 5.7.1 blocked using zen.spamhaus.org")?.named).toBe(true);
    expect(explainRefusal("5.7.1", "550 5.7.1 user unknown")?.named).toBeUndefined();
  });

  it("never throws and takes no time, whatever a stranger's server writes", () => {
    fc.assert(
      fc.property(fc.string({ maxLength: 500, unit: "binary" }), fc.string({ maxLength: 20 }), (text, status) => {
        explainRefusal(status, text);
        explainRefusal(undefined, `550-5.7.1 ${text}`);
      }),
      { numRuns: 500 },
    );
    const started = performance.now();
    for (const part of ["spamhaus ", "a.", "(x", "user ", "[TSS", "550-", "listed by a-", "rate "]) {
      explainRefusal(undefined, `550 5.7.1 ${part.repeat(100_000)}`);
    }
    // Generous: what is quadratic in a megabyte takes minutes.
    expect(performance.now() - started).toBeLessThan(5_000);
  });
});

describe("the table", () => {
  const replies = REFUSAL_SAMPLES.map(([reply]) => plainReply(reply));
  const label = (row: RefusalRow): string =>
    `${row.receiver ?? row.by ?? ""} ${row.reason} ${row.status ?? ""}${row.text ?? ""}`;

  it.each(
    [...BLOCK_LIST_ROWS, ...RECEIVER_ROWS, ...UNKNOWN_LIST_ROWS, ...COMMON_ROWS].map(
      (row) => [label(row), row] as const,
    ),
  )("has a sample for: %s", (_, row) => {
    const fits = replies.some(
      (reply) =>
        (row.text?.test(reply) ?? true) && (row.status?.test(/^\d{3} [45]\.(\d+\.\d+)/.exec(reply)?.[1] ?? "") ?? true),
    );
    expect(fits).toBe(true);
  });

  it("has no pattern that keeps a position between two uses", () => {
    for (const row of [...BLOCK_LIST_ROWS, ...RECEIVER_ROWS, ...UNKNOWN_LIST_ROWS, ...COMMON_ROWS]) {
      expect(row.text?.flags ?? "i").toBe("i");
    }
  });
});

describe("words", () => {
  it.each(REFUSAL_REASONS)("of %s are whole sentences in both languages, with and without a name", (reason) => {
    for (const language of ["en", "ja"] as const) {
      const words = refusalWords(reason, language, "Example List");
      expect(refusalWords(reason, language).title).not.toContain("{");
      for (const text of Object.values(words)) expect(text).not.toMatch(/[{}]|undefined/);
      const end = language === "ja" ? /\u3002$/ : /[.]$/;
      expect(words.means).toMatch(end);
      if (language === "ja") expect(words.title).toMatch(/[\u3040-\u30ff\u4e00-\u9fff]/);
    }
  });

  it("are told to the sender under a reason of the report, except complaints", () => {
    expect(toldToSender("ip-listed")).toBe("blocked-ip");
    expect(toldToSender("mailbox-full")).toBe("mailbox-full");
    expect(toldToSender("complained")).toBeUndefined();
    expect(isFiner("ip-listed")).toBe(true);
    expect(isFiner("mailbox-full")).toBe(false);
  });
});
