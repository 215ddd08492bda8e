/**
 * A private Postfix set up as a customer sets up his: everything that is not local goes to the relay by SASL and TLS.
 *
 * Promise:  own configuration, queue, data and log in one temporary folder; listens on one loopback port; the machine's
 *           own Postfix, if there is one, is not touched. `remove` stops it and leaves nothing behind.
 * Failure:  `startPostfix` rejects, naming test/interop/install.sh, when Postfix or its SASL mechanisms are missing, and
 *           with Postfix's own words when it does not start. It never skips.
 * Needs root, as Postfix's master does. See postconf(5), postfix(1), postqueue(1).
 */

import { spawn, spawnSync } from "node:child_process";
import { existsSync } from "node:fs";
import { chmod, chown, mkdir, mkdtemp, readdir, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";

import { freePort } from "../../support/free-port.ts";
import { SmtpClient, type SmtpMessage } from "../../support/smtp-client.ts";
import { waitFor } from "../../support/wait-for.ts";
import type { QueuedMail, RelayAccess } from "./mail-server.ts";
import { mainCf, masterCf, passwordEntry } from "./postfix-configuration.ts";

/** Which relay this Postfix uses, and what it is besides. */
export type PostfixOptions = {
  readonly relay: RelayAccess;
  /** The relay's, PEM. */
  readonly certificate: string;
  /** A domain that this server has mailboxes for. */
  readonly mailboxDomain?: string;
};

/** A running Postfix. */
export type Postfix = {
  /** Sends a message through its SMTP port and returns Postfix's queue id. Throws when Postfix itself refuses. */
  submit(message: SmtpMessage): Promise<string>;
  /** Hands a message (lines ending in LF) to `sendmail`, as cron and PHP do. */
  sendmail(sender: string, recipients: readonly string[], text: string): Promise<void>;
  /** What waits in the queue now. */
  queue(): Promise<QueuedMail[]>;
  /** Waits for a log line and returns it. */
  waitForLog(pattern: RegExp, deadlineMs?: number): Promise<string>;
  /** Waits until nothing is queued: each message was delivered or bounced, and so was each bounce. */
  waitForEmptyQueue(deadlineMs?: number): Promise<void>;
  /** Every log line so far. */
  log(): Promise<string[]>;
  /** Writes another way to reach the relay into main.cf and the password file, and reloads. */
  useRelay(relay: RelayAccess): Promise<void>;
  /** `postqueue -f`: tries everything in the queue now. */
  flush(): Promise<void>;
  /** Mails that arrived in the mailboxes of `mailboxDomain`. */
  localMails(): Promise<Buffer[]>;
  /** Stops Postfix and removes its folder. */
  remove(): Promise<void>;
};

const REPAIR = "run test/interop/install.sh";
const DEADLINE_MS = 60_000;

/** Starts a Postfix that relays through the given port. Rejects when it cannot; never resolves without a Postfix. */
export async function startPostfix(options: PostfixOptions): Promise<Postfix> {
  const mailOwner = await requirePostfix();
  const dir = await mkdtemp(join(tmpdir(), "postfix-test-"));
  const smtpPort = await freePort();
  const config = join(dir, "etc");
  const logFile = join(dir, "mail.log");
  const mailboxes = join(dir, "mailboxes");
  const trustFile = join(config, "certificates.pem");

  const postfix = (...args: string[]): Promise<string> => run("postfix", ["-c", config, ...args]);
  const log = async (): Promise<string[]> => (await readFile(logFile, "utf8").catch(() => "")).split("\n");
  const tail = async (): Promise<string> => `Postfix log:\n${(await log()).slice(-40).join("\n")}`;

  /** The customer's part: main.cf, then the password file and the lookup table from it, which is what Postfix reads. */
  const configure = async (mapType: string, relay: RelayAccess): Promise<void> => {
    const relayHost = `[127.0.0.1]:${relay.port}`;
    const passwords = `${mapType}:${join(config, "sasl_passwd")}`;
    const { mailboxDomain } = options;
    await writeFile(
      join(config, "main.cf"),
      mainCf({ dir, logFile, mailboxes, mailboxDomain, relayHost, passwords, trustFile, mailOwner, relay }),
    );
    await writeFile(join(config, "sasl_passwd"), passwordEntry(relayHost, relay), { mode: 0o600 });
    await run("postmap", ["-c", config, passwords]);
  };

  // Postfix's processes run as their own user: they must be able to walk to their files.
  await chmod(dir, 0o755);
  for (const folder of [config, join(dir, "queue"), join(dir, "data"), mailboxes]) await mkdir(folder);
  for (const folder of [join(dir, "data"), mailboxes]) await chown(folder, mailOwner.uid, mailOwner.gid);
  await writeFile(join(config, "master.cf"), masterCf(smtpPort));
  await writeFile(join(config, "main.cf"), `mail_owner = postfix\n`);
  const mapType = preferredMapType(await run("postconf", ["-c", config, "-m"]));
  await writeFile(trustFile, options.certificate);
  await configure(mapType, options.relay);

  const stopNow = (): void => {
    spawnSync("postfix", ["-c", config, "stop"], { stdio: "ignore" });
  };
  process.once("exit", stopNow);
  const remove = async (): Promise<void> => {
    process.off("exit", stopNow);
    await postfix("stop");
    await rm(dir, { recursive: true, force: true });
  };
  try {
    await postfix("start");
  } catch (cause) {
    process.off("exit", stopNow);
    const words = await tail();
    await rm(dir, { recursive: true, force: true });
    throw new Error(`Postfix does not start. ${words}`, { cause });
  }

  const queue = async (): Promise<QueuedMail[]> => {
    const lines = await run("postqueue", ["-c", config, "-j"]);
    return lines
      .split("\n")
      .filter((line) => line !== "")
      .map(parseQueueLine);
  };

  return {
    submit: async (message) => {
      const client = await SmtpClient.connect({ port: smtpPort });
      try {
        await client.ehlo();
        const reply = await client.sendMail(message);
        const queueId = /queued as (\w+)/.exec(reply.lines.join(" "))?.[1];
        if (queueId === undefined) throw new Error(`Postfix refused: ${reply.code} ${reply.lines.join(" / ")}`);
        return queueId;
      } finally {
        await client.quit();
      }
    },
    sendmail: async (sender, recipients, text) => {
      await run("sendmail", ["-C", config, "-i", "-f", sender, ...recipients], text);
    },
    queue,
    waitForLog: (pattern, deadlineMs = DEADLINE_MS) =>
      waitFor(async () => (await log()).find((line) => pattern.test(line)), {
        deadlineMs,
        otherwise: async () => `no log line matches ${String(pattern)}. ${await tail()}`,
      }),
    waitForEmptyQueue: async (deadlineMs = DEADLINE_MS) => {
      await waitFor(async () => ((await queue()).length === 0 ? true : undefined), {
        deadlineMs,
        otherwise: async () => `still queued: ${JSON.stringify(await queue())}. ${await tail()}`,
      });
    },
    log,
    useRelay: async (relay) => {
      await configure(mapType, relay);
      await postfix("reload");
    },
    flush: async () => {
      await run("postqueue", ["-c", config, "-f"]);
    },
    localMails: () => readMaildir(join(mailboxes, options.mailboxDomain ?? "", "new")),
    remove,
  };
}

/** Uid and gid of Postfix's user. Throws, saying what to do, when the tests cannot run here. */
export async function requirePostfix(): Promise<{ uid: number; gid: number }> {
  if (!existsSync("/usr/sbin/postfix")) throw new Error(`Postfix is not installed: ${REPAIR}`);
  const libraries = await readdir("/usr/lib");
  const mechanism = ["/usr/lib/sasl2", ...libraries.map((name) => join("/usr/lib", name, "sasl2"))];
  if (!mechanism.some((folder) => existsSync(join(folder, "libplain.so")))) {
    throw new Error(`SASL has no PLAIN mechanism: ${REPAIR}`);
  }
  if (process.getuid?.() !== 0) throw new Error("Postfix can only be started by root: run the interop tests as root");
  const user = /^postfix:[^:]*:(\d+):(\d+):/m.exec(await readFile("/etc/passwd", "utf8"));
  if (user === null) throw new Error(`there is no user postfix: ${REPAIR}`);
  return { uid: Number(user[1]), gid: Number(user[2]) };
}

/** Debian 12 builds in Berkeley DB (`hash`), newer ones LMDB; `texthash` needs no library at all. */
function preferredMapType(supported: string): string {
  const types = new Set(supported.split("\n"));
  return ["hash", "lmdb", "texthash"].find((type) => types.has(type)) ?? "texthash";
}

/** Runs a program to its end and returns its standard output. Rejects with its words when it fails. */
function run(command: string, args: readonly string[], input?: string): Promise<string> {
  return new Promise((resolve, reject) => {
    const child = spawn(command, args, { stdio: ["pipe", "pipe", "pipe"] });
    const out: Buffer[] = [];
    const errors: Buffer[] = [];
    child.stdout.on("data", (chunk: Buffer) => out.push(chunk));
    child.stderr.on("data", (chunk: Buffer) => errors.push(chunk));
    child.on("error", reject);
    child.on("exit", (status) => {
      if (status === 0) resolve(Buffer.concat(out).toString("utf8"));
      else
        reject(
          new Error(`${command} ${args.join(" ")} ended with ${status}: ${Buffer.concat(errors).toString("utf8")}`),
        );
    });
    // A program that ends without reading its input is judged by its exit status, not by the broken pipe.
    child.stdin.on("error", () => undefined);
    child.stdin.end(input ?? "");
  });
}

function parseQueueLine(line: string): QueuedMail {
  const value: unknown = JSON.parse(line);
  if (typeof value !== "object" || value === null || !("sender" in value) || !("recipients" in value)) {
    throw new Error(`not a line of postqueue -j: ${line}`);
  }
  const recipients: unknown[] = Array.isArray(value.recipients) ? value.recipients : [];
  return {
    sender: String(value.sender),
    recipients: recipients.flatMap((recipient) =>
      typeof recipient === "object" && recipient !== null && "address" in recipient ? [String(recipient.address)] : [],
    ),
  };
}

async function readMaildir(folder: string): Promise<Buffer[]> {
  const names = await readdir(folder).catch(() => [] as string[]);
  return Promise.all(names.map((name) => readFile(join(folder, name))));
}
