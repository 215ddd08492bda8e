/** Makes the octets that SES gets from a spool object, with what only directory and ledger know. */

import { isAddress, parseAddress } from "../core/address.ts";
import { describeEdit } from "../core/header-edits.ts";
import { fieldValue, readHeader } from "../core/header-fields.ts";
import { fromDomains } from "../core/header-from.ts";
import { type PreparedMessage, prepareForSes } from "../core/header-rules.ts";
import type { SpoolObject } from "../core/spool-object.ts";
import type { Directory } from "./directory-dynamo.ts";
import { type EarlierSesIdsDeps, earlierSesIds } from "./earlier-ses-ids.ts";
import { senderFields } from "./sender-fields.ts";
import { verifiedSenderDomains } from "./verified-sender-domains.ts";

/** A message ready for SES. */
export interface MessageForSes extends PreparedMessage {
  /** True when its From is an address of the relay itself, which no tenant of SES may use. */
  readonly own: boolean;
}

/** Throws what DynamoDB throws. */
export async function prepareMessage(
  deps: EarlierSesIdsDeps & { readonly directory: Directory; readonly systemAddress: string },
  object: SpoolObject,
): Promise<MessageForSes> {
  const verified = await verifiedSenderDomains(deps.directory, object);
  const { setFields, own } = await senderFields(deps, object);
  const sesIdsOf = await earlierSesIds(deps, object);
  const defaultDomain = senderDomain(object);
  const prepared = prepareForSes(object.message, {
    receivedField: object.received,
    longBodyLines: "fold",
    isVerifiedDomain: (domain) => verified.has(domain),
    ...(defaultDomain === undefined ? {} : { defaultDomain }),
    setFields,
    sesIdsOf,
  });
  // What was changed beyond our own Received field, so that nobody has to guess why a header differs.
  const edits = prepared.edits.filter((edit) => edit.kinds.some((kind) => kind !== "received-added"));
  const { foldedBodyLines } = prepared;
  if (edits.length > 0 || foldedBodyLines > 0) {
    deps.log({ event: "message-edited", id: object.envelope.id, edits: edits.map(describeEdit), foldedBodyLines });
  }
  return { ...prepared, own };
}

/** Completes bare names such as cron's `To: root`: the sender's own domain, else that of From. */
function senderDomain(object: SpoolObject): string | undefined {
  const address = parseAddress(object.envelope.returnPath ?? "");
  if (isAddress(address)) return address.domain;
  const from = readHeader(object.message).fields.find((field) => field.name === "from");
  return from === undefined ? undefined : fromDomains(fieldValue(object.message, from))?.[0];
}
