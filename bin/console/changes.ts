/**
 * Changes: each is planned, shown, asked for again, written to the audit record, made, and written there once more.
 *
 * Promise:  nothing is changed that was not shown in the same words a moment before; a confirmation is good for once and
 *           for a quarter of an hour. Without its first line in the audit record nothing is done.
 */

import { randomBytes } from "node:crypto";
import type { Hono } from "hono";
import { appendAudit } from "../../lib/aws/audit-dynamo.ts";
import { type ChangePlan, type ChangeResult, confirmPage, resultPage } from "../../lib/console/confirm-page.ts";
import { html } from "../../lib/console/html.ts";
import type { View } from "../../lib/console/view.ts";
import { errorText } from "../../lib/core/log.ts";
import { type ConsoleContext, type ConsoleEnv, show } from "./console-context.ts";
import { isSame } from "./safety.ts";

/** What a form asked for; a field may be there several times. */
export class Form {
  readonly values: Readonly<Record<string, readonly string[]>>;

  constructor(values: Readonly<Record<string, readonly string[]>>) {
    this.values = values;
  }

  /** The first of a field, without spaces around it; empty if there is none. */
  one(name: string): string {
    return (this.values[name]?.[0] ?? "").trim();
  }

  all(name: string): readonly string[] {
    return (this.values[name] ?? []).map((value) => value.trim()).filter((value) => value !== "");
  }
}

/** A plan and how it is carried out. `run` throws when it cannot be. */
export interface Planned extends ChangePlan {
  /** For the audit record: what it is done to, and whose that is. */
  readonly subjects: readonly string[];
  readonly tenant?: string;
  readonly run: () => Promise<Omit<ChangeResult, "back">>;
}

/** Looks at what is asked for. Throws `CommandError` for what cannot be done. */
export type Change = (form: Form, view: View) => Promise<Planned>;

const CONFIRM_WITHIN_MS = 15 * 60_000;
const PENDING_MAX = 1_000;

/** Serves `/do/<change>`. */
export function addChanges(
  app: Hono<ConsoleEnv>,
  context: ConsoleContext,
  changes: Readonly<Record<string, Change>>,
): void {
  /** What was shown to be agreed to, by the number on its page. */
  const pending = new Map<string, { readonly shown: string; readonly untilMs: number }>();
  app.post("/do/:change", async (c) => {
    const view = c.get("view");
    const { words } = view;
    const name = c.req.param("change");
    const change = Object.hasOwn(changes, name) ? changes[name] : undefined;
    const form = await readForm(c.req.raw);
    if (form === undefined || !isSame(form.one("token"), view.token)) {
      return show(c, context, words.confirm.refused, html`<p>${words.confirm.noToken}</p>`, 400);
    }
    if (change === undefined) return show(c, context, words.notFound, html`<p>${words.notFoundText}</p>`, 404);
    const plan = await change(form, view);
    const shown = JSON.stringify([name, plan.title, plan.effects]);
    const { confirmed: _, confirmation: _id, ...asked } = form.values;
    const id = form.one("confirmation");
    const agreed = pending.get(id);
    pending.delete(id);
    const isAgreed = form.one("confirmed") === "yes" && agreed !== undefined && agreed.untilMs > view.nowMs;
    if (!isAgreed || agreed.shown !== shown) {
      const confirmation = randomBytes(16).toString("base64url");
      for (const [key, { untilMs }] of pending) {
        if (untilMs <= view.nowMs || pending.size >= PENDING_MAX) pending.delete(key);
      }
      pending.set(confirmation, { shown, untilMs: view.nowMs + CONFIRM_WITHIN_MS });
      const wasAsked = form.one("confirmed") === "yes";
      return show(c, context, plan.title, confirmPage(view, name, plan, { ...asked, confirmation }, wasAsked));
    }
    const result = await audited(context, name, plan);
    return show(c, context, result.title, resultPage(view, { ...result, back: plan.back }));
  });
}

async function audited(context: ConsoleContext, action: string, plan: Planned): Promise<Omit<ChangeResult, "back">> {
  const { ledger } = context.connection;
  const base = {
    id: randomBytes(9).toString("base64url"),
    who: context.operator,
    action,
    subjects: plan.subjects,
    ...(plan.tenant === undefined ? {} : { tenant: plan.tenant }),
  };
  const now = (): string => new Date().toISOString();
  await appendAudit(ledger, { ...base, at: now(), phase: "begun", text: [plan.title, ...plan.effects] });
  let result: Omit<ChangeResult, "back">;
  try {
    result = await plan.run();
  } catch (error) {
    await appendAudit(ledger, { ...base, at: now(), phase: "failed", text: [errorText(error)] });
    throw error;
  }
  await appendAudit(ledger, { ...base, at: now(), phase: "done", text: result.lines });
  return result;
}

/** Undefined for what is no form. */
async function readForm(request: globalThis.Request): Promise<Form | undefined> {
  if (!(request.headers.get("content-type") ?? "").startsWith("application/x-www-form-urlencoded")) return undefined;
  const values = new Map<string, string[]>();
  for (const [name, value] of new URLSearchParams(await request.text())) {
    values.set(name, [...(values.get(name) ?? []), value]);
  }
  return new Form(Object.fromEntries(values));
}
