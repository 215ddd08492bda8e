/**
 * What keeps strangers out of the console: web pages elsewhere in the operator's browser, names that point at loopback
 * (DNS rebinding), and, where a key is set, other people on the machine.
 *
 * Promise:  a request whose Host is not one of the console's own gets 421 and nothing else. A change needs the console's
 *           own Origin and a token that only its pages hold. Nothing is stored by browsers, framed, or loaded from elsewhere.
 */

import { createHmac, randomBytes, timingSafeEqual } from "node:crypto";
import type { MiddlewareHandler } from "hono";
import { getCookie, setCookie } from "hono/cookie";

/** How the console may be reached. */
export interface SafetyOptions {
  /** `host:port` as browsers send it, lower case; a name without port stands for every port. */
  readonly hosts: ReadonlySet<string>;
  /** Asked for once, then remembered by the browser; undefined: whoever reaches the port is the operator. */
  readonly key: string | undefined;
  readonly port: number;
}

/** Set on every answer. Pages that show mail replace the policy by a stricter one. */
const HEADERS: Readonly<Record<string, string>> = {
  "content-security-policy":
    "default-src 'none'; style-src 'self'; script-src 'self'; img-src 'self' data:; connect-src 'self'; " +
    "form-action 'self'; frame-src 'self'; frame-ancestors 'none'; base-uri 'none'",
  "x-content-type-options": "nosniff",
  "x-frame-options": "DENY",
  "referrer-policy": "same-origin",
  "cross-origin-opener-policy": "same-origin",
  "cross-origin-resource-policy": "same-origin",
  "permissions-policy": "camera=(), geolocation=(), microphone=(), payment=(), usb=()",
  "x-dns-prefetch-control": "off",
  "cache-control": "no-store",
};

/** Headers first, so that refusals have them too. */
export const secureHeaders: MiddlewareHandler = async (c, next) => {
  await next();
  for (const [name, value] of Object.entries(HEADERS)) {
    if (!c.res.headers.has(name)) c.res.headers.set(name, value);
  }
};

/** Host, origin and key. */
export function guard(options: SafetyOptions): MiddlewareHandler {
  const cookie = `relayhost-console-${options.port}`;
  return async (c, next) => {
    const host = c.req.header("host")?.toLowerCase() ?? "";
    if (!options.hosts.has(host) && !options.hosts.has(host.replace(/:\d+$/, ""))) {
      return c.text("This is not the address of the console. Open the one that it printed at its start.\n", 421);
    }
    const method = c.req.method;
    if (method !== "GET" && method !== "HEAD" && method !== "POST") return c.text("Not allowed.\n", 405);
    // Nobody else's page may ask for a change, nor read an answer as a script, style or picture of its own.
    const site = c.req.header("sec-fetch-site");
    if (method === "POST" && c.req.header("origin") !== `http://${host}`) {
      return c.text("Changes are made from the console's own pages only.\n", 403);
    }
    if (site === "cross-site" && c.req.header("sec-fetch-mode") !== "navigate")
      return c.text("Not for other sites.\n", 403);
    if (options.key !== undefined) {
      const given = c.req.query("key");
      if (given !== undefined && method === "GET" && isSame(given, options.key)) {
        setCookie(c, cookie, options.key, { httpOnly: true, sameSite: "Lax", path: "/" });
        const url = new URL(c.req.url);
        url.searchParams.delete("key");
        return c.redirect(`${ownPath(url.pathname)}${url.search}`, 303);
      }
      if (!isSame(getCookie(c, cookie) ?? "", options.key)) {
        return c.text("Open the address that the console printed at its start: it holds the key.\n", 401);
      }
    }
    return await next();
  };
}

/** Tokens of forms: bound to a cookie of the browser and to this process. */
export class FormTokens {
  readonly #secret = randomBytes(32);
  readonly #cookie: string;

  constructor(port: number) {
    this.#cookie = `relayhost-form-${port}`;
  }

  /** The token of this browser; gives it its cookie where it has none. */
  readonly issue: MiddlewareHandler<{ Variables: { token: string } }> = async (c, next) => {
    const kept = getCookie(c, this.#cookie) ?? "";
    const session = /^[\w-]{43}$/.test(kept) ? kept : randomBytes(32).toString("base64url");
    if (session !== kept) {
      setCookie(c, this.#cookie, session, { httpOnly: true, sameSite: "Strict", path: "/" });
    }
    c.set("token", createHmac("sha256", this.#secret).update(session).digest("base64url"));
    await next();
  };
}

/** A path that a browser cannot take for the name of another host. */
export function ownPath(path: string): string {
  return path.replace(/^[/\\]+/, "/");
}

/** Compares without telling by its time how much was right. */
export function isSame(a: string, b: string): boolean {
  const digest = (text: string): Buffer => createHmac("sha256", "compare").update(text).digest();
  return timingSafeEqual(digest(a), digest(b));
}
