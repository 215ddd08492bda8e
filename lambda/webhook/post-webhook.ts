/**
 * One POST to an address that a tenant chose.
 *
 * Promise:  the connection goes to a public address only, the one that was looked at: names are resolved once, every
 *           answer is judged, and the socket is opened to what was judged, so that a name cannot change its mind in
 *           between (DNS rebinding). HTTPS with a valid certificate; no redirects, no credentials in the address. Ends within
 *           the time-out, whatever the other side does.
 * Failure:  never throws; what went wrong is a word for the log.
 */

import { type LookupAddress, type LookupOptions, lookup } from "node:dns";
import { type ClientRequest, request as httpRequest, type IncomingMessage } from "node:http";
import { request as httpsRequest } from "node:https";
import { isIP, type LookupFunction } from "node:net";
import { errorText } from "../../lib/core/log.ts";
import { isLoopbackAddress, isPublicAddress } from "./public-address.ts";

/** What is sent where. */
export interface WebhookPost {
  readonly url: string;
  readonly headers: Readonly<Record<string, string>>;
  readonly body: string;
}

/** `loopback`: HTTP to this machine is allowed, for a developer's own. */
export interface WebhookGuard {
  readonly loopback: boolean;
  readonly timeoutMs: number;
}

/** The other side's answer, or why there is none. */
export type PostResult =
  | { readonly kind: "answered"; readonly status: number; readonly retryAfterSeconds?: number }
  | { readonly kind: "failed"; readonly why: string }
  /** The address itself must not be used; trying again helps only if it is changed. */
  | { readonly kind: "forbidden"; readonly why: string };

/** Ports below 1024 belong to other services, which must not be poked at. */
const PORT_MIN = 1024;

/** See the head of this file. */
export async function postWebhook(post: WebhookPost, guard: WebhookGuard): Promise<PostResult> {
  const target = judgeUrl(post.url, guard);
  if (typeof target === "string") return { kind: "forbidden", why: target };
  try {
    return await send(target, post, guard);
  } catch (error) {
    if (error instanceof ForbiddenAddress) return { kind: "forbidden", why: error.message };
    return { kind: "failed", why: reasonOf(error, guard) };
  }
}

class ForbiddenAddress extends Error {}

/** The address, or what is wrong with it. */
function judgeUrl(text: string, guard: WebhookGuard): URL | string {
  if (!URL.canParse(text)) return "it is no address";
  const url = new URL(text);
  const host = url.hostname.replace(/^\[|\]$/g, "");
  const local = guard.loopback && (host === "localhost" || isLoopbackAddress(host));
  if (url.protocol !== "https:" && !(url.protocol === "http:" && local)) return "it is not HTTPS";
  if (url.username !== "" || url.password !== "") return "it holds a login";
  if (!local && url.port !== "" && url.port !== "443" && Number(url.port) < PORT_MIN)
    return `port ${url.port} is not for HTTPS`;
  if (isIP(host) !== 0 && !isAllowed(host, guard)) return `${host} is not a public address`;
  return url;
}

function isAllowed(address: string, guard: WebhookGuard): boolean {
  return isPublicAddress(address) || (guard.loopback && isLoopbackAddress(address));
}

async function send(url: URL, { headers, body }: WebhookPost, guard: WebhookGuard): Promise<PostResult> {
  const start = url.protocol === "https:" ? httpsRequest : httpRequest;
  return await new Promise((resolve, reject) => {
    const options = {
      method: "POST",
      headers: { ...headers, "content-length": Buffer.byteLength(body) },
      agent: false,
      lookup: guardedLookup(guard),
      signal: AbortSignal.timeout(guard.timeoutMs),
    } as const;
    const outgoing: ClientRequest = start(url, options, (response: IncomingMessage) => {
      const { statusCode = 0 } = response;
      const after = Number(response.headers["retry-after"]);
      const wait = Number.isFinite(after) && after > 0 ? { retryAfterSeconds: after } : {};
      resolve({ kind: "answered", status: statusCode, ...wait });
      // What it says besides does not matter, and must not take time or memory.
      response.destroy();
    });
    outgoing.on("error", reject);
    outgoing.end(body);
  });
}

/** Resolves a name and refuses it if one of its addresses is not allowed. */
function guardedLookup(guard: WebhookGuard): LookupFunction {
  return (hostname, options: LookupOptions, callback) => {
    lookup(hostname, { ...options, all: true }, (error, addresses: LookupAddress[]) => {
      if (error !== null) return callback(error, []);
      const wrong = addresses.find(({ address }) => !isAllowed(address, guard));
      if (wrong !== undefined)
        return callback(new ForbiddenAddress(`${hostname} leads to ${wrong.address}, which is not public`), []);
      const [first] = addresses;
      if (options.all === true || first === undefined) return callback(null, addresses);
      return callback(null, first.address, first.family);
    });
  };
}

function reasonOf(error: unknown, guard: WebhookGuard): string {
  if (error instanceof Error && (error.name === "TimeoutError" || error.name === "AbortError")) {
    return `no answer within ${guard.timeoutMs / 1000} s`;
  }
  return errorText(error);
}
