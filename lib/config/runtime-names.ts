/**
 * Where one environment's resources are: what the CLI needs to know of it.
 *
 * A deployed environment publishes this as JSON in an SSM parameter, local mode in `<data dir>/local.json`.
 */

const FIELDS = [
  "region",
  "hostName",
  "spoolBucket",
  "forwardQueueUrl",
  "forwardDlqUrl",
  "feedbackQueueUrl",
  "feedbackDlqUrl",
  "ledgerTable",
  "directoryTable",
  "configurationSet",
] as const;

/** Names and addresses of an environment's resources, none of them empty. */
export type RuntimeNames = { readonly [K in (typeof FIELDS)[number]]: string };

/** Parses the JSON text; `where` it stood is named in errors. Throws one that names every missing or empty field. */
export function parseRuntimeNames(json: string, where: string): RuntimeNames {
  const record = parseObject(json, where);
  const missing = FIELDS.filter((field) => typeof record[field] !== "string" || record[field] === "");
  if (missing.length > 0) throw new Error(`${where} lacks ${missing.join(", ")}`);
  return Object.fromEntries(FIELDS.map((field) => [field, String(record[field])])) as unknown as RuntimeNames;
}

function parseObject(json: string, where: string): Record<string, unknown> {
  let value: unknown;
  try {
    value = JSON.parse(json);
  } catch (error) {
    throw new Error(`${where} is not JSON`, { cause: error });
  }
  return typeof value === "object" && value !== null ? (value as Record<string, unknown>) : {};
}
