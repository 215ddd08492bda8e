/**
 * Times in a report: RFC 5322 with a numeric zone for machines, and the form a Japanese reader expects.
 *
 * A text that is no time gives undefined, so that a strange event costs one field and not the report.
 */

/** Minutes east of UTC in which a report shows its times: Japan has one zone and no summer time; else UTC. */
export const UTC_OFFSET_MINUTES = { ja: 540, en: 0 } as const;

const DAYS = ["Sun", "Mon", "Tue", "Wed", "Thu", "Fri", "Sat"];
const MONTHS = ["Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"];

/** `Tue, 24 Nov 2026 12:00:00 +0900` (RFC 5322 §3.3) from an RFC 3339 time. */
export function mailDate(time: string | undefined, offsetMinutes: number): string | undefined {
  const local = shifted(time, offsetMinutes);
  if (local === undefined) return undefined;
  const sign = offsetMinutes < 0 ? "-" : "+";
  const zone = two(Math.floor(Math.abs(offsetMinutes) / 60)) + two(Math.abs(offsetMinutes) % 60);
  const date = `${DAYS[local.getUTCDay()]}, ${local.getUTCDate()} ${MONTHS[local.getUTCMonth()]}`;
  return `${date} ${local.getUTCFullYear()} ${clock(local)} ${sign}${zone}`;
}

/** `2026年11月24日 12:00（日本時間）` from an RFC 3339 time. */
export function japaneseDate(time: string | undefined): string | undefined {
  const local = shifted(time, UTC_OFFSET_MINUTES.ja);
  if (local === undefined) return undefined;
  const date = `${local.getUTCFullYear()}年${local.getUTCMonth() + 1}月${local.getUTCDate()}日`;
  return `${date} ${clock(local).slice(0, 5)}（日本時間）`;
}

/** A Date whose UTC fields read as local time; years outside RFC 5322's four digits count as no time. */
function shifted(time: string | undefined, offsetMinutes: number): Date | undefined {
  const ms = Date.parse(time ?? "");
  if (Number.isNaN(ms)) return undefined;
  const local = new Date(ms + offsetMinutes * 60_000);
  const year = local.getUTCFullYear();
  return year >= 1900 && year <= 9999 ? local : undefined;
}

function clock(local: Date): string {
  return `${two(local.getUTCHours())}:${two(local.getUTCMinutes())}:${two(local.getUTCSeconds())}`;
}

function two(value: number): string {
  return String(value).padStart(2, "0");
}
