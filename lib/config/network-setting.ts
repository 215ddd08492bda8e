/** The networks that may send without a login, as an operator types them. */

import { canonicalCidr } from "../core/cidr.ts";
import type { Parser } from "./declare.ts";

/** Wider than these holds more servers than one customer has; whoever is in it sends without a password. */
const WIDEST = { v4: 16, v6: 32 } as const;

/** Networks that no server of a customer has: this host's own range, multicast, reserved. */
const NEVER = /^(0|22[4-9]|23\d|24\d|25[0-5])\.|^(::\/|::1\/|ff[0-9a-f]{2}:|fe[89ab][0-9a-f]:)/;

/** Canonical CIDR. `wide` takes what is wider than a customer's network usually is, within the directory's bounds. */
export function networkCidr(wide: boolean): Parser<string> {
  return (text) => {
    const cidr = canonicalCidr(text.trim());
    const allowed = "an address or network such as 192.0.2.5 or 2001:db8:1::/48";
    if (cidr === undefined) return { allowed: `${allowed}, not wider than /8 (IPv6: /29)` };
    if (NEVER.test(cidr)) return { allowed: `${allowed}; this one no server sends from` };
    const length = Number(cidr.split("/")[1]);
    const widest = cidr.includes(":") ? WIDEST.v6 : WIDEST.v4;
    if (length < widest && !wide) {
      return { allowed: `${allowed}; everyone in it sends without a password, so wider than /${widest} needs --wide` };
    }
    return { value: cidr };
  };
}
