/**
 * SDK exceptions to `Failure`, one table.
 *
 * Names and meanings: https://docs.aws.amazon.com/ses/latest/APIReference-V2/API_SendEmail.html and the common
 * errors. What the table does not know is transient: an unknown failure is tried again, never dropped.
 */

import type { Failure, FailureClass } from "../core/failure.ts";
import { errorText } from "../core/log.ts";

interface Row {
  readonly name: string;
  /** Only when the service's text fits. */
  readonly text?: RegExp;
  readonly class: FailureClass;
  readonly status: string;
  readonly accountWide?: boolean;
}

const ROWS: readonly Row[] = [
  { name: "MessageRejected", text: /not verified/i, class: "configuration", status: "5.7.1" },
  { name: "MessageRejected", text: /\b(paused|suspended|disabled)\b/i, class: "transient", status: "4.3.0" },
  { name: "MessageRejected", text: /too (large|big|long)|size|length/i, class: "permanent", status: "5.3.4" },
  { name: "MessageRejected", class: "permanent", status: "5.6.0" },
  { name: "BadRequestException", text: /quota|rate exceeded/i, class: "transient", status: "4.3.2", accountWide: true },
  { name: "BadRequestException", text: /too (large|big)|size|exceeds/i, class: "permanent", status: "5.3.4" },
  { name: "BadRequestException", text: /address|recipient|domain/i, class: "permanent", status: "5.1.3" },
  { name: "BadRequestException", class: "permanent", status: "5.6.0" },
  { name: "RequestEntityTooLargeException", class: "permanent", status: "5.3.4" },
  { name: "MailFromDomainNotVerifiedException", class: "configuration", status: "5.7.1" },
  { name: "AccountSuspendedException", class: "configuration", status: "4.3.0", accountWide: true },
  { name: "SendingPausedException", class: "transient", status: "4.3.0", accountWide: true },
  { name: "TooManyRequestsException", class: "transient", status: "4.3.2", accountWide: true },
  { name: "ThrottlingException", class: "transient", status: "4.3.2", accountWide: true },
  { name: "Throttling", class: "transient", status: "4.3.2", accountWide: true },
  { name: "NotFoundException", class: "configuration", status: "4.3.5" },
  { name: "AccessDeniedException", class: "configuration", status: "4.3.5" },
  { name: "AccessDenied", class: "configuration", status: "4.3.5" },
  { name: "UnrecognizedClientException", class: "configuration", status: "4.3.5" },
  { name: "InvalidClientTokenId", class: "configuration", status: "4.3.5" },
  { name: "ExpiredTokenException", class: "configuration", status: "4.3.5" },
  { name: "LimitExceededException", class: "transient", status: "4.3.2" },
];

/** Errors that mean the request never reached the service, so the work was not done. */
const NEVER_SENT = new Set([
  "ECONNREFUSED",
  "ENOTFOUND",
  "EAI_AGAIN",
  "EHOSTUNREACH",
  "ENETUNREACH",
  "CredentialsProviderError",
]);

/** Turns whatever an SDK call threw into a failure; never throws itself. */
export function failureFromSdk(error: unknown): Failure {
  const name = error instanceof Error ? error.name : "Unknown";
  const text = error instanceof Error ? error.message : errorText(error);
  const status = httpStatus(error);
  const row = ROWS.find((candidate) => candidate.name === name && (candidate.text?.test(text) ?? true));
  if (row !== undefined) {
    return {
      class: row.class,
      code: name,
      text,
      status: row.status,
      ambiguous: false,
      accountWide: row.accountWide ?? false,
    };
  }
  const code = systemCode(error) ?? name;
  const neverSent = NEVER_SENT.has(code);
  const refused = status !== undefined && status >= 400 && status < 500 && status !== 408;
  return {
    class: "transient",
    code,
    text,
    status: status === undefined ? "4.4.1" : "4.3.0",
    ambiguous: !neverSent && !refused,
    accountWide: false,
  };
}

function httpStatus(error: unknown): number | undefined {
  if (typeof error !== "object" || error === null || !("$metadata" in error)) return undefined;
  const metadata = error.$metadata;
  if (typeof metadata !== "object" || metadata === null || !("httpStatusCode" in metadata)) return undefined;
  return typeof metadata.httpStatusCode === "number" ? metadata.httpStatusCode : undefined;
}

function systemCode(error: unknown): string | undefined {
  if (typeof error !== "object" || error === null || !("code" in error)) return undefined;
  return typeof error.code === "string" ? error.code : undefined;
}
