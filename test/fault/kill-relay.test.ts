/** FAULT_KILLS (default 20), FAULT_SEED (default: from the clock, printed) and FAULT_SETTLE_SECONDS choose the run. */

import { describe, expect, it } from "vitest";

import { formatKillReport, killRelayUnderLoad } from "./kill-relay.ts";

const kills = Number(process.env["FAULT_KILLS"] ?? 20);
const seed = Number(process.env["FAULT_SEED"] ?? Date.now() % 1_000_000);
const settleDeadlineMs = 1000 * Number(process.env["FAULT_SETTLE_SECONDS"] ?? 900);
const PER_KILL_MS = 30_000;

describe("local mode", () => {
  it(
    `loses no acknowledged message in ${kills} kills under load`,
    async () => {
      console.log(`FAULT_SEED=${seed} repeats the choices of this run`);
      const report = await killRelayUnderLoad({ kills, seed, senders: 6, settleDeadlineMs, progress: console.log });
      console.log(formatKillReport(report, seed));

      expect(report.unsettled).toBeUndefined();
      expect(report.missing).toEqual([]);
      expect(report.altered).toEqual([]);
      expect(report.refusals).toEqual([]);
      // A run without load, or without kills that interrupt it, would prove nothing.
      expect(report.acknowledged).toBeGreaterThan(5 * kills);
      expect(report.resentBySender).toBeGreaterThan(0);
    },
    kills * PER_KILL_MS + settleDeadlineMs + 180_000,
  );
});
