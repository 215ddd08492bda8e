/**
 * A second customer of the relay. It writes to an address that is on the first one's suppression list, which must not keep
 * its mail from going out, and its own server is told what became of its mail.
 */

import { randomBytes } from "node:crypto";
import { type Directory, writeRow } from "../../lib/aws/directory-dynamo.ts";
import type { Ledger } from "../../lib/aws/ledger-dynamo.ts";
import { addSuppression } from "../../lib/aws/suppression-dynamo.ts";
import type { WebhookSettings } from "../../lib/core/directory.ts";
import { hashPassword, PASSWORD_SALT_BYTES } from "../../lib/core/password-hash.ts";
import { DEMO_TENANT } from "../../lib/local/demo-tenant.ts";
import { type MailLoad, type MailLoadOptions, startMailLoad } from "../../test/fault/mail-load.ts";

/** Its tenant, domain, login and envelope sender. */
export const NEIGHBOUR = {
  tenant: "neighbour",
  domain: "neighbour.example",
  login: { user: "neighbour", password: "neighbour-1" },
  sender: "load@neighbour.example",
} as const;

const PAUSE_MS = [800, 2_000] as const;
const BOUNCE_SHARE = 0.02;
/** Of its mail, what goes to that address. */
const SUPPRESSED_SHARE = 0.3;
const SUPPRESSED = "unwanted-by-the-first@recipient.test";

/** Writes it into the directory, and that address on the first customer's list. Bounces are part of the load and must not make the relay pause it. */
export async function addNeighbour(
  directory: Directory,
  ledger: Ledger,
  webhook: WebhookSettings | undefined,
): Promise<void> {
  const { tenant, domain, login } = NEIGHBOUR;
  await writeRow(directory, {
    kind: "tenant",
    id: tenant,
    name: "Neighbour",
    status: "active",
    language: "en",
    breaker: { pauses: false },
    ...(webhook === undefined ? {} : { webhook }),
  });
  const passwordHash = await hashPassword(login.password, randomBytes(PASSWORD_SALT_BYTES));
  await writeRow(directory, {
    kind: "credential",
    login: login.user,
    tenant,
    label: login.user,
    status: "active",
    passwordHash,
  });
  await writeRow(directory, { kind: "domain", domain, tenant, status: "verified" });
  const entry = { tenant: DEMO_TENANT, address: SUPPRESSED, reason: "bounce" } as const;
  await addSuppression(ledger, { ...entry, since: new Date().toISOString() });
}

/** Its mail. */
export function startNeighbourLoad(options: Pick<MailLoadOptions, "port" | "random" | "onReply">): MailLoad {
  const choice = options.random.fork(0);
  return startMailLoad({
    ...options,
    login: NEIGHBOUR.login,
    senders: 1,
    pauseMs: PAUSE_MS,
    bounceShare: BOUNCE_SHARE,
    from: NEIGHBOUR.sender,
    name: "neighbour-",
    recipients: () => (choice.chance(SUPPRESSED_SHARE) ? [SUPPRESSED] : undefined),
  });
}
