/** How much a run measures: `full` for figures that are kept, `quick` for a look, `smoke` only to see that all of it works. */
export type BenchSize = "full" | "quick" | "smoke";
