/**
 * Enhanced status codes (RFC 3463) as a report may carry them.
 *
 * Other people's codes come with leading zeros, comments and classes that contradict the action. What leaves here
 * is always `d.d.d` without leading zeros (RFC 3464 §2.3.4) and of a class that fits the action.
 */

/** What a report says of a recipient (RFC 3464 §2.3.3); `delivered` and `expanded` never happen behind SES. */
export type DsnAction = "failed" | "delayed" | "relayed";

const FALLBACK: Readonly<Record<DsnAction, string>> = { failed: "5.0.0", delayed: "4.0.0", relayed: "2.0.0" };

/**
 * The code to write for an action. A failure may carry 4.x.x (retries ran out). A delay that reports 5.x.x keeps its
 * subject and detail under class 4. Anything that is no code, or whose class contradicts the action, becomes x.0.0.
 */
export function normalStatus(status: string | undefined, action: DsnAction): string {
  return readStatus(status, action) ?? FALLBACK[action];
}

/** As `normalStatus`, but undefined instead of x.0.0 when the text is no code or contradicts the action. */
export function readStatus(status: string | undefined, action: DsnAction): string | undefined {
  const match = /^\s*([245])\.(\d{1,3})\.(\d{1,3})(?![\d.])/.exec(status ?? "");
  if (match === null || (match[1] === "2") !== (action === "relayed")) return undefined;
  return `${action === "delayed" ? "4" : match[1]}.${Number(match[2])}.${Number(match[3])}`;
}

/** The enhanced code that follows the reply code in an SMTP reply or a Diagnostic-Code, or undefined. */
export function statusInReply(text: string | undefined): string | undefined {
  return /^(?:\s*[A-Za-z0-9-]+\s*;)?\s*\d{3}[ -]([245]\.\d{1,3}\.\d{1,3})(?![\d.])/.exec(text ?? "")?.[1];
}

/** Types of a Diagnostic-Code that quotes no remote server: the words are ours, or those of Amazon SES. */
export const OWN_DIAGNOSTIC = { relay: "x-relayhost", ses: "x-amazon-ses" } as const;

/** True when no remote server spoke, so that neither `smtp` nor a Remote-MTA may be written. */
export function isOwnDiagnostic(diagnosticCode: string): boolean {
  const type = /^\s*([A-Za-z0-9-]+)\s*;/.exec(diagnosticCode)?.[1]?.toLowerCase();
  return type === OWN_DIAGNOSTIC.relay || type === OWN_DIAGNOSTIC.ses;
}

/** A Diagnostic-Code with its type (RFC 3464 §2.3.6): a bare SMTP reply is `smtp`, other bare words are ours. */
export function typedDiagnostic(text: string, ownType: string = OWN_DIAGNOSTIC.relay): string {
  const words = text.trim();
  if (words === "" || /^[A-Za-z0-9-]+\s*;/.test(words)) return words;
  return `${/^[2-5]\d\d[ -]/.test(words) ? "smtp" : ownType}; ${words}`;
}

/** The words of a Diagnostic-Code without its type. */
export function diagnosticWords(diagnosticCode: string): string {
  return diagnosticCode.replace(/^\s*[A-Za-z0-9-]+\s*;/, "").trim();
}
