/** docs/clients.md tells postmasters to write what the interoperability tests write, file by file. */

import { readFileSync } from "node:fs";
import { describe, expect, it } from "vitest";
import { dmaFiles } from "../interop/support/dma.ts";
import { eximFiles } from "../interop/support/exim.ts";
import { RELAY_HOST } from "../interop/support/machine.ts";
import type { RelayAccess } from "../interop/support/mail-server.ts";
import { msmtpConfiguration } from "../interop/support/msmtp.ts";
import { nullmailerRemotes } from "../interop/support/nullmailer.ts";
import { openSmtpdFiles } from "../interop/support/opensmtpd.ts";
import { customersPart, passwordEntry } from "../interop/support/postfix-configuration.ts";
import { sendmailClientInfo, sendmailLines } from "../interop/support/sendmail.ts";

const guide = readFileSync(new URL("../../docs/clients.md", import.meta.url), "utf8");
const login = { user: "srv1", password: "PASSWORD" };
const relay: RelayAccess = { port: 587, login };
const relayHost = `[${RELAY_HOST}]:587`;
const passwords = "hash:/etc/postfix/sasl_passwd";
const trustFile = "/etc/ssl/certs/ca-certificates.crt";

const tested: Record<string, string> = {
  "/etc/postfix/main.cf": customersPart({ relay, relayHost, passwords, trustFile }),
  "/etc/postfix/sasl_passwd": passwordEntry(relayHost, relay),
  ...eximFiles(relay, 25),
  "/etc/mail/sendmail.mc": sendmailLines(relay),
  "/etc/mail/auth/client-info": sendmailClientInfo(login),
  ...openSmtpdFiles(relay, 25),
  "/etc/nullmailer/remotes": nullmailerRemotes(relay),
  ...dmaFiles(relay),
  // The tests reach the relay by address.
  "~/.msmtprc": msmtpConfiguration(relay, trustFile).replace("host 127.0.0.1", `host ${RELAY_HOST}`),
};

/** The guide's blocks by the first path in the line before each. */
const told = new Map(
  [...guide.matchAll(/^`([^`]+)`.*:\n\n```\n([^`]*(?:`[^`]+)*?)```$/gm)].map((match) => [
    match[1] ?? "",
    match[2] ?? "",
  ]),
);

describe("the set-up guide", () => {
  it("tells each file that the tests write", () => {
    expect([...told.keys()].sort()).toEqual(Object.keys(tested).sort());
  });

  it.each(Object.entries(tested))("tells nothing for %s but what is tested", (path, text) => {
    const lines = text.replaceAll(RELAY_HOST, "relay.example.net").split("\n");
    for (const line of (told.get(path) ?? "").trimEnd().split("\n")) expect(lines).toContain(line);
  });
});
