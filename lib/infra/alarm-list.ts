/**
 * Every alarm of an environment: what it means in a sentence, and where RUNBOOK.md says what to do.
 *
 * The title is the heading of its section in the runbook; a test joins the two lists.
 */

import { resourceName } from "./physical-names.ts";

/** One alarm as the operator reads it. */
export interface AlarmText {
  /** Part of the alarm's name, and the heading of its section in RUNBOOK.md. */
  readonly title: string;
  readonly meaning: string;
}

/** By the id under which the construct makes the alarm. */
export const ALARM_TEXTS = {
  ForwardDeadLetters: {
    title: "Messages set aside",
    meaning: "The forward dead letter queue is not empty: a message cannot be read, or crashes the function.",
  },
  FeedbackDeadLetters: {
    title: "Events set aside",
    meaning: "The feedback dead letter queue is not empty: events of SES could not be recorded.",
  },
  WebhookDeadLetters: {
    title: "Webhooks set aside",
    meaning: "A tenant's server has not taken an event for three days, or its address cannot be used.",
  },
  MailWaits: {
    title: "Mail waits",
    meaning: "A message has waited in the forward queue for over 30 minutes without being taken up.",
  },
  EventsWait: {
    title: "Events wait",
    meaning: "An event of SES has waited for over five hours; bounces are told late.",
  },
  FunctionErrors: {
    title: "Function errors",
    meaning: "Forward, feedback or sweep has ended with errors for a quarter of an hour.",
  },
  AccountClosed: {
    title: "SES takes nothing",
    meaning: "SES has paused or suspended sending, or the daily quota is used up; mail waits.",
  },
  QuotaNearlyUsed: {
    title: "Quota nearly used",
    meaning: "Four fifths of what SES lets this account send in 24 hours are used.",
  },
  BounceRate: {
    title: "Bounce rate",
    meaning: "The account's bounce rate is over 4 %; SES reviews accounts from 5 % on.",
  },
  ComplaintRate: {
    title: "Complaint rate",
    meaning: "The account's complaint rate is over 0.08 %; SES reviews accounts from 0.1 % on.",
  },
  TenantPaused: {
    title: "Tenant paused",
    meaning: "The relay has paused a tenant or a sender whose mail bounces or is reported as spam too often.",
  },
  CertificateExpires: {
    title: "Certificate expires",
    meaning: "The edge's certificate ends soon and was not renewed, or there is none that clients can check.",
  },
  EdgeUnhealthy: {
    title: "Edge unhealthy",
    meaning: "No edge task answers; customers' servers cannot connect and keep their mail.",
  },
  DirectoryErrors: {
    title: "Directory errors",
    meaning: "The edge could not ask the directory table and answered 451.",
  },
  StoreErrors: {
    title: "Store errors",
    meaning: "The edge could not store messages in S3 and answered 451.",
  },
} as const satisfies Readonly<Record<string, AlarmText>>;

/** Id of an alarm. */
export type AlarmId = keyof typeof ALARM_TEXTS;

/** The name of the alarm in AWS. */
export function alarmName(environment: string, id: AlarmId): string {
  return resourceName(environment, runbookAnchor(ALARM_TEXTS[id].title));
}

/** The description of the alarm in AWS: what it means and where to read on. */
export function alarmDescription(id: AlarmId): string {
  const { title, meaning } = ALARM_TEXTS[id];
  return `${meaning} What to do: RUNBOOK.md#${runbookAnchor(title)}`;
}

/** The anchor that a heading gets in rendered Markdown. */
export function runbookAnchor(title: string): string {
  return title.toLowerCase().replaceAll(" ", "-");
}
