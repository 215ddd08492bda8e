/**
 * Address lists of header fields and requests, with the refusals in SES's words.
 *
 * SES reads addresses strictly but shallowly: a display name or comment may hold anything, a dot may stand anywhere in
 * the local part, a quoted local part is not looked into. Groups (`undisclosed-recipients:;`) pass.
 * See RFC 5322 §3.4; the texts are those that senders have reported from SES.
 */

/** What a list of mailboxes holds. */
export interface MailboxList {
  /** Address specifications without display names and comments, in order; what is wrong with each is not known yet. */
  readonly addresses: readonly string[];
  /** A group stands in the list, so that it is not empty even without an address. */
  readonly hasGroup: boolean;
}

/** Takes a list apart. Never throws: what makes no sense comes out as an address with a problem. */
export function readMailboxes(text: string): MailboxList {
  const addresses: string[] = [];
  let hasGroup = false;
  let current = "";
  let angle: string | undefined;
  let inAngle = false;
  let quoted = false;
  let depth = 0;
  const finish = (): void => {
    const address = (angle ?? current).trim();
    if (address !== "" || angle !== undefined) addresses.push(address);
    current = "";
    angle = undefined;
    inAngle = false;
  };
  for (let i = 0; i < text.length; i++) {
    const char = text.charAt(i);
    if ((quoted || depth > 0) && char === "\\") {
      if (depth === 0) current += char + text.charAt(i + 1);
      i++;
    } else if (depth > 0) {
      if (char === "(") depth++;
      else if (char === ")") depth--;
    } else if (char === '"') {
      quoted = !quoted;
      current += char;
    } else if (quoted) current += char;
    else if (char === "(") depth = 1;
    else if (char === "<" && !inAngle) {
      inAngle = true;
      current = "";
    } else if (char === ">" && inAngle) {
      inAngle = false;
      angle = current;
      current = "";
    } else if (char === "," && !inAngle) finish();
    else if (char === ";" && !inAngle) finish();
    else if (char === ":" && !inAngle) {
      hasGroup = true;
      current = "";
    } else current += char;
  }
  finish();
  return { addresses, hasGroup };
}

/** What SES says of an address that it does not take; undefined when it takes it. */
export function addressProblem(address: string): string | undefined {
  if (address === "") return "Invalid email address .";
  const at = indexOfAt(address);
  const local = at === -1 ? address : address.slice(0, at);
  const plain = local.replace(/"(?:\\.|[^"\\])*"/gs, "");
  if (hasControlOrSpace(plain)) return "Local address contains control or whitespace";
  if (at === -1) return "Missing final '@domain'";
  if (at === 0) return "Missing local name";
  const domain = address.slice(at + 1);
  if (domain === "") return "Missing domain";
  if (hasControlOrSpace(domain)) return "Domain contains control or whitespace";
  if (/^\[.*\]$/.test(domain)) return undefined;
  if (/[()<>,;:\\"[\]@]/.test(domain)) return "Domain contains illegal character";
  if (domain.startsWith(".")) return "Domain starts with dot";
  if (domain.endsWith(".")) return "Domain ends with dot";
  if (domain.includes("..")) return "Domain contains dot-dot";
  if (address.length > 320) return `Address length is more than 320 characters long: '${address.length}'.`;
  return undefined;
}

/** The first `@` outside a quoted string, or -1. */
function indexOfAt(address: string): number {
  let quoted = false;
  for (let i = 0; i < address.length; i++) {
    const char = address.charAt(i);
    if (char === "\\") i++;
    else if (char === '"') quoted = !quoted;
    else if (char === "@" && !quoted) return i;
  }
  return -1;
}

/** SES counts every character outside ASCII as one of these. */
function hasControlOrSpace(text: string): boolean {
  return !/^[\x21-\x7e]*$/.test(text);
}
