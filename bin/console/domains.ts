/** Domains: the same as `relayhost domain list`, `records` and `check`. */

import type { Hono } from "hono";
import { listTenantRows, readRow, scanRows } from "../../lib/aws/directory-dynamo.ts";
import { makeSesControl } from "../../lib/aws/ses-control.ts";
import {
  type CheckedRecord,
  type DomainEntry,
  domainPage,
  domainState,
  domainsPage,
} from "../../lib/console/domains-page.ts";
import { html } from "../../lib/console/html.ts";
import type { View } from "../../lib/console/view.ts";
import type { Words } from "../../lib/console/words.ts";
import { toAsciiDomain } from "../../lib/core/address.ts";
import { csvText } from "../../lib/core/csv.ts";
import { domainKey, type SenderDomain, TENANT_ID_PATTERN } from "../../lib/core/directory.ts";
import { formatRecords, ZONE_FORMATS } from "../../lib/core/domain-record-formats.ts";
import { wantedRecords } from "../../lib/core/domain-records.ts";
import { forEachInFlight } from "../../lib/core/in-flight.ts";
import { checkDomain } from "../commands/domain-check.ts";
import { makeRecordCheck } from "../commands/domain-dns.ts";
import { domainsNamed } from "../commands/domains-named.ts";
import { CommandError } from "../commands/report.ts";
import type { Change } from "./changes.ts";
import { type ConsoleContext, type ConsoleEnv, csv, download, show } from "./console-context.ts";

const PART = 100;
/** With DNS, which takes its time, fewer. */
const DNS_PART = 20;
const DNS_IN_FLIGHT = 8;
/** SES answers one call a second: a browser must not wait longer than a person does. */
const CHECKED_MAX = 20;

/** Serves `/domains` and `/domains/<domain>`. */
export function addDomains(app: Hono<ConsoleEnv>, context: ConsoleContext): void {
  const { directory } = context.connection;
  // Local mode has no DNS of its own, and the world's knows nothing of its tokens.
  const canAsk = context.environment !== undefined || context.resolvers !== undefined;
  app.get("/domains", async (c) => {
    const view = c.get("view");
    const tenants = (await scanRows(directory, "tenant")).map(({ id }) => id).toSorted();
    const rows = await rowsOf(context, view);
    const asks = canAsk && view.query["dns"] === "1";
    const cursor = view.query["cursor"];
    const rest = cursor === undefined ? rows : rows.filter(({ domain }) => domain > cursor);
    const part = rest.slice(0, asks ? DNS_PART : PART);
    const entries: DomainEntry[] = part.map((row) => ({ row }));
    if (asks) {
      const check = makeRecordCheck(context.resolvers, view.language);
      await forEachInFlight(part, DNS_IN_FLIGHT, async (row, index) => {
        entries[index] = { row, records: row.ses === undefined ? undefined : await check(row.domain, row.ses) };
      });
    }
    const next = rest.length > part.length ? part.at(-1)?.domain : undefined;
    return show(c, context, view.words.nav.domains, domainsPage(view, tenants, entries, next, canAsk));
  });
  app.get("/domains.csv", async (c) => {
    const rows = (await rowsOf(context, c.get("view"))).map((row) => [
      row.domain,
      row.tenant,
      domainState(row),
      row.ses?.mailFrom ?? "",
    ]);
    return csv(c, "domains", csvText(["domain", "tenant", "state", "mail_from"], rows));
  });
  app.get("/domains/:domain", async (c) => {
    const view = c.get("view");
    const row = await rowNamed(context, c.req.param("domain"));
    if (row === undefined) return show(c, context, view.words.notFound, html`<p>${view.words.notFoundText}</p>`, 404);
    const wanted = row.ses === undefined ? [] : wantedRecords(row.domain, row.ses);
    const zones = Object.fromEntries(ZONE_FORMATS.map((format) => [format, formatRecords(format, row.domain, wanted)]));
    let records: CheckedRecord[] | undefined;
    if (canAsk && view.query["dns"] === "1" && row.ses !== undefined) {
      records = await makeRecordCheck(context.resolvers, view.language)(row.domain, row.ses);
    }
    return show(c, context, row.domain, domainPage(view, row, wanted, records, zones, canAsk));
  });
  app.get("/domains/:domain/records", async (c) => {
    const view = c.get("view");
    const row = await rowNamed(context, c.req.param("domain"));
    const format = ZONE_FORMATS.find((one) => one === view.query["format"]);
    if (row?.ses === undefined || format === undefined) {
      return show(c, context, view.words.notFound, html`<p>${view.words.notFoundText}</p>`, 404);
    }
    const ending = { zone: "zone", plesk: "sh", route53: "json", cloudflare: "json" }[format];
    const text = formatRecords(format, row.domain, wantedRecords(row.domain, row.ses));
    return download(c, `${row.domain}.${ending}`, "text/plain; charset=utf-8", text);
  });
}

async function rowsOf({ connection }: ConsoleContext, { query }: View): Promise<SenderDomain[]> {
  const { directory } = connection;
  const tenant = query["tenant"] ?? "";
  const state = query["state"] ?? "";
  const rows = TENANT_ID_PATTERN.test(tenant)
    ? (await listTenantRows(directory, tenant)).filter((row) => row.kind === "domain")
    : await scanRows(directory, "domain");
  return rows
    .filter(({ status }) => state === "" || status === state)
    .toSorted((a, b) => (a.domain < b.domain ? -1 : 1));
}

async function rowNamed({ connection }: ConsoleContext, name: string): Promise<SenderDomain | undefined> {
  const domain = toAsciiDomain(name);
  const row = domain === undefined ? undefined : await readRow(connection.directory, domainKey(domain));
  return row?.kind === "domain" ? row : undefined;
}

/** `/do/domain-check`: every `domain`. What SES has verified may send at once; what it took back waits. */
export function domainCheckChange({ connection }: ConsoleContext): Change {
  return async (form, { words, language }) => {
    const names = form.all("domain");
    if (names.length === 0) throw new CommandError(words.domains.noneChosen);
    if (names.length > CHECKED_MAX) throw new CommandError(words.domains.tooMany(CHECKED_MAX));
    const rows = await domainsNamed(connection.directory, names, {});
    const title = words.domains.checkTitle(rows.length);
    const [only] = rows;
    return {
      title,
      effects: [words.domains.checkEffect, ...rows.map(({ domain }) => domain)],
      back: rows.length === 1 && only !== undefined ? `/domains/${only.domain}` : "/domains",
      subjects: rows.map(({ domain }) => domain),
      run: async () => {
        const ses = makeSesControl(connection.names.sesCallsPerSecond);
        const lines: string[] = [];
        try {
          for (const row of rows) {
            const { result } = await checkDomain(connection, ses, row, language);
            const { domain, status, dkim, mailFrom, todo } = result;
            const [dkimWord, mailFromWord] = [dkim, mailFrom].map((state) => sesWord(words, state));
            lines.push(
              `${domain}: ${words.domains.states[status]}, DKIM ${dkimWord}, MAIL FROM ${mailFromWord}${todo === "" ? "" : `. ${todo}`}`,
            );
          }
        } finally {
          ses.destroy();
        }
        return { title, lines };
      },
    };
  };
}

/** A state that SES has come up with since stays in its own word. */
function sesWord({ domains }: Words, state: string): string {
  return isSesState(domains.sesStates, state) ? domains.sesStates[state] : state;
}

function isSesState(words: Words["domains"]["sesStates"], state: string): state is keyof typeof words {
  return Object.hasOwn(words, state);
}
