/** `relayhost credential add|list|revoke|rotate|pause|resume`: the logins with which servers submit. */

import { randomBytes } from "node:crypto";
import type { Command } from "commander";
import {
  changeRow,
  createRow,
  type Directory,
  deleteRow,
  listTenantRows,
  readRow,
  scanRows,
} from "../../lib/aws/directory-dynamo.ts";
import type { Parser } from "../../lib/config/declare.ts";
import { label, serverLabel, span, tenantId } from "../../lib/config/tenant-settings.ts";
import { type Credential, credentialKey } from "../../lib/core/directory.ts";
import { hashPassword, PASSWORD_SALT_BYTES } from "../../lib/core/password-hash.ts";
import { type CommonOptions, reportChange, timeText, withChangeOptions, withListOptions } from "./change.ts";
import { connect } from "./connect.ts";
import { Mistakes } from "./mistakes.ts";
import { printJson, printTable } from "./output.ts";
import { CommandError, EXIT } from "./report.ts";
import { tenantNamed } from "./tenant.ts";
import { shownCredential } from "./tenant-view.ts";

const PASSWORD_CHARS_MIN = 12;

interface PasswordOptions extends CommonOptions {
  readonly passwordStdin?: boolean;
}

/** No colon, space or quote: it stands in the password maps of mail servers. */
export const loginName: Parser<string> = (text) =>
  /^[A-Za-z0-9][A-Za-z0-9._@+-]{0,63}$/.test(text)
    ? { value: text }
    : { allowed: "1 to 64 of A-Z a-z 0-9 . _ @ + -, beginning with a letter or digit" };

/** Adds the group. */
export function addCredentialCommand(program: Command): void {
  const group = program.command("credential").description("logins with which servers submit");
  addAdd(group);
  addList(group);
  addRotate(group);
  addRevoke(group);
  addPauseAndResume(group);
}

function addAdd(group: Command): void {
  withChangeOptions(
    group
      .command("add")
      .description("make a login; its password is shown once and kept nowhere")
      .argument("[login]", "default: the tenant's id and a few letters")
      .requiredOption("--tenant <id>", "whose server uses it")
      .option("--label <text>", "for people: which server")
      .option("--password-stdin", "take the password from standard input instead of making one"),
  )
    .addHelpText(
      "after",
      "\nOne login for each server: then one can be revoked and the others go on.\n\nExamples:\n  relayhost credential add --tenant acme --label plesk1\n  relayhost credential add plesk2 --tenant acme --password-stdin < secret.txt",
    )
    .action(async (given: string | undefined, options: PasswordOptions & { tenant: string; label?: string }) => {
      const mistakes = new Mistakes();
      const tenant = mistakes.read("--tenant", options.tenant, tenantId) ?? "";
      const name = mistakes.read("login", given ?? `${options.tenant}-${randomText(6).toLowerCase()}`, loginName) ?? "";
      const text = mistakes.read("--label", options.label, serverLabel) ?? name;
      const password = await passwordFor(options, mistakes);
      mistakes.end();
      const { directory } = await connect(options.env);
      await tenantNamed(directory, tenant);
      if (options.dryRun === true) {
        if ((await readRow(directory, credentialKey(name))) !== undefined) throw taken(name);
        reportChange(options, `added login ${name} for ${tenant}`, { login: name, tenant, label: text });
        return;
      }
      if (!(await addCredential(directory, { login: name, tenant, label: text }, password))) throw taken(name);
      showPassword(options, `added login ${name} for ${tenant}`, { login: name, tenant, label: text }, password);
    });
}

/** Makes a login. False: it is there already. */
export async function addCredential(
  directory: Directory,
  credential: Pick<Credential, "login" | "tenant" | "label">,
  password: string,
): Promise<boolean> {
  const passwordHash = await hashPassword(password, randomBytes(PASSWORD_SALT_BYTES));
  return await createRow(directory, { kind: "credential", ...credential, status: "active", passwordHash });
}

/**
 * Gives a login a new password; the old one works for `overlapMs` more. False: somebody else has changed it since `row`
 * was read. Two rotations at once: the second must not make the first one's password the old one of its own.
 */
export async function rotateCredential(
  directory: Directory,
  row: Credential,
  password: string,
  overlapMs: number,
  nowMs: number,
): Promise<boolean> {
  const changes = {
    passwordHash: await hashPassword(password, randomBytes(PASSWORD_SALT_BYTES)),
    previousPasswordHash: overlapMs === 0 ? undefined : row.passwordHash,
    previousUntilMs: overlapMs === 0 ? undefined : nowMs + overlapMs,
  };
  return await changeRow(directory, credentialKey(row.login), changes, { passwordHash: row.passwordHash });
}

function taken(name: string): CommandError {
  return new CommandError(`login ${name} is there already; logins are unique among all tenants`);
}

/** From standard input, or made: 32 characters that every mail server's password map takes (192 bits). */
async function passwordFor(options: PasswordOptions, mistakes: Mistakes): Promise<string> {
  if (options.passwordStdin !== true) return randomText(32);
  const chunks: Buffer[] = [];
  for await (const chunk of process.stdin as AsyncIterable<Buffer>) chunks.push(chunk);
  const password = Buffer.concat(chunks)
    .toString("utf8")
    .replace(/\r?\n$/, "");
  if (!/^[\x21-\x7e]*$/.test(password)) mistakes.add("the password may hold printable ASCII without spaces only");
  if (password.length < PASSWORD_CHARS_MIN || password.length > 128) {
    mistakes.add(`the password has ${password.length} characters; allowed: ${PASSWORD_CHARS_MIN} to 128`);
  }
  return password;
}

/** Of `A-Z a-z 0-9 _ -`, beginning with a letter or digit: no program takes it for an option. */
export function randomText(length: number): string {
  for (;;) {
    const text = randomBytes(length).toString("base64url").slice(0, length);
    if (/^[A-Za-z0-9]/.test(text) && /[A-Za-z0-9]$/.test(text)) return text;
  }
}

/** What came from standard input is known to whoever typed it. */
function showPassword(options: PasswordOptions, sentence: string, facts: object, password: string): void {
  const shown = options.passwordStdin === true ? {} : { password };
  reportChange(options, sentence, { ...facts, ...shown });
  if (options.json !== true && options.passwordStdin !== true) {
    console.log(`Password, shown once: ${password}`);
  }
}

function addList(group: Command): void {
  withListOptions(group.command("list").description("all logins").option("--tenant <id>", "only of this tenant"))
    .addHelpText("after", "\nExample:\n  relayhost credential list --tenant acme --json")
    .action(async (options: CommonOptions & { tenant?: string }) => {
      const { directory } = await connect(options.env);
      const rows =
        options.tenant === undefined
          ? await scanRows(directory, "credential")
          : (await listTenantRows(directory, options.tenant)).filter((row) => row.kind === "credential");
      const sorted = rows.toSorted((a, b) => (`${a.tenant} ${a.login}` < `${b.tenant} ${b.login}` ? -1 : 1));
      if (options.json === true) {
        printJson(sorted.map(shownCredential));
        return;
      }
      printTable(
        ["LOGIN", "TENANT", "STATE", "OLD PASSWORD UNTIL", "LABEL"],
        sorted.map((row) => [
          row.login,
          row.tenant,
          row.status,
          row.previousUntilMs === undefined || row.previousUntilMs <= Date.now() ? "" : timeText(row.previousUntilMs),
          row.label,
        ]),
      );
    });
}

function addRotate(group: Command): void {
  withChangeOptions(
    group
      .command("rotate")
      .description("give a login a new password; the old one works on for a while")
      .argument("<login>")
      .option("--overlap <time>", "how long the old password still works; 0s: not at all", "7d")
      .option("--password-stdin", "take the new password from standard input instead of making one"),
  )
    .addHelpText(
      "after",
      "\nExamples:\n  relayhost credential rotate plesk1\n  relayhost credential rotate plesk1 --overlap 0s     (the old one is known to others)",
    )
    .action(async (name: string, options: PasswordOptions & { overlap: string }) => {
      const mistakes = new Mistakes();
      const overlapMs = mistakes.read("--overlap", options.overlap, span) ?? 0;
      const password = await passwordFor(options, mistakes);
      mistakes.end();
      const { directory } = await connect(options.env);
      const row = await credentialNamed(directory, name);
      const previousUntilMs = Date.now() + overlapMs;
      const until =
        overlapMs === 0 ? "the old one works no more" : `the old one works until ${timeText(previousUntilMs)}`;
      const sentence = `changed the password of ${name}; ${until}`;
      const facts = { login: name, tenant: row.tenant, previousPasswordUntil: new Date(previousUntilMs).toISOString() };
      if (options.dryRun === true) {
        reportChange(options, sentence, facts);
        return;
      }
      const nowMs = previousUntilMs - overlapMs;
      if (!(await rotateCredential(directory, row, password, overlapMs, nowMs))) {
        throw new CommandError(`login ${name} was changed by somebody else just now; nothing was done`);
      }
      showPassword(options, sentence, facts, password);
    });
}

function addRevoke(group: Command): void {
  withChangeOptions(group.command("revoke").description("remove logins for good").argument("<login...>"))
    .addHelpText(
      "after",
      "\nA server that still uses one gets a 4xx and keeps its mail.\n\nExample:\n  relayhost credential revoke plesk1",
    )
    .action(async (names: string[], options: CommonOptions) => {
      const { directory } = await connect(options.env);
      const rows = await credentialsNamed(directory, names);
      for (const row of options.dryRun === true ? [] : rows) await deleteRow(directory, credentialKey(row.login));
      reportChange(options, `revoked ${names.join(", ")}; the edge knows within a minute`, {
        credentials: rows.map(shownCredential),
      });
    });
}

function addPauseAndResume(group: Command): void {
  const pause = group.command("pause").description("take no mail under these logins for now").argument("<login...>");
  withChangeOptions(pause.requiredOption("--reason <text>", "shown to you, and in short to the postmaster"))
    .addHelpText("after", '\nExample:\n  relayhost credential pause plesk1 --reason "web site was broken into"')
    .action(async (names: string[], options: CommonOptions & { reason: string }) => {
      const mistakes = new Mistakes();
      const reason = mistakes.read("--reason", options.reason, label) ?? "";
      mistakes.end();
      const changes = { status: "paused", pause: { by: "operator", reason, atMs: Date.now() } };
      await changeAll(names, options, changes, "paused");
    });
  withChangeOptions(group.command("resume").description("take mail under these logins again").argument("<login...>"))
    .addHelpText("after", "\nExample:\n  relayhost credential resume plesk1")
    .action(async (names: string[], options: CommonOptions) => {
      await changeAll(names, options, { status: "active", pause: undefined }, "resumed");
    });
}

async function changeAll(
  names: readonly string[],
  options: CommonOptions,
  changes: Readonly<Record<string, unknown>>,
  past: string,
): Promise<void> {
  const { directory } = await connect(options.env);
  const rows = await credentialsNamed(directory, names);
  for (const row of options.dryRun === true ? [] : rows) {
    await changeRow(directory, credentialKey(row.login), changes);
  }
  reportChange(options, `${past} ${names.join(", ")}; the edge knows within a minute`, {
    credentials: rows.map((row) => shownCredential({ ...row, ...changes })),
  });
}

/** The login, or the exit code for what is not there. */
export async function credentialNamed(directory: Directory, name: string): Promise<Credential> {
  const [row] = await credentialsNamed(directory, [name]);
  if (row === undefined) throw new CommandError(`there is no login ${name}`, EXIT.notFound);
  return row;
}

/** All of them, or one error that names those that are not there. */
async function credentialsNamed(directory: Directory, names: readonly string[]): Promise<Credential[]> {
  const rows: Credential[] = [];
  const missing: string[] = [];
  for (const name of names) {
    const row = await readRow(directory, credentialKey(name));
    if (row?.kind === "credential") rows.push(row);
    else missing.push(name);
  }
  if (missing.length > 0) throw new CommandError(`there is no login ${missing.join(", ")}`, EXIT.notFound);
  return rows;
}
