/** A run of the fuzzer in a few lines. */

import type { FuzzReport } from "./fuzz-edge.ts";

const MiB = 1024 * 1024;

/** The report as lines for a terminal. */
export function formatFuzzReport(report: FuzzReport): string {
  const states = Object.entries(report.sessionsByState).map(([state, count]) => `${state} ${count}`);
  const codes = [...report.replies].sort(([a], [b]) => a - b).map(([code, count]) => `${code}: ${count}`);
  const latencies = [...report.goodLatenciesMs].sort((a, b) => a - b);
  const at = (share: number): string => String(Math.round(latencies[Math.floor(share * (latencies.length - 1))] ?? 0));
  const { before, after } = report;
  const heap = ({ heapBytes, externalBytes }: FuzzReport["before"]): string =>
    ((heapBytes + externalBytes) / MiB).toFixed(1);
  return [
    `fuzz: ${report.sessions} sessions, seed ${report.seed}, ${report.faults.length} faults`,
    `  states:       ${states.join(", ")}`,
    `  replies:      ${codes.join(", ")}`,
    `  taken:        ${report.accepted} messages, each found as it was sent; ${report.answersLost} more of clients gone before their answer`,
    `  good client:  ${report.goodMails} mails, median ${at(0.5)} ms, 99 % in ${at(0.99)} ms, slowest ${at(1)} ms`,
    `  blocked:      ${report.blocked} connections of addresses that had failed to authenticate`,
    `  edge:         heap and buffers ${heap(before)} MiB before, ${heap(after)} MiB after; resident ${Math.round(after.residentBytes / MiB)} MiB`,
  ].join("\n");
}
