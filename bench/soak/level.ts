/** Whether what was measured window after window stays level. Pure. */

/** One process at the end of a window. */
export interface ProcessSample {
  /** What its JavaScript heap holds after a garbage collection, octets. */
  readonly heapBytes: number;
  /** Its share of memory (PSS), octets. */
  readonly pssBytes: number;
  /** Open files, sockets and pipes. */
  readonly openFiles: number;
}

/** One window of a soak run. */
export interface Window {
  /** From the start of the run to its end, seconds. */
  readonly endSeconds: number;
  /** Messages accepted in it. */
  readonly messages: number;
  readonly p50Ms: number;
  readonly p99Ms: number;
  /** Accepted and not with SES at its end. */
  readonly waiting: number;
  readonly processes: Readonly<Record<string, ProcessSample>>;
}

/** A line through the windows after the warm-up, and what was allowed. */
export interface Trend {
  readonly what: string;
  readonly first: number;
  readonly last: number;
  /** For each message (memory), or for each minute (all else). */
  readonly slope: number;
  readonly unit: string;
  readonly isLevel: boolean;
}

/** The part of a run in which caches fill and code is compiled. */
const WARM_UP_SHARE = 1 / 3;
/** A message that is not let go of holds at least its body, of 100 to 4,000 octets, several times over. */
const HEAP_BYTES_PER_MESSAGE_MAX = 2_000;
/** Less is not told from noise. */
const HEAP_GROWTH_MIN_BYTES = 4 * 1024 * 1024;
const OPEN_FILES_GROWTH_MAX = 12;
/** Latency may double, and by a second: other programs share the machine. */
const LATENCY_FACTOR_MAX = 2;
const LATENCY_GROWTH_MS = 1_000;
/** Of what it took in the first half, a relay takes at least this share in the second. */
const ACCEPTED_SHARE_MIN = 1 / 3;

/** Trends of every judged process and of the latency. Needs six windows at least. */
export function trends(windows: readonly Window[], judged: readonly string[]): Trend[] {
  const settled = windows.slice(Math.floor(windows.length * WARM_UP_SHARE));
  if (settled.length < 4) throw new RangeError(`${windows.length} windows are too few to see a trend in`);
  const messages = cumulative(windows).slice(-settled.length);
  const minutes = settled.map(({ endSeconds }) => endSeconds / 60);
  return [...judged.flatMap((name) => trendsOf(name, settled, messages, minutes)), ...latencyTrends(settled, minutes)];
}

function trendsOf(
  name: string,
  settled: readonly Window[],
  messages: readonly number[],
  minutes: readonly number[],
): Trend[] {
  const of = (pick: (sample: ProcessSample) => number): number[] =>
    settled.map(({ processes }) => {
      const sample = processes[name];
      if (sample === undefined) throw new RangeError(`there is no ${name} in a window`);
      return pick(sample);
    });
  const heap = of(({ heapBytes }) => heapBytes);
  const pss = of(({ pssBytes }) => pssBytes);
  const files = of(({ openFiles }) => openFiles);
  const heapSlope = slope(messages, heap);
  const grown = halves(heap);
  const growth = heapSlope * ((messages.at(-1) ?? 0) - (messages[0] ?? 0));
  return [
    {
      ...ends(`${name}: heap after garbage collection`, heap),
      slope: heapSlope,
      unit: "octets for each message",
      isLevel:
        heapSlope <= HEAP_BYTES_PER_MESSAGE_MAX ||
        Math.min(growth, grown.second - grown.first) <= HEAP_GROWTH_MIN_BYTES,
    },
    // Node gives memory back late or never, so this is shown and not judged.
    { ...ends(`${name}: PSS`, pss), slope: slope(messages, pss), unit: "octets for each message", isLevel: true },
    {
      ...ends(`${name}: open files`, files),
      slope: slope(minutes, files),
      unit: "for each minute",
      isLevel: halves(files).second - halves(files).first <= OPEN_FILES_GROWTH_MAX,
    },
  ];
}

function latencyTrends(settled: readonly Window[], minutes: readonly number[]): Trend[] {
  const p50 = settled.map(({ p50Ms }) => p50Ms);
  const p99 = settled.map(({ p99Ms }) => p99Ms);
  const waiting = settled.map((window) => window.waiting);
  const { first, second } = halves(p50);
  const perWindow = settled.reduce((sum, { messages }) => sum + messages, 0) / settled.length;
  const accepted = settled.map(({ messages }) => messages);
  const pace = halves(accepted);
  return [
    {
      ...ends("messages accepted", accepted),
      slope: slope(minutes, accepted),
      unit: "in a window, each minute",
      // A relay that has come to a stand is level in all else.
      isLevel: pace.second > pace.first * ACCEPTED_SHARE_MIN,
    },
    {
      ...ends("latency p50, ms", p50),
      slope: slope(minutes, p50),
      unit: "ms for each minute",
      isLevel: second <= first * LATENCY_FACTOR_MAX + LATENCY_GROWTH_MS,
    },
    { ...ends("latency p99, ms", p99), slope: slope(minutes, p99), unit: "ms for each minute", isLevel: true },
    {
      ...ends("accepted and not with SES", waiting),
      slope: slope(minutes, waiting),
      unit: "messages for each minute",
      isLevel: halves(waiting).second <= halves(waiting).first + 2 * perWindow,
    },
  ];
}

function ends(what: string, values: readonly number[]): Pick<Trend, "what" | "first" | "last"> {
  return { what, first: values[0] ?? Number.NaN, last: values.at(-1) ?? Number.NaN };
}

/** Medians of the first and of the second half: one slow window is no trend. */
function halves(values: readonly number[]): { first: number; second: number } {
  const middle = Math.floor(values.length / 2);
  return { first: median(values.slice(0, middle)), second: median(values.slice(-middle)) };
}

/** Of the line with the least squares through the points. */
export function slope(xs: readonly number[], ys: readonly number[]): number {
  const meanX = mean(xs);
  const meanY = mean(ys);
  let above = 0;
  let below = 0;
  for (const [i, x] of xs.entries()) {
    above += (x - meanX) * ((ys[i] ?? 0) - meanY);
    below += (x - meanX) ** 2;
  }
  return below === 0 ? 0 : above / below;
}

function cumulative(windows: readonly Window[]): number[] {
  let sum = 0;
  return windows.map(({ messages }) => (sum += messages));
}

function mean(values: readonly number[]): number {
  return values.reduce((sum, value) => sum + value, 0) / values.length;
}

function median(values: readonly number[]): number {
  return values.toSorted((a, b) => a - b)[Math.floor(values.length / 2)] ?? Number.NaN;
}
