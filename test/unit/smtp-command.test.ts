import { describe, expect, it } from "vitest";
import { parseMailCommand, parseRcptCommand } from "../../lib/core/smtp-command.ts";
import { formatReply } from "../../lib/core/smtp-reply.ts";

const mail = (line: string | Buffer) => parsed(parseMailCommand(Buffer.from(line as string)));
const rcpt = (line: string | Buffer) => parsed(parseRcptCommand(Buffer.from(line as string)));

function parsed(command: ReturnType<typeof parseMailCommand> | ReturnType<typeof parseRcptCommand>) {
  return command.kind === "refused" ? `${command.reply.code} ${formatReply(command.reply)}` : command;
}

const a = { local: "a", domain: "x.example" };

describe("MAIL", () => {
  it.each([
    ["MAIL FROM:<a@x.example>", { from: a }],
    ["mail from: <a@X.Example>", { from: a }],
    ["MAIL From:<>", { from: null }],
    ["MAIL FROM:<@r.example,@s.example:a@x.example>", { from: a }],
    ['MAIL FROM:<"a > b"@x.example>', { from: { local: '"a > b"', domain: "x.example" } }],
    ["MAIL FROM:<a..b.@docomo.example>", { from: { local: "a..b.", domain: "docomo.example" } }],
    ["MAIL FROM:<a@日本語.example>", { from: { local: "a", domain: "xn--wgv71a119e.example" } }],
    ["MAIL FROM:<a@x.example> SIZE=1000 BODY=8BITMIME", { from: a, size: 1000, body: "8BITMIME" }],
    ["MAIL FROM:<a@x.example>  body=7bit ret=hdrs", { from: a, body: "7BIT", ret: "HDRS" }],
    ["MAIL FROM:<a@x.example> RET=FULL ENVID=a+2Bb+20c", { from: a, ret: "FULL", envid: "a+b c" }],
    ["MAIL FROM:<a@x.example> AUTH=<>", { from: a }],
    ["MAIL FROM:<a@x.example> AUTH=someone", { from: a }],
    ["MAIL FROM:<a@x.example> SIZE=0 ", { from: a, size: 0 }],
  ])("%s is understood", (line, command) => {
    expect(mail(line)).toEqual({ kind: "mail", ...command });
  });

  it.each([
    ["MAIL FROM:a@x.example", "501 5.5.4 Syntax: MAIL FROM:<address>"],
    ["MAIL FROM:<a@x.example", "501 5.5.4 Syntax: MAIL FROM:<address>"],
    ["MAIL FROM:<a@x.example>SIZE=1", "501 5.5.4 Syntax: MAIL FROM:<address>"],
    ["MAIL FROM:<<a@x.example>>", "501 5.5.4 Syntax: MAIL FROM:<address>"],
    ["MAIL TO:<a@x.example>", "501 5.5.4 Syntax: MAIL FROM:<address>"],
    ["MAIL", "501 5.5.4 Syntax: MAIL FROM:<address>"],
    ["MAIL FROM:<root>", "550 5.1.7 Sender address has no domain: use name@example.com"],
    ["MAIL FROM:<a@[192.0.2.1]>", "550 5.1.7 Sender address is not valid"],
    ["MAIL FROM:<a@x..example>", "550 5.1.7 Sender address is not valid"],
    ["MAIL FROM:<a b@x.example>", "501 5.5.4 Syntax: MAIL FROM:<address>"],
    ["MAIL FROM:<社長@x.example>", "553 5.6.7 Non-ASCII characters before the @ cannot be sent from here"],
    [
      Buffer.from("MAIL FROM:<a\xff@x.example>", "latin1"),
      "501 5.5.2 Commands are ASCII here; SMTPUTF8 is not offered",
    ],
    ["MAIL FROM:<a@x.example> ENVID=社", "501 5.5.2 Commands are ASCII here; SMTPUTF8 is not offered"],
    ["MAIL FROM:<a@x.example>\rRCPT TO:<b@y.example>", "501 5.5.2 Control characters, bare CR or bare LF in a command"],
    ["MAIL FROM:<a\u0000@x.example>", "501 5.5.2 Control characters, bare CR or bare LF in a command"],
    ["MAIL FROM:<a@x.example> SIZE=1e3", "501 5.5.4 The value of parameter SIZE is not valid"],
    ["MAIL FROM:<a@x.example> SIZE", "501 5.5.4 The value of parameter SIZE is not valid"],
    ["MAIL FROM:<a@x.example> BODY=BINARYMIME", "501 5.5.4 The value of parameter BODY is not valid"],
    ["MAIL FROM:<a@x.example> RET=ALL", "501 5.5.4 The value of parameter RET is not valid"],
    ["MAIL FROM:<a@x.example> ENVID=a+0D+0Ab", "501 5.5.4 The value of parameter ENVID is not valid"],
    ["MAIL FROM:<a@x.example> ENVID=a+zz", "501 5.5.4 The value of parameter ENVID is not valid"],
    [`MAIL FROM:<a@x.example> ENVID=${"a".repeat(101)}`, "501 5.5.4 The value of parameter ENVID is not valid"],
    ["MAIL FROM:<a@x.example> SIZE=1 size=2", "501 5.5.4 Parameter SIZE is given twice"],
    ["MAIL FROM:<a@x.example> FOO=BAR", "555 5.5.4 Parameter FOO is not known here; use only what EHLO offers"],
    ["MAIL FROM:<a@x.example> SMTPUTF8", "555 5.5.4 Parameter SMTPUTF8 is not known here; use only what EHLO offers"],
    [
      "MAIL FROM:<a@x.example> REQUIRETLS",
      "555 5.5.4 Parameter REQUIRETLS is not known here; use only what EHLO offers",
    ],
    ["MAIL FROM:<a@x.example> NOTIFY=NEVER", "555 5.5.4 Parameter NOTIFY is not known here; use only what EHLO offers"],
  ])("%j is answered %s", (line, reply) => {
    expect(mail(line)).toBe(reply);
  });
});

describe("RCPT", () => {
  it.each([
    ["RCPT TO:<a@x.example>", { to: a }],
    ["rcpt to: <a@x.example>", { to: a }],
    ["RCPT TO:<a@x.example> NOTIFY=NEVER", { to: a, notify: ["NEVER"] }],
    ["RCPT TO:<a@x.example> NOTIFY=success,Delay,SUCCESS", { to: a, notify: ["SUCCESS", "DELAY"] }],
    [
      "RCPT TO:<a@x.example> ORCPT=rfc822;b+2Bc@y.example",
      { to: a, orcpt: { type: "rfc822", value: "b+c@y.example" } },
    ],
    ["RCPT TO:<a@日本語.example>", { to: { local: "a", domain: "xn--wgv71a119e.example" } }],
  ])("%s is understood", (line, command) => {
    expect(rcpt(line)).toEqual({ kind: "rcpt", ...command });
  });

  it.each([
    ["RCPT TO:<>", "550 5.1.3 Recipient address is not valid"],
    ["RCPT TO:<root>", "550 5.1.3 Recipient address has no domain: use name@example.com"],
    ["RCPT TO:<postmaster>", "550 5.1.3 Recipient address has no domain: use name@example.com"],
    ["RCPT TO:<a@>", "550 5.1.3 Recipient address has no domain: use name@example.com"],
    ["RCPT TO:<@x.example>", "550 5.1.3 Recipient address is not valid"],
    ["RCPT TO:<a@b@x.example>", "550 5.1.3 Recipient address is not valid"],
    [`RCPT TO:<${"a".repeat(65)}@x.example>`, "550 5.1.3 Recipient address is not valid"],
    ["RCPT TO:a@x.example", "501 5.5.4 Syntax: RCPT TO:<address>"],
    ["RCPT TO:<社長@x.example>", "553 5.6.7 Non-ASCII characters before the @ cannot be sent from here"],
    ["RCPT TO:<a@x.example> NOTIFY=NEVER,DELAY", "501 5.5.4 The value of parameter NOTIFY is not valid"],
    ["RCPT TO:<a@x.example> NOTIFY=SOMETIMES", "501 5.5.4 The value of parameter NOTIFY is not valid"],
    ["RCPT TO:<a@x.example> ORCPT=rfc822", "501 5.5.4 The value of parameter ORCPT is not valid"],
    ["RCPT TO:<a@x.example> ORCPT=rfc822;a+0Ab", "501 5.5.4 The value of parameter ORCPT is not valid"],
    [`RCPT TO:<a@x.example> ORCPT=rfc822;${"a".repeat(500)}`, "501 5.5.4 The value of parameter ORCPT is not valid"],
    ["RCPT TO:<a@x.example> SIZE=1", "555 5.5.4 Parameter SIZE is not known here; use only what EHLO offers"],
  ])("%j is answered %s", (line, reply) => {
    expect(rcpt(line)).toBe(reply);
  });
});
