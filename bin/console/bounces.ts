/** The same groups as `relayhost bounces`. */

import type { Hono } from "hono";
import { scanRows } from "../../lib/aws/directory-dynamo.ts";
import { bouncesPage } from "../../lib/console/bounces-page.ts";
import type { View } from "../../lib/console/view.ts";
import { BounceTrend, type TrendLine } from "../../lib/core/bounce-trend.ts";
import { csvText } from "../../lib/core/csv.ts";
import { bounceCsv } from "../commands/bounce-lines.ts";
import { type BounceQuery, collectBounces, readBounceQuery } from "../commands/bounces.ts";
import { type ConsoleContext, type ConsoleEnv, csv, show } from "./console-context.ts";

const SINCE = "7d";

/** Serves `/bounces`, `/bounces.csv` and `/bounces-by-day.csv`. */
export function addBounces(app: Hono<ConsoleEnv>, context: ConsoleContext): void {
  const { connection } = context;
  app.get("/bounces", async (c) => {
    const view = c.get("view");
    const wanted = queryOf(view);
    const trend = new BounceTrend(wanted.days);
    const report = await collectBounces(connection, wanted, (fact) => trend.add(fact));
    const tenants = (await scanRows(connection.directory, "tenant")).map(({ id }) => id).toSorted();
    const shown = { tenants, groups: report.groups(), trend, since: view.query["since"] ?? SINCE };
    return show(c, context, view.words.nav.bounces, bouncesPage(view, shown));
  });
  app.get("/bounces.csv", async (c) => {
    const view = c.get("view");
    const report = await collectBounces(connection, queryOf(view));
    return csv(c, "bounces", bounceCsv(report.groups(), view.language));
  });
  app.get("/bounces-by-day.csv", async (c) => {
    const wanted = queryOf(c.get("view"));
    const trend = new BounceTrend(wanted.days);
    await collectBounces(connection, wanted, (fact) => trend.add(fact));
    const rows = (by: string, lines: readonly TrendLine[]) =>
      lines.flatMap(({ name, counts }) =>
        counts.flatMap((failures, index) => (failures === 0 ? [] : [[trend.days[index] ?? "", by, name, failures]])),
      );
    const all = [...rows("receiver", trend.receivers()), ...rows("reason", trend.reasons())];
    return csv(c, "bounces-by-day", csvText(["day", "by", "name", "failures"], all));
  });
}

function queryOf({ query, language, nowMs }: View): BounceQuery {
  const given = Object.fromEntries(
    ["tenant", "domain", "to", "kind"].flatMap((name) => {
      const value = (query[name] ?? "").trim();
      return value === "" ? [] : [[name, value]];
    }),
  );
  return readBounceQuery({ ...given, since: query["since"] ?? SINCE, top: "1", lang: language }, nowMs);
}
