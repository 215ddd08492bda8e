/**
 * Certificate and private key out of one text, as a secret store keeps them together.
 *
 * Promise:  takes PEM blocks in any order, alone or as the values of a JSON object (whatever its members are called).
 * Refusal:  a text that lacks one of them, or holds a key that is encrypted or a second one, gives a sentence that says
 *           so. It never quotes the text.
 * See RFC 7468 (PEM).
 */

/** Certificate chain and private key, PEM. */
export interface PemPair {
  readonly cert: string;
  readonly key: string;
}

const BLOCK = /-----BEGIN ([A-Z0-9 ]+)-----[\s\S]*?-----END \1-----/g;

/** There is no certificate at all: where one is awaited, it has not come yet. */
export class NoCertificate extends Error {}

/** Reads the pair; throws an Error with a sentence when there is none. */
export function parsePemPair(text: string): PemPair {
  const blocks = [...pemText(text).matchAll(BLOCK)].map(([block, label = ""]) => ({ block, label }));
  const certificates = blocks.filter(({ label }) => label === "CERTIFICATE");
  const keys = blocks.filter(({ label }) => label.endsWith("PRIVATE KEY"));
  const [key] = keys;
  if (certificates.length === 0) throw new NoCertificate("the secret holds no certificate (a PEM block CERTIFICATE)");
  if (key === undefined) throw new Error("the secret holds no private key (a PEM block PRIVATE KEY)");
  if (keys.length > 1) throw new Error("the secret holds more than one private key");
  if (key.label.startsWith("ENCRYPTED") || /^Proc-Type:.*ENCRYPTED/m.test(key.block)) {
    throw new Error("the private key in the secret is encrypted; store it without a passphrase");
  }
  return { cert: `${certificates.map(({ block }) => block).join("\n")}\n`, key: `${key.block}\n` };
}

/** In JSON, line ends stand as `\n`; some tools write them so into plain text too. */
function pemText(text: string): string {
  if (!text.trimStart().startsWith("{")) return text.replaceAll("\\n", "\n");
  let values: unknown;
  try {
    values = JSON.parse(text);
  } catch {
    throw new Error("the secret begins like JSON and is none");
  }
  return Object.values(values ?? {})
    .filter((value) => typeof value === "string")
    .join("\n")
    .replaceAll("\\n", "\n");
}
