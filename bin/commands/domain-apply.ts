/** `relayhost domain records --apply`: writes the records into the Route 53 zones of the account. */

import { changeZone, listRecordSets, listZones, makeRoute53 } from "../../lib/aws/route53-zones.ts";
import type { WantedRecord } from "../../lib/core/domain-records.ts";
import { type HostedZone, planZone, zoneOf } from "../../lib/core/route53-plan.ts";
import { plainText, printJson } from "./output.ts";
import { startProgress } from "./progress.ts";
import { EXIT } from "./report.ts";

export interface ApplyOptions {
  readonly dryRun: boolean;
  readonly replace: boolean;
  readonly json: boolean;
}

/** What became of one record. */
interface Applied {
  readonly name: string;
  readonly type: string;
  readonly zone: string | null;
  readonly result: "written" | "good" | "in the way" | "no zone";
  readonly present?: string;
}

/** Plans zone by zone and, unless it is a dry run, writes; each zone changes as a whole or not at all. */
export async function applyRecords(
  records: readonly WantedRecord[],
  options: ApplyOptions,
  client = makeRoute53(),
): Promise<Applied[]> {
  const zones = await listZones(client);
  const byZone = new Map<HostedZone, WantedRecord[]>();
  const applied: Applied[] = [];
  for (const record of records) {
    const zone = zoneOf(record.name, zones);
    if (zone === undefined) applied.push({ name: record.name, type: record.type, zone: null, result: "no zone" });
    else byZone.set(zone, [...(byZone.get(zone) ?? []), record]);
  }
  const progress = startProgress(byZone.size, "zones");
  let done = 0;
  for (const [zone, wanted] of byZone) {
    progress.step(done++, zone.name);
    const plan = planZone(wanted, await listRecordSets(client, zone), options.replace);
    if (!options.dryRun && plan.changes.length > 0) await changeZone(client, zone, plan.changes);
    for (const { set } of plan.changes) applied.push({ ...named(set), zone: zone.name, result: "written" });
    for (const record of plan.good) applied.push({ ...named(record), zone: zone.name, result: "good" });
    for (const { record, present } of plan.inTheWay) {
      applied.push({ ...named(record), zone: zone.name, result: "in the way", present });
    }
  }
  progress.end();
  return applied;
}

/** Shows it, and sets the exit code when a record is not published. */
export function reportApplied(applied: readonly Applied[], options: ApplyOptions): void {
  const count = (result: Applied["result"]): number => applied.filter((one) => one.result === result).length;
  if (options.json) printJson({ dryRun: options.dryRun, records: applied });
  else {
    for (const { name, type, result, present } of applied) {
      if (result === "in the way") console.log(plainText(`${name} ${type}: left alone, there is ${present ?? ""}`));
      if (result === "no zone") console.log(`${name} ${type}: no public zone of this account holds it`);
    }
    const would = options.dryRun ? "would be " : "";
    console.log(
      `${count("written")} ${would}written, ${count("good")} there already, ${count("in the way")} in the way`,
    );
    if (count("in the way") > 0) console.log("--replace writes over what is in the way, where DNS allows it.");
  }
  if (count("in the way") + count("no zone") > 0) process.exitCode = EXIT.failed;
}

function named({ name, type }: { readonly name: string; readonly type: string }): { name: string; type: string } {
  return { name, type };
}
