/**
 * `relayhost setup SERVER --script` on real mail servers in Debian's configuration: the script is run as a postmaster
 * runs it, a mail passes a real relay, the script undoes its change, and /etc is what it was, octet for octet.
 */

import { execFile } from "node:child_process";
import { createHash } from "node:crypto";
import { lstat, readdir, readFile, readlink } from "node:fs/promises";
import { join } from "node:path";
import { promisify } from "node:util";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { waitFor } from "../support/wait-for.ts";
import { certificateOf, LOGIN } from "./support/customer.ts";
import { RELAY_HOST } from "./support/machine.ts";
import { expectSameMail } from "./support/mail.ts";
import { addressOf, SENDER, traceOf, usualMail } from "./support/mail-server-harness.ts";
import {
  dmaMachine,
  eximMachine,
  msmtpMachine,
  nullmailerMachine,
  openSmtpdMachine,
  postfixMachine,
  type SetUpMachine,
  sendmailMachine,
} from "./support/set-up-machine.ts";
import { useCustomerRelay } from "./support/use-customer-relay.ts";

const SCRIPT = "/root/relay.sh";
const customer = useCustomerRelay();
const SELECTIVE = ["postfix", "exim", "sendmail", "opensmtpd"];

/** Server, its machine, what its Received field contains (null: it adds none). */
const SERVERS: readonly [string, (certificate: string) => Promise<SetUpMachine>, string | null][] = [
  ["postfix", postfixMachine, "(Postfix)"],
  ["exim", eximMachine, "(Exim 4."],
  ["sendmail", sendmailMachine, "(8."],
  ["opensmtpd", openSmtpdMachine, "(OpenSMTPD)"],
  ["msmtp", msmtpMachine, null],
  ["nullmailer", nullmailerMachine, "(nullmailer"],
  ["dma", dmaMachine, "(DragonFly"],
];

describe.each(SERVERS)("the set-up script for %s", (server, openServer, trace) => {
  let host: SetUpMachine;
  let before: string[];

  beforeAll(async () => {
    host = await openServer(await certificateOf(customer.relay()));
    before = await folderState(host.machine.path("/etc"));
  });
  afterAll(async () => {
    await host?.remove();
  });

  it("makes the change, asking for the password, and a mail passes the relay unchanged", async () => {
    await host.machine.write(
      SCRIPT,
      await relayhost("setup", server, "--host", RELAY_HOST, ...port(), "--credential", LOGIN.user, "--script"),
    );
    const made = await host.machine.must(["sh", SCRIPT], `${LOGIN.password}\n`);
    expect(made).toContain("The change is made.");
    await host.restart();
    await expectRelayed(host, trace);
  });

  it("leaves owners and modes as they are, but for the file with the password, which nobody else may read", async () => {
    const after = new Map((await folderState(host.machine.path("/etc"))).map((line) => [nameOf(line), line]));
    const secret = [...after.values()].filter((line) => / [0-7][04]0 /.test(line)).map(nameOf);
    expect(secret.filter((name) => !name.endsWith(".db"))).toContainEqual(expect.stringMatching(SECRETS));
    const changed = before
      .filter((line) => modeOf(line) !== modeOf(after.get(nameOf(line)) ?? ""))
      .map(nameOf)
      .filter((name) => !SECRETS.test(name));
    expect(changed).toEqual([]);
  });

  it("can be run again", async () => {
    const changed = await texts();
    await host.machine.must(["sh", SCRIPT], `${LOGIN.password}\n`);
    expect(await texts()).toEqual(changed);
  });

  it("undoes everything: /etc is what it was, octet for octet, with owners, modes and times", async () => {
    expect(await folderState(host.machine.path("/etc"))).not.toEqual(before);
    expect(await host.machine.must(["sh", SCRIPT, "undo"])).toContain("Everything is as it was before.");
    expect(await folderState(host.machine.path("/etc"))).toEqual(before);
    expect(await host.machine.list("/var/backups/relayhost-setup")).toEqual([]);
    const again = await host.machine.run(["sh", SCRIPT, "undo"]);
    expect(again.status).toBe(1);
  });

  const texts = async (): Promise<string[]> =>
    (await folderState(host.machine.path("/etc"))).filter(isText).map((line) => line.replace(/ \S+Z$/, ""));
});

describe.each(SERVERS.filter(([server]) => SELECTIVE.includes(server)))(
  "the selective set-up script for %s",
  (server, openServer, trace) => {
    it("sends mail to a listed domain through the relay, mail to another one not, and undoes everything", async () => {
      const host = await openServer(await certificateOf(customer.relay()));
      try {
        const etc = host.machine.path("/etc");
        const before = await folderState(etc);
        const only = ["--only-google-microsoft", "--also", "recipient.test"];
        const script = await relayhost(
          "setup",
          server,
          "--host",
          RELAY_HOST,
          ...port(),
          "--credential",
          LOGIN.user,
          "--script",
          ...only,
        );
        // Only because the relay of the test has a loopback address, which Exim takes for itself.
        await host.machine.write(SCRIPT, script.replaceAll("  no_more\n", "  self = send\n  no_more\n"));
        await host.machine.must(["sh", SCRIPT], `${LOGIN.password}\n`);
        await host.restart();
        const other = usualMail();
        await host.submit(SENDER, [addressOf(other, "to", "unlisted.test")], other.bytes);
        await expectRelayed(host, trace);
        expect(await customer.copies(other)).toEqual([]);
        await host.machine.must(["sh", SCRIPT, "undo"]);
        expect(await folderState(etc)).toEqual(before);
      } finally {
        await host.remove();
      }
    });
  },
);

/** The files that hold the password. */
const SECRETS = /sasl_passwd|passwd\.client|client-info|relayhost-secrets|msmtprc|remotes|auth\.conf/;

function nameOf(line: string): string {
  return line.split(" ")[0] ?? "";
}

/** Owner, group and mode. */
function modeOf(line: string): string {
  return line.split(" ").slice(1, 3).join(" ");
}

function port(): string[] {
  return ["--port", String(customer.relay().smtpPort)];
}

async function expectRelayed(host: SetUpMachine, trace: string | null, domain = "recipient.test"): Promise<void> {
  const mail = usualMail();
  const to = addressOf(mail, "to", domain);
  await host.submit(SENDER, [to], mail.bytes);
  const [copy] = await waitFor(
    async () => {
      const copies = await customer.copies(mail);
      return copies.length > 0 ? copies : undefined;
    },
    { deadlineMs: 40_000, otherwise: async () => `not relayed:\n${await host.log()}\n${customer.relay().output()}` },
  );
  expect(copy?.recipients).toEqual([to]);
  expect(traceOf(copy)).toContain("with ESMTPSA");
  if (copy !== undefined) expectSameMail(copy, mail, trace);
}

/** What programs make holds the time at which they did. */
function isText(line: string): boolean {
  return !/^\S+(?:\.db|\.lmdb|sendmail\.cf) /.test(line);
}

/** A line for each file: name, owner, group, mode, a hash of the contents, and last the time of its last change. */
async function folderState(root: string, folder = ""): Promise<string[]> {
  const lines: string[] = [];
  for (const name of (await readdir(join(root, folder))).toSorted()) {
    const path = join(folder, name);
    const file = join(root, path);
    const info = await lstat(file);
    const who = `${info.uid}:${info.gid} ${(info.mode & 0o7777).toString(8)}`;
    if (info.isDirectory()) lines.push(`${path}/ ${who}`, ...(await folderState(root, path)));
    else if (info.isSymbolicLink()) lines.push(`${path} -> ${await readlink(file)}`);
    else {
      const hash = createHash("sha256")
        .update(await readFile(file))
        .digest("base64");
      lines.push(`${path} ${who} ${hash} ${info.mtime.toISOString()}`);
    }
  }
  return lines;
}

async function relayhost(...args: string[]): Promise<string> {
  const { stdout } = await promisify(execFile)(process.execPath, ["bin/relayhost.ts", ...args], {
    env: { ...customer.relay().env },
  });
  return stdout;
}
