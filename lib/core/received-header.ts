/**
 * The trace field that the edge puts in front of a message (RFC 5321 §4.4, RFC 3848 for the protocol word).
 *
 * No recipient stands in it: the message goes to each of them, and one must not see another.
 */

/** What the field tells. */
export interface ReceivedFacts {
  readonly hostName: string;
  /** The client's own name for itself: not to be trusted, so only the characters of a name are kept. */
  readonly helo: string;
  readonly clientAddress: string;
  readonly extended: boolean;
  readonly authenticated: boolean;
  readonly tls?: { readonly protocol: string; readonly cipher: string };
  readonly id: string;
  readonly timeMs: number;
}

/** The whole field, folded, with CRLF at its end. */
export function receivedField(facts: ReceivedFacts): string {
  const address = facts.clientAddress.includes(":") ? `IPv6:${facts.clientAddress}` : facts.clientAddress;
  const lines = [
    `Received: from ${nameOrUnknown(facts.helo)} ([${address}])`,
    ` by ${facts.hostName} (relayhost) with ${protocolWord(facts)}`,
    ...(facts.tls === undefined ? [] : [` (${facts.tls.protocol} ${facts.tls.cipher})`]),
    ` id ${facts.id}; ${formatDate(facts.timeMs)}`,
  ];
  return `${lines.join("\r\n")}\r\n`;
}

function nameOrUnknown(helo: string): string {
  const name = helo.replaceAll(/[^A-Za-z0-9.:_[\]-]/g, "").slice(0, 255);
  return name === "" ? "unknown" : name;
}

function protocolWord(facts: ReceivedFacts): string {
  if (!facts.extended) return "SMTP";
  return `ESMTP${facts.tls === undefined ? "" : "S"}${facts.authenticated ? "A" : ""}`;
}

/** RFC 5322 §3.3, in UTC. */
function formatDate(timeMs: number): string {
  // toUTCString is RFC 5322's form, save for the zone's name.
  return new Date(timeMs).toUTCString().replace("GMT", "+0000");
}
