/**
 * Lambda entry of certificate: called by a schedule and after each deployment, renews the edge's certificate when it is
 * time.
 *
 * Outside the way of a message: mail comes and goes while it fails.
 */

import { publishChallenge, removeChallenge } from "../../lib/aws/challenge-record.ts";
import { makeRoute53 } from "../../lib/aws/route53-zones.ts";
import { makeSecretsManager } from "../../lib/aws/secret.ts";
import { readCertificateConfig } from "../../lib/config/function-config.ts";
import { type Log, logJson } from "../../lib/core/log.ts";
import { CHALLENGE_LABEL } from "../../lib/core/names.ts";
import { makeAccount, orderCertificate } from "./order-certificate.ts";
import { type Renewal, renewCertificate } from "./renew-certificate.ts";

/** A Lambda handler for a schedule; the event does not matter. */
export type CertificateHandler = (event: unknown) => Promise<Renewal>;

/** Builds the handler from an environment. Throws `ConfigurationError`. */
export function makeCertificateHandler(
  env: NodeJS.ProcessEnv,
  log: Log = logJson,
  now: () => number = Date.now,
): CertificateHandler {
  const { hostName, hostedZoneId, tlsSecretArn, acmeDirectoryUrl, acmeContact } = readCertificateConfig(env);
  const record = { client: makeRoute53(), zoneId: hostedZoneId, name: `${CHALLENGE_LABEL}.${hostName}` };
  const deps = {
    secret: { client: makeSecretsManager(), id: tlsSecretArn },
    hostName,
    directoryUrl: acmeDirectoryUrl,
    makeAccount,
    order: (account: Awaited<ReturnType<typeof makeAccount>>) =>
      orderCertificate({
        hostName,
        account,
        contact: acmeContact,
        publish: (value) => publishChallenge(record, value),
        remove: (value) => removeChallenge(record, value),
      }),
    now,
    log,
  };
  return async () => await renewCertificate(deps);
}

let cached: CertificateHandler | undefined;

/** What Lambda calls. */
export const handler: CertificateHandler = async (event) => {
  cached ??= makeCertificateHandler(process.env);
  return await cached(event);
};
