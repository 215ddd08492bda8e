/** Sending a message again: the same as `relayhost resend`. */

import { parseQueueId } from "../../lib/core/queue-id.ts";
import type { ResendChoice } from "../../lib/core/resend.ts";
import { CommandError } from "../commands/report.ts";
import { planResend, type ResendTarget, resend } from "../commands/resend.ts";
import type { Change, Form } from "./changes.ts";
import type { ConsoleContext } from "./console-context.ts";

/** `/do/resend`: `id`, and every `recipient` by its index. */
export function resendChange({ connection }: ConsoleContext): Change {
  return async (form, view) => {
    const { words } = view;
    const texts = words.messages.resend;
    const id = parseQueueId(form.one("id"));
    if (id === undefined) throw new CommandError(words.queue.wrong);
    const plan = await planResend(connection, id, choiceOf(form), view.nowMs);
    if ("obstacle" in plan) throw new CommandError(texts.obstacles[plan.obstacle](plan.detail));
    const title = texts.title(id, plan.targets.length);
    const effect = ({ record, second, suppressed }: ResendTarget): string => {
      const what = suppressed ? texts.suppressed : second ? texts.second : texts.first;
      return `${record.address} (${words.messages.states[record.state]}): ${what}`;
    };
    return {
      title,
      effects: [
        ...plan.targets.map(effect),
        ...(plan.pause === undefined ? [] : [texts.waits(plan.pause.reason)]),
        texts.effect(plan.message.tenant),
      ],
      back: `/messages/${id}`,
      subjects: [id],
      tenant: plan.message.tenant,
      run: async () => {
        const copy = await resend(connection, plan, Date.now());
        return { title, lines: [texts.done(copy)], next: { path: `/messages/${copy}`, text: texts.show } };
      },
    };
  };
}

function choiceOf(form: Form): ResendChoice {
  return {
    kind: "indexes",
    indexes: form.all("recipient").map((text) => (/^\d{1,6}$/.test(text) ? Number(text) : -1)),
  };
}
