/**
 * Lets the past of versioned buckets end, so that the data folder does not grow for ever.
 *
 * Promise:  at the start and every hour, versions go that were replaced or deleted longer ago than the bucket's life
 *           cycle says, and delete markers with nothing left under them if it says so. Requests are served meanwhile.
 * Of a life cycle only NoncurrentDays and ExpiredObjectDeleteMarker count, and only in enabled rules that select by
 * prefix or not at all: a rule with conditions that are not understood here removes nothing. A bucket without a rule
 * for noncurrent versions keeps them for as long as the spool does, and no lone markers; S3 would keep them for ever.
 * Failure:  told to `onFault`; the next hour tries again.
 * See https://docs.aws.amazon.com/AmazonS3/latest/userguide/intro-lifecycle-rules.html.
 */

import { setImmediate as nextTurn } from "node:timers/promises";
import { LIMITS } from "../core/limits.ts";
import type { ObjectStore } from "./object-store.ts";
import type { Expiry } from "./object-versions.ts";
import { elementsOf, textOf } from "./s3-xml.ts";

/** What the expiry works on. */
export interface VersionExpiryOptions {
  readonly objects: Pick<ObjectStore, "expire">;
  /** Each bucket with the XML of its life cycle, if it has one. */
  readonly lifecycles: () => readonly (readonly [bucket: string, xml: string | undefined])[];
  /** Epoch milliseconds. */
  readonly now: () => number;
  readonly onFault: (sentence: string) => void;
  /** Milliseconds from the end of one round to the next; default an hour. */
  readonly everyMs?: number;
}

interface Rule {
  readonly prefix: string;
  readonly noncurrentMs: number;
  readonly loneMarkers: boolean;
}

const HOUR_MS = 3_600_000;
const DAY_MS = 24 * HOUR_MS;
const DEFAULT_RULE: Rule = { prefix: "", noncurrentMs: LIMITS.spool.retentionDays * DAY_MS, loneMarkers: true };
const CONDITIONS = ["Tag", "ObjectSizeGreaterThan", "ObjectSizeLessThan", "NewerNoncurrentVersions"] as const;

/** Starts the first round. `stop` resolves when no round is under way; none comes after. */
export function startVersionExpiry(options: VersionExpiryOptions): { stop(): Promise<void> } {
  const { objects, lifecycles, now, onFault, everyMs = HOUR_MS } = options;
  const stopping = new AbortController();
  let timer: NodeJS.Timeout | undefined;

  const round = async (): Promise<void> => {
    const nowMs = now();
    const rules = new Map(lifecycles().map(([bucket, xml]) => [bucket, rulesOf(xml)]));
    const shortestMs = Math.min(...[...rules.values()].flat().map(({ noncurrentMs }) => noncurrentMs));
    const expiryOf = (bucket: string, key: string): Expiry | undefined => expiry(rules.get(bucket) ?? [], key, nowMs);
    for (let from: number | undefined = 0; from !== undefined && !stopping.signal.aborted; ) {
      from = await objects.expire(expiryOf, nowMs - shortestMs, from);
      await nextTurn();
    }
  };
  const run = async (): Promise<void> => {
    try {
      await round();
    } catch (error) {
      onFault(`old versions of objects stay for now: ${String(error)}`);
    }
    if (stopping.signal.aborted) return;
    timer = setTimeout(() => void (running = run()), everyMs);
    timer.unref();
  };
  let running = run();
  return {
    async stop() {
      stopping.abort();
      clearTimeout(timer);
      await running;
    },
  };
}

function expiry(rules: readonly Rule[], key: string, nowMs: number): Expiry | undefined {
  const fitting = rules.filter(({ prefix }) => key.startsWith(prefix));
  if (fitting.length === 0) return undefined;
  return {
    noncurrentUntilMs: nowMs - Math.min(...fitting.map(({ noncurrentMs }) => noncurrentMs)),
    loneMarkers: fitting.some(({ loneMarkers }) => loneMarkers),
  };
}

function rulesOf(xml: string | undefined): Rule[] {
  const enabled = elementsOf(xml ?? "", "Rule").filter((rule) => textOf(rule, "Status") === "Enabled");
  const rules = enabled
    .filter((rule) => CONDITIONS.every((name) => elementsOf(rule, name).length === 0))
    .map((rule): Rule => {
      const days = textOf(elementsOf(rule, "NoncurrentVersionExpiration")[0] ?? "", "NoncurrentDays") ?? "";
      return {
        prefix: textOf(rule, "Prefix") ?? "",
        noncurrentMs: /^[1-9]\d*$/.test(days) ? Number(days) * DAY_MS : Number.POSITIVE_INFINITY,
        loneMarkers: textOf(rule, "ExpiredObjectDeleteMarker") === "true",
      };
    });
  const decided = enabled.some((rule) => elementsOf(rule, "NoncurrentVersionExpiration").length > 0);
  return decided ? rules : [...rules, DEFAULT_RULE];
}
