import { describe, expect, it } from "vitest";
import { messageIds, messageIdText, REFERENCES_OCTETS_MAX, referencedIds } from "../../lib/core/header-message-ids.ts";
import { fieldsOf, messageOf, prepare } from "../support/header-rules.ts";

const FROM = "From: a@example.com";
const threadOf = (header: string[], options: Parameters<typeof prepare>[1] = {}): string[] =>
  fieldsOf(prepare([FROM, ...header], options)).filter((field) => /^(References|In-Reply-To)/i.test(field));

describe("messageIds", () => {
  it("finds ids in order and once, and skips what is between them", () => {
    expect(messageIds('Your mail of "Mon" <a@b>, (x) <c@d>\t<a@b><e>')).toEqual(["<a@b>", "<c@d>", "<e>"]);
  });

  it("takes nothing for an id that has a blank in it, is empty, or could not stand in a line", () => {
    expect(messageIds(`<a b> <> <${"x".repeat(1000)}> <ok>`)).toEqual(["<ok>"]);
  });
});

describe("messageIdText", () => {
  it("is the id without brackets, and the whole value when it has none", () => {
    expect(messageIdText("(c) <a@b>")).toBe("a@b");
    expect(messageIdText("a@b")).toBe("a@b");
    expect(messageIdText("")).toBeUndefined();
  });

  it("is at most 1000 octets of UTF-8 of what is no id, and ends with a whole character", () => {
    const octets = (text: string): string => Buffer.from(text, "utf8").toString("latin1");
    expect(messageIdText("x".repeat(1000))).toHaveLength(1000);
    expect(messageIdText("x".repeat(1001))).toHaveLength(1000);
    expect(messageIdText(octets("\u3042".repeat(400)))).toBe("\u3042".repeat(333));
    expect(messageIdText(octets(`a${"\u{1f4e7}".repeat(400)}`))).toBe(`a${"\u{1f4e7}".repeat(249)}`);
    expect(messageIdText("\x82".repeat(900))).toBe("\ufffd".repeat(333));
  });
});

describe("the Message-ID that SES will replace", () => {
  it("is added to References, whose octets stay as they are", () => {
    expect(threadOf(["Message-ID: <m@x>", "References: (old)  <r1@x>\r\n\t<r2@x> "])).toEqual([
      "References: (old)  <r1@x>\r\n\t<r2@x> \r\n <m@x>",
    ]);
  });

  it("makes a References field behind it when there is none", () => {
    const prepared = prepare([FROM, "Message-ID: <m@x>", "Subject: s"]);
    expect(fieldsOf(prepared)).toEqual([FROM, "Message-ID: <m@x>", "References: <m@x>", "Subject: s"]);
    expect(prepared.originalMessageId).toBe("m@x");
  });

  it("comes after the ids of In-Reply-To in a References field made for it", () => {
    expect(threadOf(["In-Reply-To: <p@x>", "Message-ID: <m@x>"])).toEqual([
      "In-Reply-To: <p@x>",
      "References: <p@x>\r\n <m@x>",
    ]);
  });

  it("is not added twice, nor when that is switched off, nor when it is no id", () => {
    expect(threadOf(["Message-ID: <m@x>", "References: <m@x> <r@x>"])).toEqual(["References: <m@x> <r@x>"]);
    expect(threadOf(["Message-ID: <m@x>"], { keepMessageId: false })).toEqual([]);
    expect(threadOf(["Message-ID: no brackets", "References: <r@x>"])).toEqual(["References: <r@x>"]);
  });

  it("leaves the first id and the last ones of a References field that grew too long", () => {
    const ids = Array.from({ length: 300 }, (_, i) => `<${i}.${"r".repeat(30)}@example.com>`);
    const prepared = prepare([FROM, "Message-ID: <m@x>", `References: ${ids.join("\r\n ")}`]);
    const [references = ""] = fieldsOf(prepared).filter((field) => field.startsWith("References"));
    const kept = messageIds(references);
    expect(kept[0]).toBe(ids[0]);
    expect(kept.slice(1)).toEqual([...ids, "<m@x>"].slice(-(kept.length - 1)));
    expect(references.length).toBeLessThanOrEqual(REFERENCES_OCTETS_MAX + "References: ".length);
    expect(references.length).toBeGreaterThan(REFERENCES_OCTETS_MAX - 60);
    expect(prepared.edits.find((edit) => edit.field === "references")?.kinds).toContain("references-cut");
  });

  it("does not touch a long References field when there is nothing to add", () => {
    const long = `References: ${Array.from({ length: 300 }, (_, i) => `<${i}@example.com>`).join("\r\n ")}`;
    expect(threadOf([long])).toEqual([long]);
  });
});

describe("several References or In-Reply-To fields", () => {
  it("become one with each id once, in order, where the topmost stood and under its name", () => {
    const header = [
      "REFERENCES: <a@x> <b@x>",
      "In-Reply-To: <b@x>",
      "References: <b@x>\r\n <c@x>",
      "in-reply-to: <c@x>",
    ];
    expect(threadOf(header)).toEqual(["REFERENCES: <a@x> <b@x>\r\n <c@x>", "In-Reply-To: <b@x>\r\n <c@x>"]);
  });

  it("become the topmost when they hold the same", () => {
    expect(threadOf(["References:  <a@x>  ", "References: <a@x>"])).toEqual(["References:  <a@x>  "]);
  });
});

describe("ids that SES gave to earlier mail", () => {
  const sesIdsOf = (id: string): string[] =>
    id === "p@x" ? ["0100@email.amazonses.com", "0200@email.amazonses.com"] : [];

  it("stand behind the id they replaced, in both fields", () => {
    expect(
      threadOf(["In-Reply-To: <p@x>", "References: <o@x> <p@x> <q@x>", "Message-ID: <m@x>"], { sesIdsOf }),
    ).toEqual([
      "In-Reply-To: <p@x>\r\n <0100@email.amazonses.com>\r\n <0200@email.amazonses.com>",
      "References: <o@x>\r\n <p@x>\r\n <0100@email.amazonses.com>\r\n <0200@email.amazonses.com>\r\n <q@x>\r\n <m@x>",
    ]);
  });

  it("make a References field behind In-Reply-To in a message that has no Message-ID", () => {
    expect(fieldsOf(prepare([FROM, "In-Reply-To: <p@x>", "X: y"], { sesIdsOf }))[2]).toBe(
      "References: <p@x>\r\n <0100@email.amazonses.com>\r\n <0200@email.amazonses.com>",
    );
  });

  it("are not written when they are no ids", () => {
    const bad = (): string[] => ["a b", "x>\r\nBcc: y", ""];
    expect(threadOf(["In-Reply-To: <p@x>"], { sesIdsOf: bad })).toEqual(["In-Reply-To: <p@x>"]);
  });
});

describe("referencedIds", () => {
  it("gives the ids to look up, from both fields, once and without brackets", () => {
    const message = messageOf(["References: <a@x>\r\n <b@x>", "In-reply-to: <b@x> <c@x>", "Message-ID: <m@x>"]);
    expect(referencedIds(message)).toEqual(["a@x", "b@x", "c@x"]);
    expect(referencedIds(Buffer.alloc(0))).toEqual([]);
  });
});
