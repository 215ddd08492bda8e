/**
 * The records to publish in the form of the place where they are published.
 *
 * Each format is complete in itself: nothing has to be added by hand. `zone` is the zone that holds the records; it may
 * be above the domain, for a sender under a subdomain without a zone of its own.
 */

import { RECORD_TTL_SECONDS, relativeName, type WantedRecord } from "./domain-records.ts";

/** The formats that describe one zone at a time. */
export const ZONE_FORMATS = ["zone", "plesk", "route53", "cloudflare"] as const;
/** One of them. */
export type ZoneFormat = (typeof ZONE_FORMATS)[number];

/** The records of one zone, ending with a line end. */
export function formatRecords(format: ZoneFormat, zone: string, records: readonly WantedRecord[]): string {
  switch (format) {
    case "zone":
      return zoneFile(zone, records);
    case "plesk":
      return pleskCommands(zone, records);
    case "route53":
      return `${JSON.stringify(route53Changes(records), undefined, 2)}\n`;
    case "cloudflare":
      return `${JSON.stringify(cloudflareBatch(records), undefined, 2)}\n`;
  }
}

/** RFC 1035 §5.1, to be appended to the zone's file. */
function zoneFile(zone: string, records: readonly WantedRecord[]): string {
  const lines = records.map((record) => {
    const name = relativeName(record.name, zone);
    return `${name}\t${RECORD_TTL_SECONDS}\tIN\t${record.type}\t${masterValue(record)}`;
  });
  return `$ORIGIN ${zone}.\n${lines.join("\n")}\n`;
}

function masterValue(record: WantedRecord): string {
  switch (record.type) {
    case "CNAME":
      return `${record.value}.`;
    case "MX":
      return `${record.preference ?? 10} ${record.value}.`;
    case "TXT":
      return quotedText(record.value);
  }
}

/** Character-strings of at most 255 octets (RFC 1035 §3.3), which readers join without a space (RFC 7208 §3.3). */
function quotedText(text: string): string {
  const pieces = text.match(/.{1,255}/gs) ?? [""];
  return pieces.map((piece) => `"${piece.replace(/["\\]/g, "\\$&")}"`).join(" ");
}

/** `plesk bin dns --add`; a record that is there already makes it end with status 2. Never `--set`: it removes all others. */
function pleskCommands(zone: string, records: readonly WantedRecord[]): string {
  const lines = records.map((record) => {
    const host = shellWord(relativeName(record.name, zone));
    switch (record.type) {
      case "CNAME":
        return `plesk bin dns --add ${zone} -cname ${host} -canonical ${shellWord(record.value)}`;
      case "MX":
        return `plesk bin dns --add ${zone} -mx ${host} -mailexchanger ${record.value} -priority ${record.preference ?? 10}`;
      case "TXT":
        return `plesk bin dns --add ${zone} -txt ${shellWord(record.value)} -domain ${host}`;
    }
  });
  return `${lines.join("\n")}\n`;
}

function shellWord(text: string): string {
  return /^[\w.@%+=:,/-]+$/.test(text) ? text : `'${text.replaceAll("'", `'\\''`)}'`;
}

/**
 * A change batch for `aws route53 change-resource-record-sets --change-batch file://...`.
 * UPSERT replaces a record set of the same name and type; nobody else uses these names, but for `_dmarc`, which is
 * CREATE, so that a policy that is there is not lost: the whole batch is then refused.
 */
export function route53Changes(records: readonly WantedRecord[]): object {
  return {
    Comment: "Records for mail through relayhost",
    Changes: records.map((record) => ({
      Action: record.purpose === "dmarc" ? "CREATE" : "UPSERT",
      ResourceRecordSet: {
        Name: `${record.name}.`,
        Type: record.type,
        TTL: RECORD_TTL_SECONDS,
        ResourceRecords: [{ Value: masterValue(record) }],
      },
    })),
  };
}

/** The body of `POST /zones/<zone id>/dns_records/batch`. Never proxied: the proxy would answer in place of the CNAMEs. */
function cloudflareBatch(records: readonly WantedRecord[]): object {
  return {
    posts: records.map((record) => ({
      type: record.type,
      name: record.name,
      content: record.type === "TXT" ? quotedText(record.value) : record.value,
      ttl: RECORD_TTL_SECONDS,
      ...(record.type === "CNAME" ? { proxied: false } : {}),
      ...(record.preference === undefined ? {} : { priority: record.preference }),
    })),
  };
}

/** Columns of the CSV form. */
export const RECORD_COLUMNS = ["domain", "name", "type", "preference", "value", "purpose", "need"] as const;

/** One record as the cells of a CSV line. */
export function recordCells(record: WantedRecord): string[] {
  return RECORD_COLUMNS.map((column) => String(record[column] ?? ""));
}
