/**
 * Plays the first hour of a new operator on a real local relay and writes down what the terminal shows.
 *
 * What differs from one time to the next (ids, keys, times, ports) is replaced, so that two plays give the same text.
 */

import { execFile } from "node:child_process";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { type RelayProcess, startRelay } from "./relay-process.ts";
import { waitFor } from "./wait-for.ts";

const ROOT = fileURLToPath(new URL("../../", import.meta.url));

/** Where the document is, from the root of the repository. */
export const FIRST_HOUR_FILE = "docs/first-hour.md";

/** Plays it and returns the document. */
export async function playFirstHour(): Promise<string> {
  const relay = await startRelay();
  try {
    return steady(await play(relay), relay);
  } finally {
    await relay.remove();
  }
}

async function play(relay: RelayProcess): Promise<string> {
  const parts: string[] = [];
  const say = (text: string): void => void parts.push(text.trim());
  const type = async (...args: string[]): Promise<string> => {
    const output = await relayhost(relay, args);
    const words = args.map((word) => (/^[\w@./-]+$/.test(word) ? word : `"${word}"`)).join(" ");
    parts.push(`\`\`\`\n$ npx relayhost ${words}\n${output.trimEnd()}\n\`\`\``);
    return output;
  };

  say(`
# The first hour

From a clean clone to a first customer whose mail is relayed, on one machine, without an AWS account. Written by
\`test/support/write-first-hour.ts\` from what the terminal shows; a test plays it again and compares.

Get it and start it:`);
  const banner = relay.output();
  const shown = banner.slice(banner.indexOf("relayhost is running."), banner.indexOf("Send a mail,")).trimEnd();
  say(`\`\`\`\n$ npm ci\n$ npm start\n${shown}\n\`\`\``);
  say("From a second terminal. First the customer:");
  await type("tenant", "add", "acme", "--name", "Acme Web", "--contact", "postmaster@acme.example");
  say("A login for the customer's mail server; the password is shown now and never again:");
  const added = await type("credential", "add", "plesk1", "--tenant", "acme", "--label", "plesk1.acme.example");
  const password = /shown once: (\S+)/.exec(added)?.[1] ?? "";
  say("The domain that it sends for, and what has to be published in DNS for it:");
  await type("domain", "add", "acme.example", "--tenant", "acme");
  await type("domain", "records", "acme.example");
  say(`
With \`--format\` the records come as a zone file, as commands for Plesk, or for Route 53 and Cloudflare. SES looks for
them by itself. Local mode has no DNS, so it is told that they are there; in a deployed environment leave that option out:`);
  await type("domain", "check", "acme.example", "--as-if-published");
  say("A mail, as the customer's server would send it:");
  const mail = [
    "--from",
    "info@acme.example",
    "--to",
    "someone@example.net",
    "--user",
    "plesk1",
    "--password",
    password,
  ];
  const accepted = await type("send", ...mail);
  say("What became of it:");
  const id = /queued as (\S+)/.exec(accepted)?.[1] ?? "";
  await waitFor(async () => ((await relayhost(relay, ["trace", id])).includes("delivered") ? true : undefined), {
    deadlineMs: 90_000,
    intervalMs: 500,
    otherwise: () => relay.output(),
  });
  await type("trace", id);
  say("And the customer with all that belongs to him:");
  await type("tenant", "show", "acme");
  say(`
Local SES keeps each mail, as it would be sent, in \`.relayhost/outbox\`. From here: \`relayhost domain import\` for a list of
domains, \`relayhost network add\` for servers without a login, \`relayhost usage\` for the invoice, and \`--help\` after any
command. The same commands with \`--env prod\` speak to a deployed environment.`);
  return `${parts.join("\n\n")}\n`;
}

async function relayhost(relay: RelayProcess, args: readonly string[]): Promise<string> {
  return await new Promise((resolve) => {
    const program = [join(ROOT, "bin/relayhost.ts"), ...args];
    execFile(process.execPath, program, { cwd: ROOT, env: relay.env }, (_, stdout, stderr) => resolve(stdout + stderr));
  });
}

/** The same text whenever it is played. */
function steady(text: string, relay: RelayProcess): string {
  const tokens = ["aaaa", "bbbb", "cccc"].map((start) => start.padEnd(32, "k3mfq7xw"));
  const seen = [...new Set([...text.matchAll(/\b([a-z2-7]{32})\._domainkey/g)].map(([, token]) => token ?? ""))];
  let steadied = text
    .replaceAll(relay.dataDir, "/home/you/relayhost/.relayhost")
    .replaceAll(String(relay.smtpPort), "2525")
    .replaceAll(String(relay.smtpsPort), "2465")
    .replace(/http:\/\/127\.0\.0\.1:\d+/g, "http://127.0.0.1:4566")
    .replace(/(shown once: |--password )[A-Za-z0-9_-]{32}/g, "$1p4Wq2s9XkJ7dR0mVb6TzYc1Hn8LfGu3E")
    .replace(/\b[0-9a-f]{18}-[0-9a-f-]{36}-\d{6}\b/g, "010001a20bcbd555-31e3de93-ee71-4275-aa4d-5db95cc5e2fa-000000")
    .replace(/\b[0-9a-f]{16}-[0-9a-f-]{36}-\d{6}\b/g, "010001a20bcbd555-31e3de93-ee71-4275-aa4d-5db95cc5e2fa-000000")
    .replace(/<[^<>@\s]+@acme\.example>(?=\n)/g, "<d0c1a7d2-9a1e-4b0e-8f2e-6c3b1f0a9e55@acme.example>")
    .replace(/\b\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?Z/g, "2026-11-24T09:00:00.000Z")
    .replace(/\b\d{3} B\b/g, "368 B")
    .replace(/(250 2\.0\.0 OK) .* - local/g, "$1 1795510593 0d665afd - local");
  const id = /queued as ([0-9a-z]+)/.exec(steadied)?.[1];
  if (id !== undefined) steadied = steadied.replaceAll(id, "1m85wqmx3461gg4t56he");
  for (const [index, token] of seen.entries()) steadied = steadied.replaceAll(token, tokens[index] ?? token);
  return steadied;
}
