/**
 * What has to be changed on a customer's mail server so that it sends through the relay, as a value: the page that a
 * postmaster reads and the script that he runs are two forms of the same plan.
 *
 * Strings for files and commands may hold tokens, `@@name@@`: a variable of the plan. The page shows a variable's usual
 * value, the script finds it out on the machine. `@@password@@` is the password or a place for it.
 */

import type { Language } from "../directory.ts";
import type { SelectedDomain } from "./selected-domains.ts";

/** A text in each language of a tenant. */
export type Text = Readonly<Record<Language, string>>;

/** The customer's own values. `checkSetupValues` has found nothing wrong with them. */
export interface SetupValues {
  /** Name of the relay, as in its certificate. */
  readonly host: string;
  readonly port: number;
  /** TLS from the first byte (usually port 465) instead of STARTTLS. */
  readonly implicitTls: boolean;
  /** Absent: the server's address is on the relay's list and needs no login. */
  readonly login?: string;
  /** Absent: the page shows a place for it, and the script asks. */
  readonly password?: string;
  /** Bundle of certification authorities; absent: where the system keeps it. */
  readonly caFile?: string;
  /** A domain of the tenant, for the examples. */
  readonly senderDomain: string;
  /** Recipient domains that go through the relay, all others directly. Absent: everything goes through the relay. */
  readonly only?: readonly SelectedDomain[];
}

/** Something that is found out on the machine. */
export interface SetupVariable {
  readonly name: string;
  /** Shell commands that set a variable of that name. */
  readonly shell: string;
  /** What the page shows. */
  readonly shown: string;
}

/** A file that the change touches. */
export interface SetupFile {
  readonly path: string;
  /** Made from another by a program: saved and restored, but not compared to see whether somebody has changed it. */
  readonly derived?: boolean;
}

/** One change. Patterns are extended regular expressions (POSIX) for whole lines, as awk reads them. */
export type SetupAction =
  | {
      readonly kind: "write";
      readonly file: string;
      readonly lines: readonly string[];
      /** Octal. Files with a password are 0600 or as their server needs them. */
      readonly mode: string;
      /** `user:group`; root's when absent. */
      readonly owner?: string;
      /** The old lines stay, after these, but for those that fit `without`. */
      readonly keep?: { readonly without: string };
    }
  /** Lines that fit `remove` go, `lines` come to the end. */
  | { readonly kind: "set"; readonly file: string; readonly remove: string; readonly lines: readonly string[] }
  /** `lines` come before the first line that fits. It is an error when none does. */
  | { readonly kind: "insert"; readonly file: string; readonly before: string; readonly lines: readonly string[] }
  /** `lines` come after each line that fits, from the line `from` on to the next that fits `to`. Nothing if there is none. */
  | {
      readonly kind: "insert-in-section";
      readonly file: string;
      readonly from: string;
      readonly after: string;
      readonly lines: readonly string[];
    }
  /** The first line that fits becomes this one. It is an error when none does. */
  | { readonly kind: "replace"; readonly file: string; readonly line: string; readonly by: string }
  /** A folder, mode 0700, if it is not there. */
  | { readonly kind: "folder"; readonly path: string }
  | { readonly kind: "run"; readonly command: string };

/** A command with which the postmaster sees for himself. */
export interface SetupCheck {
  readonly command: string;
  readonly expect: Text;
}

/** A set-up. */
export interface SetupPlan {
  readonly title: string;
  /** What must be known or done before. */
  readonly before: readonly Text[];
  readonly variables: readonly SetupVariable[];
  readonly files: readonly SetupFile[];
  readonly actions: readonly SetupAction[];
  /** Fails when the new configuration is wrong: the script then puts everything back. */
  readonly test?: string;
  /** Put the configuration into effect; also after the way back. */
  readonly activate: readonly string[];
  readonly verify: readonly SetupCheck[];
  /** Beyond restoring the files. */
  readonly undo: readonly string[];
  /** Worth knowing afterwards. */
  readonly after: readonly Text[];
  /** False: this is done in a window or a PowerShell, and there is no shell script for it. */
  readonly scriptable: boolean;
}

/** The token that stands for a variable. */
export function token(name: string): string {
  return `@@${name}@@`;
}

/** A text as a pattern that fits only itself; of what is special in patterns it may hold dots. */
export function literally(text: string): string {
  return text.replaceAll(".", "[.]");
}

/** The token for the password. */
export const PASSWORD = token("password");

/** Puts values in the place of tokens; `value` undefined leaves a token as it is. */
export function fillTokens(text: string, value: (name: string) => string | undefined): string {
  return text.replace(/@@([a-z]+)@@/g, (whole, name: string) => value(name) ?? whole);
}

const HOST = /^(?!-)[a-z0-9-]{1,63}(?<!-)(\.(?!-)[a-z0-9-]{1,63}(?<!-))*$/i;
const LOGIN = /^[A-Za-z0-9._@-]{1,128}$/;
/** What every server's file format survives: `:` and `^` are special in Exim, `|` in qmail, blanks in Postfix. */
const PASSWORD_PATTERN = /^[A-Za-z0-9_-]{1,256}$/;
const PATH = /^\/[A-Za-z0-9._/+-]+$/;

/** One sentence for each value that cannot be used; empty when all can. */
export function checkSetupValues(values: SetupValues): string[] {
  const problems: string[] = [];
  const { host, port, login, password, caFile, senderDomain } = values;
  if (!HOST.test(host))
    problems.push(`--host ${JSON.stringify(host)} is not a host name, for example relay.example.net`);
  if (!Number.isInteger(port) || port < 1 || port > 65535) {
    problems.push("--port is not a number from 1 to 65535; the relay listens on 587 (STARTTLS) and 465 (TLS)");
  }
  if (login !== undefined && !LOGIN.test(login)) {
    problems.push(`login ${JSON.stringify(login)} has characters other than letters, digits and . _ @ -`);
  }
  if (password !== undefined && !PASSWORD_PATTERN.test(password)) {
    problems.push(
      "the password has characters other than letters, digits, _ and -, which some mail servers' files cannot hold; relayhost credential rotate makes a new one",
    );
  }
  if (caFile !== undefined && !PATH.test(caFile))
    problems.push(`--ca-file ${JSON.stringify(caFile)} is not a plain path`);
  if (!HOST.test(senderDomain)) problems.push(`${JSON.stringify(senderDomain)} is not a domain`);
  return problems;
}
