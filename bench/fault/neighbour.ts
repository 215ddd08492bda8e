/**
 * A second customer of the relay. It writes to addresses that bounced for the first one, which must not keep its mail
 * from going out, and its own server is told what became of its mail.
 */

import { randomBytes } from "node:crypto";
import { type Directory, writeRow } from "../../lib/aws/directory-dynamo.ts";
import type { WebhookSettings } from "../../lib/core/directory.ts";
import { hashPassword, PASSWORD_SALT_BYTES } from "../../lib/core/password-hash.ts";
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
/** A bounce is known to the relay by then, unless something goes wrong just now. */
const BOUNCE_KNOWN_MS = 5_000;

/** Writes it into the directory. Bounces are part of the load and must not make the relay pause it. */
export async function addNeighbour(directory: Directory, webhook: WebhookSettings | undefined): Promise<void> {
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
}

/** Its mail. `first`: the load of the first customer, whose bounces it takes over. */
export function startNeighbourLoad(
  first: Pick<MailLoad, "acknowledged">,
  options: Pick<MailLoadOptions, "port" | "random" | "onReply">,
): MailLoad {
  const seen = new Map<string, number>();
  const used = new Set<string>();
  const bounced = (): readonly string[] | undefined => {
    const nowMs = performance.now();
    for (const { recipients } of first.acknowledged.values()) {
      for (const address of recipients) {
        if (!address.startsWith("bounce+") || used.has(address)) continue;
        const sinceMs = seen.get(address) ?? nowMs;
        seen.set(address, sinceMs);
        if (nowMs - sinceMs < BOUNCE_KNOWN_MS) continue;
        used.add(address);
        return [address];
      }
    }
    return undefined;
  };
  return startMailLoad({
    ...options,
    login: NEIGHBOUR.login,
    senders: 1,
    pauseMs: PAUSE_MS,
    bounceShare: BOUNCE_SHARE,
    from: NEIGHBOUR.sender,
    name: "neighbour-",
    recipients: bounced,
  });
}
