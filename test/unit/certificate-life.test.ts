/** When a certificate is renewed and warned of, whatever its life. */

import { generate } from "selfsigned";
import { describe, expect, it } from "vitest";
import { certificateLife } from "../../lib/core/certificate-life.ts";
import { formatCertificateSecret, parseCertificateSecret } from "../../lib/core/certificate-secret.ts";
import { parsePemPair } from "../../lib/core/pem.ts";

const DAY_MS = 86_400_000;
const START_MS = Date.UTC(2026, 10, 1);

async function pairOf(days: number) {
  const { cert, private: key } = await generate([{ name: "commonName", value: "relay.example.net" }], {
    keyType: "ec",
    curve: "P-256",
    notBeforeDate: new Date(START_MS),
    notAfterDate: new Date(START_MS + days * DAY_MS),
    extensions: [{ name: "subjectAltName", altNames: [{ type: 2, value: "relay.example.net" }] }],
  });
  return { cert, key };
}

describe("a certificate's life", () => {
  it.each([
    { days: 90, renewed: 60, warned: 69 },
    { days: 45, renewed: 30, warned: 33.75 },
    { days: 6, renewed: 4, warned: 4.5 },
    { days: 3650, renewed: 3650 * (2 / 3), warned: 3629 },
  ])("of $days days has it renewed on day $renewed and warned of on day $warned", async ({ days, renewed, warned }) => {
    const life = certificateLife(await pairOf(days));
    expect((life.renewAtMs - START_MS) / DAY_MS).toBeCloseTo(renewed, 3);
    expect((life.warnAtMs - START_MS) / DAY_MS).toBeCloseTo(warned, 3);
    expect(life.renewAtMs).toBeLessThan(life.warnAtMs);
    expect(life.isFor("relay.example.net")).toBe(true);
    expect(life.isFor("other.example.net")).toBe(false);
  });

  it("is nobody's whose key is another's", async () => {
    const [{ cert }, { key }] = [await pairOf(90), await pairOf(90)];
    expect(() => certificateLife({ cert, key })).toThrow(/does not belong/);
  });
});

describe("the secret of a certificate", () => {
  it("comes back as it was written, and shows the edge the certificate alone", async () => {
    const pair = parsePemPair(Object.values(await pairOf(90)).join("\n"));
    const account = { directoryUrl: "https://ca.example/dir", key: (await pairOf(1)).key };
    const secret = { pair, account, issuedBy: account.directoryUrl };
    const text = formatCertificateSecret(secret);
    expect(parseCertificateSecret(text)).toEqual(secret);
    expect(parsePemPair(text)).toEqual(pair);
    expect(parseCertificateSecret(formatCertificateSecret({ account }))).toEqual({ account });
  });

  it.each([undefined, "", "nonsense", "{", "[]", "null", '{"account":{"key":5},"issuedBy":null}'])(
    "that holds %j holds nothing",
    (text) => {
      expect(parseCertificateSecret(text)).toEqual({});
    },
  );
});
