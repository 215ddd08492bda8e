import { describe, expect, it } from "vitest";
import { parseDirectoryRow } from "../../lib/core/directory-row.ts";
import { blockLists } from "../../lib/core/doctor/block-list-zones.ts";
import { decodeSpoolObject } from "../../lib/core/spool-object.ts";
import {
  dayVerdict,
  listId,
  nextWatchState,
  usualLists,
  type Watch,
  type WatchAnswers,
  type WatchState,
  watchedAddresses,
} from "../../lib/core/watch.ts";
import { watchNotice } from "../../lib/core/watch-notice.ts";

const CLEAR: WatchAnswers = { asked: 2, listed: [], unasked: [] };
const LISTED: WatchAnswers = { asked: 2, listed: [{ address: "192.0.2.1", lists: ["SpamCop"] }], unasked: [] };
const SILENT: WatchAnswers = { asked: 2, listed: [], unasked: [{ what: "SpamCop", addresses: 2, reason: "timeout" }] };
const WATCH: Watch = {
  kind: "watch",
  tenant: "acme",
  networks: ["192.0.2.0/31"],
  lists: ["spamcop"],
  clearDays: 3,
  version: 1,
};

/** The states after each day's answers, from 1 December on. */
function days(answers: readonly WatchAnswers[], canTell = true): WatchState[] {
  const states: WatchState[] = [];
  for (const [index, one] of answers.entries()) {
    const state = states.at(-1);
    const watch = state === undefined ? WATCH : { ...WATCH, state };
    states.push(nextWatchState(watch, Date.UTC(2026, 11, 1 + index, 3), one, canTell));
  }
  return states;
}

const runs = (answers: readonly WatchAnswers[]): number[] => days(answers).map(({ run }) => run);

describe("a run of clear days", () => {
  it("grows by clear days, ends with a listing, and waits over days that could not be asked", () => {
    expect(runs([LISTED, CLEAR, SILENT, CLEAR, LISTED, CLEAR])).toEqual([0, 1, 1, 2, 0, 1]);
  });

  it("owes one mail when it is long enough, and none after that, until a listing has ended it", () => {
    const states = days([CLEAR, CLEAR, CLEAR, CLEAR, LISTED, CLEAR, CLEAR, CLEAR]);
    expect(states.map(({ notice }) => notice?.run)).toEqual([
      undefined,
      undefined,
      3,
      3,
      undefined,
      undefined,
      undefined,
      3,
    ]);
    expect(states[3]?.notice).toEqual(states[2]?.notice);
    expect(states[7]?.notice?.atMs).not.toBe(states[2]?.notice?.atMs);
  });

  it("owes nothing on a day that could not be asked, or while there is nobody to tell", () => {
    expect(days([CLEAR, CLEAR, SILENT])[2]?.notice).toBeUndefined();
    const states = days([CLEAR, CLEAR, CLEAR, CLEAR], false);
    const last = states.at(-1);
    if (last === undefined) throw new Error("no state");
    expect(last.notice).toBeUndefined();
    expect(nextWatchState({ ...WATCH, state: last }, Date.UTC(2026, 11, 5), CLEAR, true).notice?.run).toBe(5);
  });

  it("is not changed by a second check on one day", () => {
    const [first] = days([CLEAR]);
    if (first === undefined) throw new Error("no state");
    expect(nextWatchState({ ...WATCH, state: first }, Date.UTC(2026, 11, 1, 23), LISTED, true)).toBe(first);
  });

  it("counts a day without any address, or with a list that was silent, as unknown and never as clear", () => {
    expect(dayVerdict({ ...CLEAR, asked: 0 })).toBe("unknown");
    expect(dayVerdict(SILENT)).toBe("unknown");
    expect(dayVerdict({ ...LISTED, unasked: SILENT.unasked })).toBe("listed");
  });
});

describe("the addresses asked for", () => {
  it("are all of a small network, in both notations", () => {
    expect(watchedAddresses(["192.0.2.254/31", "192.0.2.7/32"], []).addresses).toEqual([
      "192.0.2.254",
      "192.0.2.255",
      "192.0.2.7",
    ]);
    expect(watchedAddresses(["2001:db8::/126"], []).addresses).toEqual([
      "2001:db8::",
      "2001:db8::1",
      "2001:db8::2",
      "2001:db8::3",
    ]);
    expect(watchedAddresses(["2001:db8:0:0:0:0:0:ff/128"], []).addresses).toEqual(["2001:db8::ff"]);
    expect(watchedAddresses(["192.0.2.0/24"], []).addresses).toHaveLength(256);
  });

  it("are of a wide network those that the tenant's mail came from, and those that are named", () => {
    const known = ["153.122.0.9", "153.122.127.1", "153.122.128.1", "127.0.0.1"];
    expect(watchedAddresses(["153.122.0.0/17"], known)).toEqual({
      addresses: ["153.122.0.9", "153.122.127.1"],
      empty: [],
      left: 0,
    });
    expect(watchedAddresses(["153.122.0.0/17", "153.122.3.4/32"], [])).toMatchObject({
      addresses: ["153.122.3.4"],
      empty: [],
    });
    expect(watchedAddresses(["2001:db8::/32"], ["2001:db8::25"]).addresses).toEqual(["2001:db8::25"]);
  });

  it("are none of a wide network of which none is known, and that is said", () => {
    expect(watchedAddresses(["153.122.0.0/17"], ["192.0.2.1"])).toEqual({
      addresses: [],
      empty: ["153.122.0.0/17"],
      left: 0,
    });
  });

  it("are never more than a day's bound", () => {
    const known = Array.from({ length: 600 }, (_, index) => `10.1.${index >> 8}.${index & 255}`);
    const { addresses, left } = watchedAddresses(["10.0.0.0/8"], known);
    expect([addresses.length, left]).toEqual([512, 88]);
  });
});

describe("a watch", () => {
  it("counts the lists whose listing has mail refused, by names of their own", () => {
    expect(usualLists()).toEqual(["spamhaus-zen", "spamcop", "barracuda", "psbl", "mailspike"]);
    const ids = blockLists().map(listId);
    expect(new Set(ids).size).toBe(ids.length);
  });

  it("is read back as it was written, and a state that cannot be read counts as never checked", () => {
    const state = days([SILENT, CLEAR, CLEAR, CLEAR]).at(-1);
    if (state === undefined) throw new Error("no state");
    expect(parseDirectoryRow({ ...WATCH, state })).toEqual({ ...WATCH, state });
    expect(parseDirectoryRow({ ...WATCH, state: { run: 7 } })).toEqual(WATCH);
    expect(parseDirectoryRow({ kind: "watch", tenant: "acme" })).toMatchObject({ networks: [], clearDays: 7 });
  });
});

describe("the mail", () => {
  const mail = {
    tenant: "acme",
    name: "Acme Web",
    notice: { atMs: Date.UTC(2026, 11, 7, 3), run: 7, written: false },
    networks: ["192.0.2.25/32", "153.122.0.0/17"],
    lists: ["Spamhaus ZEN", "SpamCop"],
    asked: 3,
    to: "post@acme.example",
    from: "mailer-daemon@relay.example",
    hostName: "relay.example",
    credential: "relayhost",
  } as const;

  it.each(["en", "ja"] as const)("is the same octets each time, and says what was asked: %s", (language) => {
    const { id, bytes } = watchNotice({ ...mail, language });
    expect(watchNotice({ ...mail, language })).toEqual({ id, bytes });
    expect(watchNotice({ ...mail, language, notice: { ...mail.notice, atMs: 1 } }).id).not.toBe(id);
    const { envelope, message } = decodeSpoolObject(bytes);
    expect(envelope).toMatchObject({ returnPath: null, recipients: [{ address: mail.to, notify: ["NEVER"] }] });
    const text = message.toString("utf8");
    for (const part of ["  192.0.2.25\r\n", "  153.122.0.0/17\r\n", "  SpamCop\r\n", "2026-12-07"])
      expect(text).toContain(part);
    expect(Math.max(...text.split("\r\n").map((line) => line.length))).toBeLessThan(100);
    expect(text.split("\r\n\r\n")[0]).toMatch(/^[\x20-\x7e\r\n]*$/);
  });
});
