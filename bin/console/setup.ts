/** The same pages and scripts as `relayhost setup`. */

import type { Hono } from "hono";
import { listTenantRows, scanRows } from "../../lib/aws/directory-dynamo.ts";
import { html } from "../../lib/console/html.ts";
import { type SetupChoices, setupInstructionPage } from "../../lib/console/setup-page.ts";
import type { View } from "../../lib/console/view.ts";
import { SETUP_SERVERS } from "../../lib/core/setup/setup-servers.ts";
import { CommandError } from "../commands/report.ts";
import { setupText } from "../commands/setup.ts";
import { type ConsoleContext, type ConsoleEnv, download, show } from "./console-context.ts";

/** Serves `/setup`, and the same to save at `/setup.txt`. */
export function addSetup(app: Hono<ConsoleEnv>, context: ConsoleContext): void {
  app.get("/setup", async (c) => {
    const view = c.get("view");
    const { choices, text, problem, contact } = await instruction(context, view);
    return show(c, context, view.words.nav.setup, setupInstructionPage(view, choices, text, problem, contact));
  });
  app.get("/setup.txt", async (c) => {
    const { words, query } = c.get("view");
    const { text, problem } = await instruction(context, c.get("view"));
    if (problem !== undefined) throw new CommandError(problem);
    if (text === undefined) return show(c, context, words.notFound, html`<p>${words.setup.empty}</p>`, 404);
    const { server = "", tenant = "", form } = query;
    const ending = form === "script" || form === "undo" ? "sh" : "txt";
    return download(c, `relayhost-${server}-${tenant}.${ending}`, "text/plain; charset=utf-8", text);
  });
}

/** What the form asks for; no text while something is still to be chosen. */
async function instruction(
  context: ConsoleContext,
  { query }: View,
): Promise<{
  readonly choices: SetupChoices;
  readonly text?: string;
  readonly problem?: string;
  readonly contact?: string | undefined;
}> {
  const { directory } = context.connection;
  const all = (await scanRows(directory, "tenant")).toSorted((a, b) => (a.id < b.id ? -1 : 1));
  const tenant = all.find(({ id }) => id === query["tenant"]);
  const rows = tenant === undefined ? [] : await listTenantRows(directory, tenant.id);
  const logins = rows.flatMap((row) => (row.kind === "credential" ? [row.login] : [])).toSorted();
  const server = SETUP_SERVERS.find(({ name }) => name === query["server"]);
  const choices = { servers: SETUP_SERVERS.map(({ name }) => name), tenants: all.map(({ id }) => id), logins };
  if (server === undefined || tenant === undefined) return { choices };
  const login = logins.find((one) => one === query["login"]);
  try {
    const text = await setupText(server, {
      ...(context.environment === undefined ? {} : { env: context.environment }),
      tenant: tenant.id,
      ...(login === undefined ? {} : { credential: login }),
      login: logins.length > 0,
      port: "587",
      ...(query["for"] === "en" || query["for"] === "ja" ? { lang: query["for"] } : {}),
      recipients: [],
      log: [],
      also: [],
      script: query["form"] === "script",
      undo: query["form"] === "undo",
    });
    return { choices, text, contact: tenant.contact };
  } catch (error) {
    if (!(error instanceof CommandError)) throw error;
    return { choices, problem: error.message };
  }
}
