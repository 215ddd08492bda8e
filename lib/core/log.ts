/** Structured log events: one JSON object a line in production, sentences in local mode. Never content or passwords. */

/** `event` names what happened, in kebab-case; the other fields are its facts. */
export type LogEvent = { readonly event: string } & Readonly<Record<string, unknown>>;

/** Takes an event; never throws. */
export type Log = (event: LogEvent) => void;

/** One line of JSON on standard output, which CloudWatch Logs takes as it is. */
export const logJson: Log = (event) => {
  process.stdout.write(`${jsonLine(event)}\n`);
};

/** What an unexpected error says in a log: name and message. Never throws, whatever was thrown. */
export function errorText(error: unknown): string {
  try {
    return error instanceof Error ? `${error.name}: ${error.message}` : String(error);
  } catch {
    return "an error without words";
  }
}

/** A fact that JSON cannot hold must not cost the message that it tells of. */
function jsonLine(event: LogEvent): string {
  try {
    return JSON.stringify(event, (_, value: unknown) => (typeof value === "bigint" ? String(value) : value));
  } catch (error) {
    return JSON.stringify({ event: event.event, unreadable: errorText(error) });
  }
}
