/** Counting a mail server's log: one small log in the form of each server, with mail of every kind. */

import { describe, expect, it } from "vitest";
import { parseMailLogLine } from "../../lib/core/preflight/mail-log-event.ts";
import { type PreflightCount, preflightCounter } from "../../lib/core/preflight/preflight-count.ts";
import { type PreflightTenant, preflightReport, preflightText } from "../../lib/core/preflight/preflight-report.ts";

function count(log: string): PreflightCount {
  const counter = preflightCounter();
  for (const line of log.trim().split("\n")) counter.add(parseMailLogLine(line));
  return counter.result();
}

const POSTFIX = `
Nov 23 10:00:00 web1 postfix/smtpd[1]: 4F0A1: client=localhost[127.0.0.1]
Nov 23 10:00:00 web1 postfix/qmgr[2]: 4F0A11: from=<info@a.example>, size=2000, nrcpt=2 (queue active)
Nov 23 10:00:01 web1 postfix/smtp[3]: 4F0A11: to=<x@gmail.com>, relay=gmail-smtp-in.l.google.com[192.0.2.1]:25, delay=1, delays=0/0/0/1, dsn=2.0.0, status=sent (250 2.0.0 OK)
Nov 23 10:00:01 web1 postfix/smtp[3]: 4F0A11: to=<y@hotmail.com>, relay=hotmail-com.olc.protection.outlook.com[192.0.2.2]:25, delay=1, delays=0/0/0/1, dsn=5.7.1, status=bounced (host hotmail-com.olc.protection.outlook.com[192.0.2.2] said: 550 5.7.1 Unfortunately, messages from [203.0.113.9] weren't sent. Please contact your Internet service provider since part of their network is on our block list (S3150).)
Nov 23 10:00:01 web1 postfix/qmgr[2]: 4F0A11: removed
Nov 23 10:00:02 web1 postfix/qmgr[2]: 4F0A22: from=<>, size=3000, nrcpt=1 (queue active)
Nov 23 10:00:02 web1 postfix/smtp[3]: 4F0A22: to=<spammer@other.example>, relay=mx.other.example[192.0.2.3]:25, delay=1, delays=0/0/0/1, dsn=2.0.0, status=sent (250 ok)
Nov 23 10:00:02 web1 postfix/qmgr[2]: 4F0A22: removed
Nov 24 11:00:00 web1 plesk-something[9]: not of a mail server
Nov 24 11:00:00 web1 postfix/qmgr[2]: 4F0A33: from=<friend@elsewhere.example>, size=1000, nrcpt=1 (queue active)
Nov 24 11:00:01 web1 postfix/smtp[3]: 4F0A33: to=<me@gmail.com>, orig_to=<me@a.example>, relay=gmail-smtp-in.l.google.com[192.0.2.1]:25, delay=1, delays=0/0/0/1, dsn=4.7.0, status=deferred (421 try again)
Nov 24 11:10:00 web1 postfix/qmgr[2]: 4F0A33: from=<friend@elsewhere.example>, size=1000, nrcpt=1 (queue active)
Nov 24 11:10:01 web1 postfix/smtp[3]: 4F0A33: to=<me@gmail.com>, orig_to=<me@a.example>, relay=gmail-smtp-in.l.google.com[192.0.2.1]:25, delay=600, delays=0/0/0/1, dsn=2.0.0, status=sent (250 ok)
Nov 24 11:10:01 web1 postfix/qmgr[2]: 4F0A33: removed
Nov 24 11:20:00 web1 postfix/qmgr[2]: 4F0A44: from=<friend@elsewhere.example>, size=1000, nrcpt=2 (queue active)
Nov 24 11:20:00 web1 postfix/lmtp[3]: 4F0A44: to=<info@a.example>, relay=web1[private/dovecot-lmtp], delay=1, delays=0/0/0/1, dsn=2.0.0, status=sent (250 ok)
Nov 24 11:20:00 web1 postfix/smtp[3]: 4F0A44: to=<info@a.example>, relay=127.0.0.1[127.0.0.1]:10024, delay=1, delays=0/0/0/1, dsn=2.0.0, status=sent (250 ok)
Nov 24 11:30:00 web1 postfix/qmgr[2]: 4F0A55: from=<www-data@web1.hosting.example>, size=500, nrcpt=1 (queue active)
Nov 24 11:30:00 web1 postfix/smtp[3]: 4F0A55: to=<x@docomo.ne.jp>, relay=mfsmax.docomo.ne.jp[192.0.2.4]:25, delay=1, delays=0/0/0/1, dsn=2.0.0, status=sent (250 ok)
`;

describe("a log of Postfix", () => {
  const found = count(POSTFIX);

  it("counts what went to other servers, once, and nothing that stayed here or was put off", () => {
    expect(found).toMatchObject({
      messages: 4,
      recipients: 5,
      nullSender: 1,
      forwarded: 1,
      bounced: 1,
      refusedForReputation: 1,
    });
    expect(found.days).toEqual([
      { day: "Nov 23", recipients: 3 },
      { day: "Nov 24", recipients: 2 },
    ]);
    expect(found.bytes).toBe(2000 + 2000 + 3000 + 1000 + 500);
  });

  it("counts sender and recipient domains", () => {
    expect(found.senders).toEqual([
      { domain: "a.example", messages: 1, recipients: 2 },
      { domain: "elsewhere.example", messages: 1, recipients: 1 },
      { domain: "web1.hosting.example", messages: 1, recipients: 1 },
    ]);
    expect(found.recipientDomains).toContainEqual({ domain: "hotmail.com", recipients: 1, refused: 1 });
    expect(found.recipientDomains[0]).toEqual({ domain: "gmail.com", recipients: 2, refused: 0 });
  });

  it("reads the same with the time in the form of RFC 3339", () => {
    const modern = POSTFIX.replace(/^Nov (\d\d) (\S+)/gm, "2026-11-$1T$2.123456+09:00");
    expect(count(modern)).toEqual({
      ...found,
      days: found.days.map(({ day, recipients }) => ({ day: `2026-11-${day.slice(4)}`, recipients })),
    });
  });

  const tenant = (foreignFrom: "refuse" | "rewrite"): PreflightTenant => ({
    domains: new Map([["a.example", "verified"]]),
    policy: { foreignFrom, systemMail: "rewrite" },
  });

  it("is compared with the tenant's domains: what would be refused, and what the server's own name is", () => {
    const report = preflightReport(found, tenant("refuse"));
    expect(report.standings?.map(({ domain, standing }) => [domain, standing])).toEqual([
      ["a.example", "onboarded"],
      ["elsewhere.example", "missing"],
      ["web1.hosting.example", "server-name"],
    ]);
    expect(report.refused).toBe(1);
    expect(preflightReport(found, tenant("rewrite")).refused).toBe(0);
    expect(report.recipientsPerDay).toBe(3);
    expect(report.busiestDay).toEqual({ day: "Nov 23", recipients: 3 });
  });

  it("gives a text in both languages that fits the terminal", () => {
    const report = preflightReport(found, tenant("refuse"));
    const english = preflightText(report, "en", tenant("refuse"));
    expect(english).toContain("1 of these messages would be refused");
    expect(english).toContain("elsewhere.example");
    expect(preflightText(report, "ja", tenant("refuse"))).toContain("1 通が 550 で拒否されます");
    for (const line of english.split("\n")) expect(line.length).toBeLessThanOrEqual(100);
  });

  it("estimates the cost from recipients, octets and messages per month", () => {
    const many = { ...found, messages: 20_000, recipients: 20_000, bytes: 1e9 };
    // Over two days: 304,000 a month.
    expect(preflightReport(many, undefined).costPerMonthUsd).toBeCloseTo(304 * 0.1 + 15.2 * 0.12 + 304 * 0.018, 1);
  });
});

it("a log of Exim: parents show forwarding, local deliveries do not count", () => {
  const found = count(`
2026-11-23 10:00:00 1abCDe-0001Ab-2X <= info@a.example H=localhost [127.0.0.1] P=esmtp S=2000 id=x@a.example
2026-11-23 10:00:01 1abCDe-0001Ab-2X => x@gmail.com R=dnslookup T=remote_smtp H=gmail-smtp-in.l.google.com [192.0.2.1] X=TLS1.3 C="250 OK"
2026-11-23 10:00:01 1abCDe-0001Ab-2X ** y@hotmail.com R=dnslookup T=remote_smtp H=mx.example [192.0.2.2]: SMTP error from remote mail server after RCPT TO:<y@hotmail.com>: 550 5.7.606 Access denied, banned sending IP [203.0.113.9]
2026-11-23 10:00:01 1abCDe-0001Ab-2X Completed
2026-11-24 10:00:00 1abCDe-0001Ab-3X <= <> R=1abCDe-0001Ab-2X U=Debian-exim P=local S=3000
2026-11-24 10:00:01 1abCDe-0001Ab-3X => info <info@a.example> R=local_user T=mail_spool
2026-11-24 10:00:02 1abCDe-0001Ab-3X Completed
2026-11-24 10:01:00 1abCDe-0001Ab-4X <= friend@elsewhere.example H=mx.elsewhere.example [192.0.2.9] P=esmtps S=1000
2026-11-24 10:01:01 1abCDe-0001Ab-4X == me@gmail.com <me@a.example> R=dnslookup T=remote_smtp defer (-44) H=gmail-smtp-in.l.google.com [192.0.2.1]: 421 later
2026-11-24 10:09:01 1abCDe-0001Ab-4X => me@gmail.com <me@a.example> R=dnslookup T=remote_smtp H=gmail-smtp-in.l.google.com [192.0.2.1] C="250 OK"
2026-11-24 10:09:01 1abCDe-0001Ab-4X -> you@gmail.com <me@a.example> R=dnslookup T=remote_smtp H=gmail-smtp-in.l.google.com [192.0.2.1] C="250 OK"
`);
  expect(found).toMatchObject({
    messages: 2,
    recipients: 4,
    nullSender: 0,
    forwarded: 1,
    bounced: 1,
    refusedForReputation: 1,
  });
  expect(found.days.map(({ recipients }) => recipients)).toEqual([2, 2]);
});

it("a log of sendmail: several recipients in a line, the message that its submission agent hands over is not counted twice", () => {
  const found = count(`
Nov 23 10:00:00 web1 sendmail[9]: 5AO1Abc0012345: from=info, size=400, class=0, nrcpts=1, msgid=<x@web1>, relay=root@localhost
Nov 23 10:00:00 web1 sendmail[9]: 5AO1Abc0012345: to=x@gmail.com, ctladdr=info (1000/1000), delay=00:00:00, xdelay=00:00:00, mailer=relay, pri=30400, relay=[127.0.0.1] [127.0.0.1], dsn=2.0.0, stat=Sent (5AO1Abd0012346 Message accepted for delivery)
Nov 23 10:00:00 web1 sm-mta[9]: 5AO1Abd0012346: from=<info@a.example>, size=700, class=0, nrcpts=2, msgid=<x@web1>, proto=ESMTP, daemon=MTA-v4, relay=localhost [127.0.0.1]
Nov 23 10:00:01 web1 sm-mta[9]: 5AO1Abd0012346: to=<x@gmail.com>,<y@gmail.com>, ctladdr=<info@a.example> (1000/1000), delay=00:00:01, xdelay=00:00:01, mailer=esmtp, pri=120700, relay=gmail-smtp-in.l.google.com. [192.0.2.1], dsn=2.0.0, stat=Sent (OK)
Nov 23 10:00:02 web1 sm-mta[9]: 5AO1Abe0012347: from=<>, size=900, class=0, nrcpts=1, msgid=<y@web1>, relay=localhost
Nov 23 10:00:02 web1 sm-mta[9]: 5AO1Abe0012347: to=<z@other.example>, delay=00:00:01, xdelay=00:00:01, mailer=esmtp, pri=120700, relay=mx.other.example. [192.0.2.3], dsn=5.1.1, stat=User unknown
`);
  expect(found).toMatchObject({ messages: 2, recipients: 3, nullSender: 1, bounced: 1, refusedForReputation: 0 });
});

it.each([
  ["multilog", (line: string, index: number) => `@400000006924${(4096 + index).toString(16)}00000000 ${line}`],
  [
    "syslog, as Plesk has it",
    (line: string, index: number) => `Nov 24 10:00:0${index} web1 qmail: 1763978400.00000${index} ${line}`,
  ],
])("a log of qmail (%s): a delivery's two halves come together", (_, head) => {
  const lines = [
    "new msg 12",
    "info msg 12: bytes 2000 from <info@a.example> qp 99 uid 7",
    "starting delivery 5: msg 12 to remote x@gmail.com",
    "starting delivery 6: msg 12 to local info@a.example",
    "delivery 6: success: did_0+0+1/",
    "delivery 5: failure: 192.0.2.1_failed_after_I_sent_the_message./Remote_host_said:_554_5.7.1_Service_unavailable;_Client_host_[203.0.113.9]_blocked_using_zen.spamhaus.org/",
    "end msg 12",
  ];
  expect(count(lines.map(head).join("\n"))).toMatchObject({
    messages: 1,
    recipients: 1,
    bounced: 1,
    refusedForReputation: 1,
    linesUnknown: 0,
    senders: [{ domain: "a.example", messages: 1, recipients: 1 }],
  });
});

it("a file that is no mail log is said to be none", () => {
  const found = count("x\ny\n192.0.2.1 - - [24/Nov/2026] GET /");
  expect(found).toMatchObject({ messages: 0, lines: 3, linesUnknown: 3 });
  expect(preflightText(preflightReport(found, undefined), "en", undefined)).toContain(
    "3 of them are of no log known here",
  );
});

it("SRS senders are forwarded mail", () => {
  const found = count(`
Nov 23 10:00:00 web1 postfix/qmgr[2]: 4F0A11: from=<SRS0=abcd=XY=elsewhere.example=friend@a.example>, size=2000, nrcpt=1 (queue active)
Nov 23 10:00:01 web1 postfix/smtp[3]: 4F0A11: to=<x@gmail.com>, relay=gmail-smtp-in.l.google.com[192.0.2.1]:25, delay=1, delays=0/0/0/1, dsn=2.0.0, status=sent (250 2.0.0 OK)
`);
  expect(found).toMatchObject({ messages: 1, forwarded: 1 });
});
