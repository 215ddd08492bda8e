import { describe, expect, it } from "vitest";
import { DSN_REASONS, isDsnReason, reasonText } from "../../lib/core/dsn-reasons.ts";
import { encodeWords, shownSubject } from "../../lib/core/dsn-subject.ts";
import { dsnText, type TextInput, type TextRecipient } from "../../lib/core/dsn-text.ts";

const RECIPIENT: TextRecipient = {
  finalRecipient: "user@example.org",
  reason: "no-such-user",
  diagnosticCode: "smtp; 550 5.1.1 No such user",
};

function input(recipients: readonly TextRecipient[], over: Partial<TextInput> = {}): TextInput {
  return {
    id: "01kqv3m4x0abcdefghjk",
    action: "failed",
    arrival: "2026-11-24T03:00:05.000Z",
    returned: "message/rfc822",
    recipients,
    ...over,
  };
}

const ja = (...args: Parameters<typeof input>): string[] => dsnText(input(...args), "ja");
const en = (...args: Parameters<typeof input>): string[] => dsnText(input(...args), "en");

describe("the human part of a failure", () => {
  it("says in its first three lines what happened to which address, why, and what to do", () => {
    expect(ja([RECIPIENT]).slice(0, 3)).toEqual([
      "user@example.org 宛のメールは配信できませんでした。",
      "宛先アドレスが受信側サーバーに存在しません。",
      "宛先アドレスに誤りがないか確認し、正しいアドレスへ送り直してください。",
    ]);
    expect(en([RECIPIENT]).slice(0, 3)).toEqual([
      "Your message to user@example.org was not delivered.",
      "The receiving server says that this address does not exist.",
      "Please check the address for mistakes and send your message again to the right one.",
    ]);
  });

  it("writes Japanese first, a rule, then English; with English asked, English only", () => {
    const lines = ja([RECIPIENT]);
    const rule = lines.findIndex((line) => /^-{20,}$/.test(line));
    expect(lines.slice(0, rule).join("")).toMatch(/\p{Script=Hiragana}/u);
    expect(lines.slice(rule).join("")).not.toMatch(/\p{Script=Hiragana}/u);
    expect(lines[rule + 2]).toBe("Your message to user@example.org was not delivered.");
    expect(en([RECIPIENT]).join("\n")).toMatch(/^[\x20-\x7e\n]*$/);
  });

  it("quotes the remote server's own words, line by line and unchanged", () => {
    const remoteText =
      "550-5.7.26 This mail has been blocked because the sender is unauthenticated.\n550 5.7.26  See <https://example.org/x?a=b>";
    const lines = en([{ ...RECIPIENT, remoteText }]);
    const at = lines.indexOf("The receiving server said:");
    expect(lines.slice(at + 1, at + 3).map((line) => line.replace(/^ {4}/, ""))).toEqual(remoteText.split("\n"));
    expect(ja([{ ...RECIPIENT, remoteText }])).toContain("受信側サーバーの応答:");
  });

  it("calls words that are ours or those of SES the sending side's", () => {
    for (const diagnosticCode of ["x-amazon-ses; on the suppression list", "x-relayhost; bounced on 2026-11-01"]) {
      const lines = en([{ ...RECIPIENT, reason: "suppressed", diagnosticCode }]);
      expect(lines).toContain("The sending side noted:");
      expect(lines).not.toContain("The receiving server said:");
    }
  });

  it("tells an administrator how a suppression is lifted", () => {
    const suppressed = { ...RECIPIENT, reason: "suppressed" } as const;
    const command = "    relayhost suppression remove --tenant demo user@example.org";
    for (const lines of [ja([suppressed], { tenant: "demo" }), en([suppressed], { tenant: "demo" })]) {
      expect(lines).toContain(command);
    }
    const odd = { ...suppressed, finalRecipient: "-o'brien$x@example.org" };
    const two = en([suppressed, odd], { tenant: "demo" });
    expect(two).toContain(`  ${command}`);
    expect(two).toContain("      relayhost suppression remove --tenant demo -- '-o'\\''brien$x@example.org'");
    expect(en([suppressed]).join("\n")).not.toContain("relayhost suppression");
    expect(en([RECIPIENT], { tenant: "demo" }).join("\n")).not.toContain("relayhost suppression");
  });

  it("shows subject, time and queue id, so that people can tell which mail it was", () => {
    const subject = Buffer.from("Subject: =?ISO-2022-JP?B?GyRCOCtAUT1xGyhC?=\r\n");
    const lines = ja([RECIPIENT], { originalSubject: subject, originalMessageId: "<id@a.example>" });
    expect(lines).toContain("件名: 見積書");
    expect(lines).toContain("受付日時: 2026年11月24日 12:00（日本時間）");
    expect(lines).toContain("受付番号: 01kqv3m4x0abcdefghjk");
    expect(lines).toContain("Message-ID: <id@a.example>");
    expect(en([RECIPIENT])).toContain("Accepted: Tue, 24 Nov 2026 03:00:05 +0000");
  });

  it("names the address the sender wrote when the mail was forwarded, and only then", () => {
    const forwarded = { ...RECIPIENT, originalRecipient: { type: "rfc822", value: "info@a.example" } };
    expect(ja([forwarded])[0]).toBe(
      "user@example.org（info@a.example からの転送先）宛のメールは配信できませんでした。",
    );
    expect(en([forwarded])[0]).toBe(
      "Your message to user@example.org (forwarded from info@a.example) was not delivered.",
    );
    const same = { ...RECIPIENT, originalRecipient: { type: "rfc822", value: "User@example.org" } };
    expect(en([same])[0]).toBe("Your message to user@example.org was not delivered.");
  });

  it("gives several recipients with one cause one explanation, and lists every address", () => {
    const recipients = Array.from({ length: 60 }, (_, i) => ({ ...RECIPIENT, finalRecipient: `u${i}@example.org` }));
    const lines = ja(recipients);
    expect(lines[0]).toBe(
      "u0@example.org、u1@example.org、u2@example.org ほか 57 件 宛のメールは配信できませんでした。",
    );
    expect(lines[1]).toBe("宛先アドレスが受信側サーバーに存在しません。");
    for (const recipient of recipients) expect(lines).toContain(`* ${recipient.finalRecipient}`);
    expect(lines.filter((line) => line === lines[1])).toHaveLength(1);
  });

  it("explains each recipient by itself when the causes differ", () => {
    const full: TextRecipient = { finalRecipient: "b@example.org", reason: "mailbox-full" };
    const lines = en([RECIPIENT, full]);
    expect(lines[1]).toBe("The reasons differ: please see each address below.");
    const at = lines.indexOf("* b@example.org");
    expect(lines[at + 1]).toBe("  The recipient's mailbox is full.");
  });

  it("cannot be made to show other lines or a reversed text by a hostile subject or reply", () => {
    const lines = en([{ ...RECIPIENT, remoteText: "550 \u202eevil\u0007\u2028Your message was delivered." }], {
      originalSubject: Buffer.from("Subject: a\r\n Your account\u202e is locked"),
    });
    expect(lines.join("\n")).not.toMatch(/[\p{Bidi_Control}\p{Zl}]|(?!\n)\p{Cc}/u);
    expect(lines).not.toContain("Your message was delivered.");
    expect(lines).toContain("Subject: a Your account is locked");
  });
});

describe("the part for the administrator", () => {
  const listed = {
    ...RECIPIENT,
    reason: "blocked-ip",
    status: "5.7.1",
    diagnosticCode: "smtp; 554 5.7.1 Client host [192.0.2.1] blocked using bl.spamcop.net",
  } as const;

  it("follows the quoted reply and says which list refuses, what to do, and where to look", () => {
    const text = en([listed]);
    const at = text.indexOf("For the administrator of your mail server:");
    expect(text[at - 2]).toBe("    554 5.7.1 Client host [192.0.2.1] blocked using bl.spamcop.net");
    expect(text[at + 1]).toContain("is on the block list SpamCop");
    expect(text[at + 2]).toContain("AWS Support");
    expect(text[at + 3]).toBe("    https://www.spamcop.net/bl.shtml");
    expect(ja([listed]).filter((line) => line.startsWith("メールサーバーの管理者の方へ"))).toHaveLength(1);
  });

  it("is left out where it would say no more than the sender is told, and for words of the sending side", () => {
    const own = { ...listed, diagnosticCode: "x-amazon-ses; blocked using bl.spamcop.net" };
    for (const recipient of [RECIPIENT, own]) expect(en([recipient]).join("\n")).not.toContain("For the administrator");
  });
});

describe("the human part of other reports", () => {
  it("says until when a delayed mail is tried, and that it need not be sent again", () => {
    const delayed = { ...RECIPIENT, reason: "delayed", willRetryUntil: "2026-11-24T17:00:07.000Z" } as const;
    expect(ja([delayed], { action: "delayed" }).slice(0, 3)).toEqual([
      "user@example.org 宛のメールは、まだ配信できていません。",
      "受信側サーバーが一時的に受け取れない状態です。",
      "2026年11月25日 02:00（日本時間）まで自動で再送を続けます。送り直す必要はありません。それまでに配信できなければ、改めてお知らせします。",
    ]);
    expect(en([delayed], { action: "delayed" })[2]).toBe(
      "We keep trying until Tue, 24 Nov 2026 17:00:07 +0000. There is no need to send it again; you will be told if it cannot be delivered.",
    );
    expect(en([{ ...RECIPIENT, reason: "held" }], { action: "delayed" })[2]).toMatch(/^We keep trying\. /);
  });

  it("promises no notice of failure to a sender who asked for none", () => {
    const delayed = { ...RECIPIENT, reason: "delayed", failureNotAskedFor: true } as const;
    const relayed = { ...RECIPIENT, reason: "relayed", failureNotAskedFor: true } as const;
    const texts = [
      [delayed, "delayed"],
      [relayed, "relayed"],
    ] as const;
    for (const [recipient, action] of texts) {
      const words = en([recipient], { action }).slice(0, 3).join(" ");
      expect(words).toContain("o notice of failure was asked for");
      expect(words).not.toContain("you will be told");
      expect(ja([recipient], { action }).slice(0, 3).join("")).toContain("配信失敗の通知は要求されていない");
    }
    const [first] = en([delayed, { ...RECIPIENT, reason: "delayed" }], { action: "delayed" }).slice(1);
    expect(first).toBe("The reasons differ: please see each address below.");
  });

  it("says of a relayed mail that it was handed on and that no later notice follows", () => {
    const relayed = { finalRecipient: "user@example.org", reason: "relayed" } as const;
    expect(ja([relayed], { action: "relayed" }).slice(0, 3).join("")).toMatch(
      /引き渡しました。.*お知らせはこれが最後です。$/,
    );
    expect(en([relayed], { action: "relayed" }).slice(0, 3).join(" ")).toMatch(
      /handed on .* no later notice follows\.$/,
    );
  });
});

describe("reasons", () => {
  it("each have a cause and an advice in both languages, as whole sentences on one line", () => {
    expect(DSN_REASONS.length).toBeGreaterThan(20);
    for (const reason of DSN_REASONS) {
      for (const text of Object.values(reasonText(reason, "ja")))
        expect(text).toMatch(/^[^\n]*\p{Script=Hiragana}[^\n]*。$/u);
      for (const text of Object.values(reasonText(reason, "en"))) expect(text).toMatch(/^[A-Z][\x20-\x7e]*\.$/);
    }
  });

  it("are told from other words", () => {
    expect(isDsnReason("mailbox-full")).toBe(true);
    expect(isDsnReason("toString")).toBe(false);
  });
});

describe("subjects", () => {
  it.each([
    ["Subject: =?UTF-8?B?6KaL56mN?=\r\n =?UTF-8?B?5pu4?= (2)", "見積書 (2)"],
    ["=?utf-8?Q?caf=C3=A9_=3D_ok?=", "café = ok"],
    ["=?ISO-2022-JP?B?GyRCOCtAUT1xGyhC?=", "見積書"],
    ["=?Shift_JIS?B?jKmQz4+R?=", "見積書"],
    ["=?CP932?Q?=8C=A9=90=CF=8F=91?=", "見積書"],
    ["=?EUC-JP?B?uKvA0b3x?=", "見積書"],
    ["=?UTF-8*ja?B?6KaL56mN5pu4?=", "見積書"],
    // One character cut between two words, as many programs do.
    ["=?UTF-8?B?6KaL5w==?= =?UTF-8?B?qY3mm7g=?=", "見積書"],
    ["=?x-unknown?B?6KaL?= b", "? b"],
    ["plain\ttext", "plain text"],
    ["", ""],
  ])("%j is shown as %j", (raw, shown) => {
    expect(shownSubject(Buffer.from(raw))).toBe(shown);
  });

  it("show raw UTF-8 and raw ISO-2022-JP, and question marks for other 8-bit octets", () => {
    expect(shownSubject(Buffer.from("Subject: 見積書"))).toBe("見積書");
    expect(shownSubject(Buffer.from("Subject: \x1b$B8+@Q=q\x1b(B", "latin1"))).toBe("見積書");
    expect(shownSubject(Buffer.from("Subject: \x8c\xa9 ok", "latin1"))).toBe("? ok");
  });

  it("are cut when they are long", () => {
    expect(shownSubject(Buffer.from("あ".repeat(5000)))).toBe(`${"あ".repeat(200)}…`);
  });

  it("are written as encoded-words of at most 75 characters that tear no character apart", () => {
    const text = "配信不能のお知らせ🀄".repeat(10);
    const words = encodeWords(text).split("\r\n ");
    for (const word of words) expect(word.length).toBeLessThanOrEqual(75);
    const decoded = words.map((word) => Buffer.from(word.slice(10, -2), "base64").toString("utf8"));
    expect(decoded.join("")).toBe(text);
    expect(decoded.join("")).not.toContain("\ufffd");
  });
});
