/** What the console's routes share: the environment they speak to, and how a page is answered. */

import type { Context } from "hono";
import type { Content } from "../../lib/console/html.ts";
import { type Assets, page } from "../../lib/console/page.ts";
import type { View } from "../../lib/console/view.ts";
import type { Connection } from "../commands/connect.ts";

/** Of one running console. */
export interface ConsoleContext {
  readonly connection: Connection;
  /** Undefined: local mode. */
  readonly environment: string | undefined;
  /** Data directory of local mode, which has the outbox. */
  readonly dataDir: string | undefined;
  /** Name servers to ask; undefined: the system's. */
  readonly resolvers: readonly string[] | undefined;
  /** User and machine, for the audit record. */
  readonly operator: string;
  readonly assets: Assets;
}

/** What middleware leaves for the routes. */
export interface ConsoleEnv {
  readonly Variables: { readonly view: View; readonly token: string };
}

/** One request. */
export type Request = Context<ConsoleEnv>;

/** Answers with a page. */
export function show(
  c: Request,
  context: ConsoleContext,
  title: string,
  body: Content,
  status: 200 | 400 | 404 | 409 | 500 | 502 = 200,
): Response {
  return c.html(page(c.get("view"), context.assets, title, body).text, status);
}

/** Answers with a file that is saved, never shown. */
export function download(c: Request, name: string, type: string, body: string | Buffer): Response {
  const safe = name.replace(/[^A-Za-z0-9._-]/g, "_");
  return c.body(typeof body === "string" ? body : new Uint8Array(body), 200, {
    "content-type": type,
    "content-disposition": `attachment; filename="${safe}"`,
    "content-security-policy": "default-src 'none'; sandbox",
  });
}

/** Answers with comma-separated values. */
export function csv(c: Request, name: string, text: string): Response {
  // Spreadsheets take a file without the mark for one in the language of the machine.
  return download(c, `${name}.csv`, "text/csv; charset=utf-8", `\ufeff${text}`);
}
