/** The same groups as `relayhost bounces`. */

import type { Hono } from "hono";
import { scanRows } from "../../lib/aws/directory-dynamo.ts";
import { bouncesPage } from "../../lib/console/bounces-page.ts";
import type { View } from "../../lib/console/view.ts";
import { utcDay } from "../../lib/core/usage.ts";
import { bounceCsv } from "../commands/bounce-lines.ts";
import { type BounceQuery, collectBounces, readBounceQuery } from "../commands/bounces.ts";
import { type ConsoleContext, type ConsoleEnv, csv, show } from "./console-context.ts";

const SINCE = "7d";

/** Serves `/bounces` and `/bounces.csv`. */
export function addBounces(app: Hono<ConsoleEnv>, context: ConsoleContext): void {
  const { connection } = context;
  app.get("/bounces", async (c) => {
    const view = c.get("view");
    const wanted = queryOf(view);
    const days = new Map(wanted.days.toReversed().map((day) => [day, 0]));
    const report = await collectBounces(connection, wanted, ({ acceptedMs }) => {
      const day = utcDay(acceptedMs);
      days.set(day, (days.get(day) ?? 0) + 1);
    });
    const tenants = (await scanRows(connection.directory, "tenant")).map(({ id }) => id).toSorted();
    const shown = { tenants, groups: report.groups(), days: [...days], since: view.query["since"] ?? SINCE };
    return show(c, context, view.words.nav.bounces, bouncesPage(view, shown));
  });
  app.get("/bounces.csv", async (c) => {
    const view = c.get("view");
    const report = await collectBounces(connection, queryOf(view));
    return csv(c, "bounces", bounceCsv(report.groups(), view.language));
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
