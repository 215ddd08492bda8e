/** Suppression lists: the same as `relayhost suppression list`, `export` and `remove`. */

import type { Hono } from "hono";
import { scanRows } from "../../lib/aws/directory-dynamo.ts";
import { listSuppressions, removeSuppression } from "../../lib/aws/suppression-dynamo.ts";
import { suppressionPage } from "../../lib/console/suppression-page.ts";
import type { View } from "../../lib/console/view.ts";
import { addressKey, isAddress, parseAddress } from "../../lib/core/address.ts";
import { TENANT_ID_PATTERN } from "../../lib/core/directory.ts";
import type { Suppression } from "../../lib/core/suppression.ts";
import { formatSuppressionCsv } from "../../lib/core/suppression-list.ts";
import { CommandError } from "../commands/report.ts";
import type { Change } from "./changes.ts";
import { type ConsoleContext, type ConsoleEnv, csv, show } from "./console-context.ts";

const PART = 100;

/** Serves `/suppression` and `/suppression.csv`. */
export function addSuppressions(app: Hono<ConsoleEnv>, context: ConsoleContext): void {
  const { connection } = context;
  const chosen = async (view: View): Promise<{ tenants: string[]; tenant: string | undefined }> => {
    const tenants = (await scanRows(connection.directory, "tenant")).map(({ id }) => id).toSorted();
    const wanted = view.query["tenant"];
    return { tenants, tenant: wanted === undefined ? tenants[0] : tenants.find((id) => id === wanted) };
  };
  app.get("/suppression", async (c) => {
    const view = c.get("view");
    const { tenants, tenant } = await chosen(view);
    const entries: Suppression[] = [];
    let more = false;
    if (tenant !== undefined) {
      const part = { begins: addressKey(view.query["q"] ?? ""), after: view.query["cursor"] };
      for await (const entry of listSuppressions(connection.ledger, tenant, part)) {
        more = entries.length === PART;
        if (more) break;
        entries.push(entry);
      }
    }
    const next = more ? entries.at(-1)?.address : undefined;
    return show(c, context, view.words.nav.suppression, suppressionPage(view, tenants, tenant, entries, next));
  });
  app.get("/suppression.csv", async (c) => {
    const view = c.get("view");
    const { tenant } = await chosen(view);
    const entries: Suppression[] = [];
    if (tenant !== undefined) {
      const part = { begins: addressKey(view.query["q"] ?? "") };
      for await (const entry of listSuppressions(connection.ledger, tenant, part)) entries.push(entry);
    }
    return csv(c, `suppression-${tenant ?? "none"}`, formatSuppressionCsv(entries));
  });
}

/** `/do/unsuppress`: `tenant` with every `address`. */
export function unsuppressChange({ connection }: ConsoleContext): Change {
  return async (form, { words }) => {
    const { suppression } = words;
    const tenant = form.one("tenant");
    const addresses = form.all("address").map(addressKey);
    if (!TENANT_ID_PATTERN.test(tenant) || addresses.some((one) => !isAddress(parseAddress(one)))) {
      throw new CommandError(suppression.wrong);
    }
    if (addresses.length === 0) throw new CommandError(suppression.noneChosen);
    const title = suppression.title(addresses.length);
    return {
      title,
      effects: [suppression.effect(tenant), ...addresses],
      back: `/suppression?tenant=${encodeURIComponent(tenant)}`,
      subjects: addresses,
      tenant,
      run: async () => {
        const lines: string[] = [];
        for (const address of addresses) {
          const was = await removeSuppression(connection.ledger, tenant, address);
          lines.push(`${address}: ${was ? suppression.lifted : suppression.notThere}`);
        }
        return { title, lines };
      },
    };
  };
}
