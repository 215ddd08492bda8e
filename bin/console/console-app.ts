/** The console's application: safety first, then the language, then the pages. */

import { createHash } from "node:crypto";
import { readFileSync } from "node:fs";
import { Hono } from "hono";
import { bodyLimit } from "hono/body-limit";
import { getCookie, setCookie } from "hono/cookie";
import { html } from "../../lib/console/html.ts";
import type { View } from "../../lib/console/view.ts";
import { requestLanguage, WORDS } from "../../lib/console/words.ts";
import { errorText } from "../../lib/core/log.ts";
import { CommandError } from "../commands/report.ts";
import { addAudit } from "./audit.ts";
import { addBounces } from "./bounces.ts";
import { addChanges } from "./changes.ts";
import { type ConsoleContext, type ConsoleEnv, show } from "./console-context.ts";
import { addDoctor } from "./doctor.ts";
import { addDomains, domainCheckChange } from "./domains.ts";
import { addMessage } from "./message.ts";
import { addMessages } from "./messages.ts";
import { addOutbox } from "./outbox.ts";
import { addOverview } from "./overview.ts";
import { addQueue, queueChange } from "./queue.ts";
import { resendChange } from "./resend.ts";
import { FormTokens, guard, ownPath, type SafetyOptions, secureHeaders } from "./safety.ts";
import { addSetup } from "./setup.ts";
import { addSuppressions, unsuppressChange } from "./suppression.ts";
import { tenantChanges } from "./tenant-changes.ts";
import { addTenants } from "./tenants.ts";

/** A form names at most some thousand messages. */
const FORM_BYTES_MAX = 1024 * 1024;
const YEAR_SECONDS = 365 * 86_400;

const fileOf = (name: string): string => readFileSync(new URL(`../../lib/console/${name}`, import.meta.url), "utf8");

/** Everything but the socket. */
export function consoleApp(base: Omit<ConsoleContext, "assets">, safety: SafetyOptions): Hono<ConsoleEnv> {
  const style = fileOf("console.css");
  const script = fileOf("console.js");
  const mark = createHash("sha256").update(style).update(script).digest("hex").slice(0, 12);
  const context: ConsoleContext = {
    ...base,
    assets: { style: `/console.css?v=${mark}`, script: `/console.js?v=${mark}` },
  };
  const app = new Hono<ConsoleEnv>();
  app.use(secureHeaders);
  app.use(guard(safety));
  app.get("/console.css", (c) => c.body(style, 200, { "content-type": "text/css; charset=utf-8", ...KEPT }));
  app.get("/console.js", (c) => c.body(script, 200, { "content-type": "text/javascript; charset=utf-8", ...KEPT }));
  app.use(new FormTokens(safety.port).issue);
  app.use(async (c, next) => {
    const { lang, ...query } = c.req.query();
    const remembered = getCookie(c, LANGUAGE_COOKIE);
    const language = requestLanguage(lang, remembered, c.req.header("accept-language"));
    if (lang !== undefined && language !== remembered) {
      setCookie(c, LANGUAGE_COOKIE, language, { httpOnly: true, sameSite: "Lax", path: "/", maxAge: YEAR_SECONDS });
    }
    const view: View = {
      words: WORDS[language],
      language,
      path: ownPath(c.req.path),
      query,
      token: c.get("token"),
      environment: base.environment ?? "local",
      isLocal: base.environment === undefined,
      nowMs: Date.now(),
    };
    c.set("view", view);
    await next();
  });
  app.use("/do/*", bodyLimit({ maxSize: FORM_BYTES_MAX, onError: (c) => c.text("Too long.\n", 413) }));
  addOverview(app, context);
  addMessages(app, context);
  addMessage(app, context);
  addQueue(app, context);
  addBounces(app, context);
  addSuppressions(app, context);
  addTenants(app, context);
  addDomains(app, context);
  addSetup(app, context);
  addDoctor(app, context);
  if (context.dataDir !== undefined) addOutbox(app, context, context.dataDir);
  addAudit(app, context);
  addChanges(app, context, {
    queue: queueChange(context),
    resend: resendChange(context),
    unsuppress: unsuppressChange(context),
    "domain-check": domainCheckChange(context),
    ...tenantChanges(context),
  });
  app.notFound((c) => {
    const { words } = c.get("view");
    return show(
      c,
      context,
      words.notFound,
      html`<p>${words.notFoundText}</p><p><a href="/">${words.nav.overview}</a></p>`,
      404,
    );
  });
  app.onError((error, c) => {
    const { words } = c.get("view");
    if (error instanceof CommandError) {
      return show(c, context, words.cannot, html`<p class="notice warn" role="alert">${error.message}</p>`, 400);
    }
    return show(
      c,
      context,
      words.failed,
      html`<p>${words.failedText}</p><pre lang="en">${errorText(error)}</pre>`,
      502,
    );
  });
  return app;
}

const LANGUAGE_COOKIE = "relayhost-language";
/** Their addresses change with their content. */
const KEPT = { "cache-control": "private, max-age=31536000, immutable" };
