/** A watch as it is read from the directory: every field looked at, nothing believed. */

import { LIMITS } from "./limits.ts";
import type { Listing, Unasked, Watch, WatchNoticeState, WatchState } from "./watch.ts";

type Item = Readonly<Record<string, unknown>>;

/** The watch that an item stands for. What cannot be read of its state counts as never checked. */
export function parseWatch(item: Item): Watch {
  const clearDays = wholeOf(item["clearDays"]);
  const state = parseState(item["state"]);
  return {
    kind: "watch",
    tenant: textOf(item["tenant"]),
    networks: textsOf(item["networks"]),
    lists: textsOf(item["lists"]),
    clearDays: clearDays > 0 ? clearDays : LIMITS.watch.clearDays,
    version: wholeOf(item["version"]),
    ...(state === undefined ? {} : { state }),
  };
}

function parseState(value: unknown): WatchState | undefined {
  if (!isItem(value)) return undefined;
  const day = textOf(value["day"]);
  if (day === "") return undefined;
  const notice = parseNotice(value["notice"]);
  return {
    day,
    asked: wholeOf(value["asked"]),
    listed: itemsOf(value["listed"]).map(
      (one): Listing => ({ address: textOf(one["address"]), lists: textsOf(one["lists"]) }),
    ),
    unasked: itemsOf(value["unasked"]).map(
      (one): Unasked => ({
        what: textOf(one["what"]),
        addresses: wholeOf(one["addresses"]),
        reason: textOf(one["reason"]),
      }),
    ),
    run: wholeOf(value["run"]),
    ...(notice === undefined ? {} : { notice }),
  };
}

function parseNotice(value: unknown): WatchNoticeState | undefined {
  if (!isItem(value)) return undefined;
  return { atMs: wholeOf(value["atMs"]), run: wholeOf(value["run"]), written: value["written"] === true };
}

function isItem(value: unknown): value is Item {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

function itemsOf(value: unknown): Item[] {
  return Array.isArray(value) ? value.filter(isItem) : [];
}

function textsOf(value: unknown): string[] {
  return Array.isArray(value) ? value.filter((one) => typeof one === "string") : [];
}

function textOf(value: unknown): string {
  return typeof value === "string" ? value : "";
}

function wholeOf(value: unknown): number {
  return typeof value === "number" && Number.isSafeInteger(value) && value >= 0 ? value : 0;
}
