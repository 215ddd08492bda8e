/** Structured log events: one JSON object a line in production, sentences in local mode. Never content or passwords. */

/** `event` names what happened, in kebab-case; the other fields are its facts. */
export type LogEvent = { readonly event: string } & Readonly<Record<string, unknown>>;

/** Takes an event; never throws. */
export type Log = (event: LogEvent) => void;

/** One line of JSON on standard output, which CloudWatch Logs takes as it is. */
export const logJson: Log = (event) => {
  process.stdout.write(`${JSON.stringify(event)}\n`);
};

/** What an unexpected error says in a log: name and message. */
export function errorText(error: unknown): string {
  return error instanceof Error ? `${error.name}: ${error.message}` : String(error);
}
