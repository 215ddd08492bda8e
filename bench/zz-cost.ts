import { benchCost } from "./cost-bench.ts";

const r = await benchCost(Number(process.argv[2] ?? 10));
console.log(JSON.stringify(r, undefined, 1));
process.exit();
