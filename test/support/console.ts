/**
 * A console on a socket of its own before local services, and a browser without scripts: it keeps cookies, follows links
 * and submits forms as they stand in the page.
 */

import { type IncomingHttpHeaders, request } from "node:http";
import { connect } from "../../bin/commands/connect.ts";
import { startConsole } from "../../bin/console/start-console.ts";
import { seedDemoTenant } from "../../lib/local/demo-tenant.ts";
import { type Cli, startCli } from "./cli.ts";

/** What came back. */
export interface Answer {
  readonly status: number;
  readonly headers: IncomingHttpHeaders;
  readonly body: string;
}

/** A console with the demo tenant. */
export interface TestConsole {
  readonly cli: Cli;
  readonly port: number;
  readonly connection: Awaited<ReturnType<typeof connect>>;
  browser(): Browser;
  close(): Promise<void>;
}

/** What a test may ask for. */
export interface TestConsoleOptions {
  readonly key?: string;
  /** What the environment says of itself, where it differs from local mode's. */
  readonly names?: Partial<TestConsole["connection"]["names"]>;
  /** For `cli`. */
  readonly commands?: Parameters<typeof startCli>[0];
  /** Name servers for the console, once the services are there. */
  readonly resolvers?: (cli: Cli) => Promise<readonly string[]>;
}

/** Starts both. */
export async function startTestConsole(options: TestConsoleOptions = {}): Promise<TestConsole> {
  const { key, names, commands, resolvers } = options;
  const cli = await startCli(commands ?? []);
  await seedDemoTenant(cli.directory, new Uint8Array(16));
  const connected = await connect(undefined);
  const connection = { ...connected, names: { ...connected.names, ...names } };
  const served = await startConsole({
    connection,
    dataDir: cli.dataDir,
    port: 0,
    key,
    resolvers: await resolvers?.(cli),
  });
  return {
    cli,
    port: served.port,
    connection,
    browser: () => new Browser(served.port),
    close: async () => {
      await served.close();
      await cli.close();
    },
  };
}

/** One request, headers as they are given. */
export async function send(
  port: number,
  method: string,
  path: string,
  headers: Readonly<Record<string, string>> = {},
  body = "",
): Promise<Answer> {
  return await new Promise((resolve, reject) => {
    const sent = request({
      host: "127.0.0.1",
      port,
      agent: false,
      method,
      path,
      headers: { "content-length": Buffer.byteLength(body), ...headers },
    });
    sent.once("error", reject);
    sent.once("response", (response) => {
      const chunks: Buffer[] = [];
      response.on("data", (chunk: Buffer) => chunks.push(chunk));
      response.once("error", reject);
      response.once("end", () =>
        resolve({
          status: response.statusCode ?? 0,
          headers: response.headers,
          body: Buffer.concat(chunks).toString("utf8"),
        }),
      );
    });
    sent.end(body);
  });
}

/** A form of a page. */
export interface PageForm {
  readonly action: string;
  readonly fields: readonly (readonly [name: string, value: string])[];
}

/** See the head of this file. */
export class Browser {
  readonly port: number;
  readonly cookies = new Map<string, string>();

  constructor(port: number) {
    this.port = port;
  }

  async get(path: string, headers: Readonly<Record<string, string>> = {}): Promise<Answer> {
    const answer = await send(this.port, "GET", path, { ...this.#cookieHeader(), ...headers });
    this.#keep(answer);
    return answer;
  }

  /** As the page's own form does. */
  async post(
    path: string,
    fields: readonly (readonly [name: string, value: string])[],
    headers: Readonly<Record<string, string>> = {},
  ): Promise<Answer> {
    const body = new URLSearchParams(fields.map(([name, value]): [string, string] => [name, value])).toString();
    const answer = await send(
      this.port,
      "POST",
      path,
      {
        ...this.#cookieHeader(),
        origin: `http://127.0.0.1:${this.port}`,
        "content-type": "application/x-www-form-urlencoded",
        ...headers,
      },
      body,
    );
    this.#keep(answer);
    return answer;
  }

  /** Submits the form with this action, with more fields, then agrees to what the console asks. */
  async change(
    page: Answer,
    action: string,
    fields: readonly (readonly [name: string, value: string])[],
  ): Promise<{ readonly asked: Answer; readonly done: Answer }> {
    const form = formOf(page.body, action);
    const asked = await this.post(form.action, [...form.fields, ...fields]);
    const question = formOf(asked.body, action);
    const done = await this.post(question.action, [...question.fields, ["confirmed", "yes"]]);
    return { asked, done };
  }

  #cookieHeader(): Record<string, string> {
    return this.cookies.size === 0
      ? {}
      : { cookie: [...this.cookies].map(([name, value]) => `${name}=${value}`).join("; ") };
  }

  #keep({ headers }: Answer): void {
    for (const line of headers["set-cookie"] ?? []) {
      const [, name = "", value = ""] = /^([^=]+)=([^;]*)/.exec(line) ?? [];
      this.cookies.set(name, value);
    }
  }
}

/** The first form of a page with this action (and hidden values), with its hidden fields. Throws when there is none. */
export function formOf(body: string, action: string, wanted: Readonly<Record<string, string>> = {}): PageForm {
  const forms = [...body.matchAll(/<form[^>]*? action="([^"]*)"[^>]*>(.*?)<\/form>/gs)].map(
    ([, to = "", inner = ""]): PageForm => ({
      action: unescaped(to),
      fields: [...inner.matchAll(/<input type="hidden" name="([^"]*)" value="([^"]*)">/g)].map(
        ([, name = "", value = ""]) => [unescaped(name), unescaped(value)] as const,
      ),
    }),
  );
  const found = forms.find(
    (form) =>
      form.action === action &&
      Object.entries(wanted).every(([name, value]) => form.fields.some(([n, v]) => n === name && v === value)),
  );
  if (found === undefined) throw new Error(`there is no form for ${action} in:\n${body}`);
  return found;
}

const PLAIN: Readonly<Record<string, string>> = { amp: "&", lt: "<", gt: ">", quot: '"', "#39": "'", "#96": "`" };

/** The text that an attribute or element stands for. */
export function unescaped(text: string): string {
  return text.replace(/&(amp|lt|gt|quot|#39|#96);/g, (_, name: string) => PLAIN[name] ?? "");
}
