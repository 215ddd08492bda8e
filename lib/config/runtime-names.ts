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

/** The running edge: what the command that ends and starts its tasks has to know. */
export interface EdgeNames {
  readonly cluster: string;
  readonly service: string;
  /** How many tasks there are when it does not stand by. */
  readonly tasks: number;
  readonly ingress: "nlb" | "task";
  /** The alarm that rings when no task answers. */
  readonly healthAlarm: string;
}

/** Names and addresses of an environment's resources, none of them empty, and what the operator's tools keep to. */
export type RuntimeNames = { readonly [K in (typeof FIELDS)[number]]: string } & {
  /** Each tenant has an SES tenant of the same name. */
  readonly sesTenants: boolean;
  /** Tenants' servers are told of their mail. */
  readonly webhooks: boolean;
  /** Replies get the ids that SES gave to what they answer. */
  readonly threadReplies: boolean;
  /** Subjects are kept with the records of messages. */
  readonly keepSubjects: boolean;
  /** Calls of SES's control plane in a second, for account and region together; 0: as fast as they come. */
  readonly sesCallsPerSecond: number;
  /** Absent where there are no webhooks, and of environments from before it was published. */
  readonly webhookDlqUrl?: string;
  /** Where the relay's own reports come from; absent of environments from before it was published. */
  readonly systemAddress?: string;
  /** Absent where the environment is deployed to stand by, and of environments from before it was published. */
  readonly edge?: EdgeNames;
};

/** What AWS allows, and no setting changes. */
export const SES_CALLS_PER_SECOND = 1;

/** Parses the JSON text; `where` it stood is named in errors. Throws one that names every missing or empty field. */
export function parseRuntimeNames(json: string, where: string): RuntimeNames {
  const record = parseObject(json, where);
  const missing = FIELDS.filter((field) => typeof record[field] !== "string" || record[field] === "");
  if (missing.length > 0) throw new Error(`${where} lacks ${missing.join(", ")}`);
  const { sesTenants, webhooks, sesCallsPerSecond, threadReplies, keepSubjects } = record;
  const names = Object.fromEntries(FIELDS.map((field) => [field, String(record[field])]));
  return {
    ...(names as { readonly [K in (typeof FIELDS)[number]]: string }),
    sesTenants: sesTenants === true,
    webhooks: webhooks === true,
    // An environment from before it was published has the default.
    threadReplies: threadReplies !== false,
    keepSubjects: keepSubjects === true,
    sesCallsPerSecond: typeof sesCallsPerSecond === "number" ? sesCallsPerSecond : SES_CALLS_PER_SECOND,
    ...optional(record, "webhookDlqUrl"),
    ...optional(record, "systemAddress"),
    ...(isEdge(record["edge"]) ? { edge: record["edge"] } : {}),
  };
}

function isEdge(value: unknown): value is EdgeNames {
  if (typeof value !== "object" || value === null) return false;
  const { cluster, service, tasks, ingress, healthAlarm } = value as Record<string, unknown>;
  return (
    [cluster, service, healthAlarm].every((name) => typeof name === "string" && name !== "") &&
    typeof tasks === "number" &&
    (ingress === "nlb" || ingress === "task")
  );
}

function optional<K extends string>(record: Record<string, unknown>, name: K): { readonly [P in K]?: string } {
  const value = record[name];
  return typeof value === "string" && value !== "" ? ({ [name]: value } as { readonly [P in K]?: string }) : {};
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
