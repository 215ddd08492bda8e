/**
 * Signature Version 4 of a request, in its header, as
 * https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_sigv-create-signed-request.html says.
 *
 * The signing key is derived once for a day and a secret. (The SDK's signer hashes the secret anew to find the key that
 * it keeps, which alone costs more than everything here.)
 */

import { createHmac, createSecretKey, hash, type KeyObject } from "node:crypto";
import type { AwsCredentialIdentity } from "@smithy/types";

/** What is signed. The path and the query are as they go over the wire, the query's names in order. */
export interface RequestToSign {
  readonly method: string;
  readonly path: string;
  readonly query: string;
  /** Names in lower case, values without white space that could be folded. */
  readonly headers: Readonly<Record<string, string>>;
  /** Hash of the body in hexadecimal, or what S3 takes instead. */
  readonly payload: string;
}

/** For whom is signed. */
export interface SigningScope {
  readonly region: string;
  readonly service: string;
}

/** Not signed, as by the SDK: a proxy may change it. */
const UNSIGNED = "user-agent";

/** Signs for one service in one region. */
export class Sigv4Signer {
  readonly #scope: SigningScope;
  readonly #credentials: () => Promise<AwsCredentialIdentity>;
  #key: { readonly day: string; readonly secret: string; readonly value: KeyObject } | undefined;

  /** `credentials` is asked for each request, and renews what it gives. */
  constructor(scope: SigningScope, credentials: () => Promise<AwsCredentialIdentity>) {
    this.#scope = scope;
    this.#credentials = credentials;
  }

  /** The headers with those that the signature adds. Rejects when there are no credentials. */
  async sign({ method, path, query, headers, payload }: RequestToSign, date: Date): Promise<Record<string, string>> {
    const { accessKeyId, secretAccessKey, sessionToken } = await this.#credentials();
    const time = date.toISOString().replaceAll(/[-:]|\.\d{3}/g, "");
    const day = time.slice(0, 8);
    const signed: Record<string, string> = {
      ...headers,
      "x-amz-content-sha256": payload,
      "x-amz-date": time,
      ...(sessionToken === undefined ? {} : { "x-amz-security-token": sessionToken }),
    };
    const names = Object.keys(signed)
      .filter((name) => name !== UNSIGNED)
      .sort();
    const nameList = names.join(";");
    const lines = names.map((name) => `${name}:${signed[name]}\n`).join("");
    const canonical = `${method}\n${path}\n${query}\n${lines}\n${nameList}\n${payload}`;
    const scope = `${day}/${this.#scope.region}/${this.#scope.service}/aws4_request`;
    const text = `AWS4-HMAC-SHA256\n${time}\n${scope}\n${hash("sha256", canonical, "hex")}`;
    const signature = createHmac("sha256", this.#keyOf(day, secretAccessKey)).update(text).digest("hex");
    signed["authorization"] =
      `AWS4-HMAC-SHA256 Credential=${accessKeyId}/${scope}, SignedHeaders=${nameList}, Signature=${signature}`;
    return signed;
  }

  #keyOf(day: string, secret: string): KeyObject {
    if (this.#key?.day !== day || this.#key.secret !== secret) {
      const { region, service } = this.#scope;
      const step = (key: string | Buffer, data: string): Buffer => createHmac("sha256", key).update(data).digest();
      const value = [region, service, "aws4_request"].reduce(step, step(`AWS4${secret}`, day));
      this.#key = { day, secret, value: createSecretKey(value) };
    }
    return this.#key.value;
  }
}
