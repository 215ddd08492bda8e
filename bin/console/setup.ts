/** The same pages and scripts as `relayhost setup`. */

import type { Hono } from "hono";
import { listTenantRows, scanRows } from "../../lib/aws/directory-dynamo.ts";
import { setupInstructionPage } from "../../lib/console/setup-page.ts";
import { SETUP_SERVERS } from "../../lib/core/setup/setup-servers.ts";
import { CommandError } from "../commands/report.ts";
import { setupText } from "../commands/setup.ts";
import { type ConsoleContext, type ConsoleEnv, show } from "./console-context.ts";

/** Serves `/setup`. */
export function addSetup(app: Hono<ConsoleEnv>, context: ConsoleContext): void {
  const { directory } = context.connection;
  app.get("/setup", async (c) => {
    const view = c.get("view");
    const { query } = view;
    const tenants = (await scanRows(directory, "tenant")).map(({ id }) => id).toSorted();
    const tenant = tenants.find((id) => id === query["tenant"]);
    const rows = tenant === undefined ? [] : await listTenantRows(directory, tenant);
    const logins = rows.flatMap((row) => (row.kind === "credential" ? [row.login] : [])).toSorted();
    const server = SETUP_SERVERS.find(({ name }) => name === query["server"]);
    let text: string | undefined;
    let problem: string | undefined;
    if (server !== undefined && tenant !== undefined) {
      const login = logins.find((one) => one === query["login"]);
      try {
        text = await setupText(server, {
          ...(context.environment === undefined ? {} : { env: context.environment }),
          tenant,
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
      } catch (error) {
        if (!(error instanceof CommandError)) throw error;
        problem = error.message;
      }
    }
    const choices = { servers: SETUP_SERVERS.map(({ name }) => name), tenants, logins };
    return show(c, context, view.words.nav.setup, setupInstructionPage(view, choices, text, problem));
  });
}
