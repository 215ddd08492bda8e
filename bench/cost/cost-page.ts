/** docs/cost.md, computed: nothing in it is written by hand but the sentences. */

import { LIMITS } from "../../lib/core/limits.ts";
import { synthesize } from "../../test/infra/synthesized.ts";
import { ALWAYS_FREE, LIST_PRICES, type ListPrice, type PriceName, REGIONS, type Region } from "./list-prices.ts";
import {
  addQuantities,
  billLines,
  essentialsDollars,
  KEPT_BYTES_PER_MESSAGE,
  MESSAGE_BYTES,
  trafficQuantities,
} from "./month.ts";
import { type Asked, OTHER_SERVICES } from "./other-services.ts";
import { type Quantities, standingQuantities } from "./standing-resources.ts";

/** A column: an environment and its mail. */
interface Month {
  readonly title: string;
  readonly messages: number;
  readonly size: keyof typeof SIZES;
}

/** Changes to the example `dev`, so that all columns have the same setup; sizes are those of `dev` and `prod`. */
const SIZES = {
  standby: { standby: true },
  small: { edge: { desiredCount: 1, cpu: 256, memoryMiB: 512 } },
  double: { edge: { desiredCount: 2, cpu: 512, memoryMiB: 1024 } },
} as const;

const MONTHS: readonly Month[] = [
  { title: "standby", messages: 0, size: "standby" },
  { title: "idle", messages: 0, size: "small" },
  { title: "10 thousand", messages: 10_000, size: "small" },
  { title: "1 million", messages: 1_000_000, size: "double" },
  { title: "30 million", messages: 30_000_000, size: "double" },
];

/** Lines of the bill, in the order of the way of a message. */
const GROUPS: readonly (readonly [string, readonly PriceName[]])[] = [
  ["load balancer", ["loadBalancerHour", "loadBalancerUnitHour", "zoneTransferGigabyte"]],
  ["public addresses", ["publicAddressHour"]],
  ["edge tasks, image", ["taskCpuHour", "taskMemoryHour", "imageGigabyte"]],
  ["hosted zone", ["hostedZone"]],
  ["certificate's secret, keys", ["secret", "kmsKey"]],
  ["alarms, dashboard, metrics", ["alarmMetric", "dashboard", "metric"]],
  ["logs", ["logGigabyte", "logStoredGigabyte"]],
  ["S3", ["s3Put", "s3Get", "s3Gigabyte"]],
  ["SQS", ["sqsRequest"]],
  ["SNS", ["snsPublish"]],
  ["Lambda", ["lambdaRequest", "lambdaGigabyteSecond"]],
  ["DynamoDB", ["dynamodbWriteUnit", "dynamodbReadUnit", "dynamodbGigabyte"]],
];

/** The whole document. Synthesizes the environments; needs no account and no network. */
export function costPage(): string {
  const months = new Map(REGIONS.map((region) => [region, MONTHS.map((month) => quantitiesOf(month, region))]));
  const inRegion = (region: Region): readonly Quantities[] => months.get(region) ?? [];
  return [
    HEAD,
    ...REGIONS.flatMap((region) => [`## A month in ${region}`, billTable(inRegion(region), region)]),
    "## Standby, and a dollar a month",
    standbyText(inRegion("us-east-1")[0] ?? {}),
    "## Beside others",
    OTHERS_HEAD,
    othersTable(inRegion("us-east-1")),
    OTHER_SERVICES.map(({ name, remark, source }) => wrap(`- **${name}.** ${remark} Source: ${source}.`, "  ")).join(
      "\n",
    ),
    "## Assumptions",
    assumptions(),
    "## Prices",
    "Dollars, without tax. The page is under `aws.amazon.com`. None was compared with a bill.",
    priceTable(),
    wrap(
      `Given for nothing to each account, every month: ${freeText()}. CloudWatch's were read in a copy of its page, the ` +
        `others were not verified.`,
    ),
  ]
    .join("\n\n")
    .concat("\n");
}

const HEAD = `# What it costs

Computed by \`npm run cost\` from the templates of the example environments, the calls that the benchmark counts
(\`docs/benchmarks.md\`) and the prices at the end; a test fails when this page says anything else. Dollars a
month of 730 hours.`;

const OTHERS_HEAD =
  "Dollars a month for the same mail, one recipient each; ours in us-east-1, without what AWS gives for nothing.";

function quantitiesOf({ messages, size }: Month, region: Region): Quantities {
  const environment = synthesize("dev", { ...SIZES[size], region });
  const zones = environment.ofType("AWS::ElasticLoadBalancingV2::LoadBalancer").length > 0 ? 2 : 1;
  return addQuantities(standingQuantities(environment), trafficQuantities(messages, zones));
}

function billTable(columns: readonly Quantities[], region: Region): string {
  const paid = columns.map((quantities) => billLines(quantities, region, false));
  const free = columns.map((quantities) => sum(billLines(quantities, region, true)));
  const ses = MONTHS.map(({ messages }) => messages * LIST_PRICES.sesRecipient.dollars[region]);
  const essentials = MONTHS.map(({ messages }) => essentialsDollars(messages));
  const totals = paid.map(sum);
  const plus = (one: readonly number[], other: readonly number[]) =>
    one.map((dollars, index) => money(dollars + (other[index] ?? 0)));
  return table(
    ["", ...MONTHS.map(({ title }) => title)],
    [
      ...GROUPS.map(([title, names]) => [
        title,
        ...paid.map((lines) => money(names.reduce((total, name) => total + (lines.get(name) ?? 0), 0))),
      ]),
      ["**relayhost**", ...totals.map((dollars) => `**${money(dollars)}**`)],
      ["relayhost, less what AWS gives for nothing", ...free.map(money)],
      ["SES, a la carte", ...ses.map(money)],
      ["SES, Essentials", ...essentials.map(money)],
      ["**with SES a la carte**", ...plus(totals, ses)],
      ["**with SES Essentials**", ...plus(totals, essentials)],
      [
        "for 1,000 messages, a la carte",
        ...totals.map((dollars, index) => {
          const { messages } = MONTHS[index] ?? { messages: 0 };
          return messages === 0 ? "" : money(((dollars + (ses[index] ?? 0)) / messages) * 1000);
        }),
      ],
    ],
  );
}

function standbyText(quantities: Quantities): string {
  const lines = billLines(quantities, "us-east-1", true);
  const total = sum(lines);
  const zone = lines.get("hostedZone") ?? 0;
  const own = total - zone;
  const largest = [...lines]
    .filter(([name, dollars]) => dollars >= 0.005 && name !== "hostedZone")
    .sort((a, b) => b[1] - a[1])
    .map(([name, dollars]) => `${LIST_PRICES[name].what} ${money(dollars)}`);
  const withoutFree = sum(billLines(quantities, "us-east-1", false));
  return wrap(
    `In an account that uses nothing else of what AWS gives for nothing, an environment that stands by costs ` +
      `**${money(own)}** a month in us-east-1, ${own < 1 ? "under a dollar" : "**not** under a dollar"}: ${largest.join(", ")}. ` +
      `The hosted zone is ${money(zone)} more where it is not there anyway, which makes ${money(total)}. Where the account ` +
      `has used up its free dashboards, alarms and SQS requests it is ${money(withoutFree)}, most of it the dashboard ` +
      `(${money(LIST_PRICES.dashboard.dollars["us-east-1"])}) and the queues that Lambda polls day and night.`,
  );
}

function othersTable(columns: readonly Quantities[]): string {
  const volumes = MONTHS.filter(({ messages }) => messages > 0);
  const ours = (plan: "sesRecipient" | "essentials") =>
    volumes.map((month) => {
      const { messages } = month;
      const own = sum(billLines(columns[MONTHS.indexOf(month)] ?? {}, "us-east-1", false));
      const ses =
        plan === "essentials" ? essentialsDollars(messages) : messages * LIST_PRICES[plan].dollars["us-east-1"];
      return rounded(own + ses);
    });
  return table(
    ["", ...volumes.map(({ title }) => title)],
    [
      ["**relayhost, SES a la carte**", ...ours("sesRecipient")],
      ["**relayhost, SES Essentials**", ...ours("essentials")],
      ...OTHER_SERVICES.map(({ name, dollars }) => [
        name,
        ...volumes.map(({ messages }) => askedText(dollars(messages))),
      ]),
    ],
  );
}

function askedText(asked: Asked | undefined): string {
  if (asked === undefined) return "not published";
  if ("exact" in asked) return rounded(asked.exact);
  return asked.from === undefined
    ? `at most ${rounded(asked.most)}`
    : `${rounded(asked.from)} to ${rounded(asked.most)}`;
}

function assumptions(): string {
  return [
    `Mail of ${MESSAGE_BYTES / 1024} KB without attachments (SES asks 0.12 dollars for a GB of them a la carte) to one recipient, delivered, one at a ` +
      `time; in batches of ten functions and queues cost a sixth less. No reports, no webhooks, no dedicated addresses, no support plan.`,
    `Kept: messages ${LIMITS.spool.retentionDays} days, records (${KEPT_BYTES_PER_MESSAGE.records} octets a message with indexes) ${LIMITS.ledger.recordDays} days, ` +
      `logs (${KEPT_BYTES_PER_MESSAGE.logs} octets a message) 90 days. The month is one of many: everything is kept as long as it will be.`,
    "Standby, idle and 10 thousand: one task of 0.25 vCPU and 512 MB. From 1 million on two of 0.5 vCPU and 1 GB, which " +
      "`docs/benchmarks.md` shows to be enough for peaks of more than ten times the mean of 30 million.",
    "An address at AWS for each zone of the load balancer and for each task. One hosted zone, one secret. A queue that " +
      "Lambda reads is polled 648,000 times a month, used or not.",
    "What Lambda bills is assumed (250 ms of forward, 60 ms of feedback for a message), everything else that comes with a " +
      "message is counted.",
  ]
    .map((text) => wrap(`- ${text}`, "  "))
    .join("\n");
}

function priceTable(): string {
  const rows = Object.values<ListPrice>(LIST_PRICES).map(({ what, unit, dollars, page, readAt, asOf, verified }) => [
    what,
    unit,
    ...REGIONS.map((region) => exact(dollars[region])),
    `/${page}/`,
    verified ? readAt : "**not verified**",
    verified ? asOf : "",
  ]);
  return table(["", "for each", ...REGIONS, "page", "read at", "as of"], rows);
}

function freeText(): string {
  const entries = Object.entries(ALWAYS_FREE) as [PriceName, number][];
  return entries.map(([name, amount]) => `${amount.toLocaleString("en-US")} of "${LIST_PRICES[name].what}"`).join(", ");
}

function sum(lines: ReadonlyMap<PriceName, number>): number {
  return [...lines.values()].reduce((total, dollars) => total + dollars, 0);
}

function money(dollars: number): string {
  return dollars.toFixed(2);
}

function rounded(dollars: number): string {
  return dollars < 100 ? dollars.toFixed(2) : Math.round(dollars).toLocaleString("en-US");
}

/** A price as short as it can be said: small ones by the thousand or the million. */
function exact(dollars: number): string {
  if (dollars < 1e-5) return `${Number((dollars * 1e6).toPrecision(6))} a million`;
  return dollars < 2e-3 ? `${Number((dollars * 1e3).toPrecision(6))} a thousand` : String(dollars);
}

/** A Markdown table as the formatter of this repository's documents writes it. */
function table(heads: readonly string[], rows: readonly (readonly string[])[]): string {
  const all = [heads, ...rows];
  const widths = heads.map((_, column) => Math.max(3, ...all.map((row) => (row[column] ?? "").length)));
  const line = (cells: readonly string[]): string =>
    `| ${widths.map((width, column) => (cells[column] ?? "").padEnd(width)).join(" | ")} |`;
  return [line(heads), `| ${widths.map((width) => "-".repeat(width)).join(" | ")} |`, ...rows.map(line)].join("\n");
}

const WIDTH = 120;

function wrap(text: string, indent = ""): string {
  const lines: string[] = [];
  let current = "";
  for (const word of text.split(" ")) {
    if (current !== "" && current.length + 1 + word.length > WIDTH) {
      lines.push(current);
      current = indent + word;
    } else current = current === "" ? word : `${current} ${word}`;
  }
  return [...lines, current].join("\n");
}
