/**
 * Configuration sets of the local SES and their event destinations.
 *
 * Sending can be paused per set, suppression can be overridden, events go to the SNS topics of its destinations; every
 * other option is kept and read back without effect.
 * See https://docs.aws.amazon.com/ses/latest/APIReference-V2/API_CreateConfigurationSet.html.
 */

import {
  configurationSetNamed,
  isResourceName,
  refuseWhileAssociated,
  type SesContext,
  sesArn,
} from "./ses-context.ts";
import { alreadyExists, badRequest, notFound } from "./ses-error.ts";
import {
  type Fields,
  fieldsOf,
  flagOf,
  invalid,
  manyOf,
  numberOf,
  oneOf,
  optional,
  requiredTextOf,
  resourceTagsOf,
} from "./ses-json.ts";
import { page } from "./ses-paging.ts";
import { label, type SesCall, type SesRoute } from "./ses-router.ts";
import {
  type ConfigurationSet,
  EVENT_TYPES,
  type EventDestination,
  SUPPRESSION_REASONS,
  SUPPRESSION_SCOPES,
  type SuppressionChoice,
} from "./ses-state.ts";

/** Options that are kept as given, by the path of the operation that sets them. */
const KEPT_OPTIONS = {
  "delivery-options": "DeliveryOptions",
  "reputation-options": "ReputationOptions",
  "tracking-options": "TrackingOptions",
  "archiving-options": "ArchivingOptions",
  "vdm-options": "VdmOptions",
} as const;

const TARGETS = [
  "SnsDestination",
  "EventBridgeDestination",
  "KinesisFirehoseDestination",
  "CloudWatchDestination",
  "PinpointDestination",
] as const;

/** The operations on configuration sets and event destinations. */
export function configurationSetRoutes(context: SesContext): SesRoute[] {
  const all = "/v2/email/configuration-sets";
  const one = `${all}/{}`;
  const destinations = `${one}/event-destinations`;
  const set = (call: SesCall): ConfigurationSet => configurationSetNamed(context, label(call, 0));
  const put = (path: string, run: (call: SesCall) => object): SesRoute => ({ method: "PUT", path, writes: true, run });
  return [
    { method: "POST", path: all, writes: true, run: (call) => create(context, call.body) },
    { method: "POST", path: "/v2/email/list-configuration-sets", writes: false, run: (c) => list(context, c.body) },
    { method: "GET", path: one, writes: false, run: (call) => describe(set(call)) },
    { method: "DELETE", path: one, writes: true, run: (call) => remove(context, set(call)) },
    put(`${one}/sending`, (call) => putSending(set(call), call.body)),
    put(`${one}/suppression-options`, (call) => putSuppression(set(call), call.body)),
    ...Object.entries(KEPT_OPTIONS).map(([path, name]) =>
      put(`${one}/${path}`, (call) => putKept(set(call), name, call.body)),
    ),
    { method: "POST", path: destinations, writes: true, run: (call) => createDestination(set(call), call.body) },
    { method: "GET", path: destinations, writes: false, run: (call) => describeDestinations(set(call)) },
    put(`${destinations}/{}`, (call) => updateDestination(set(call), label(call, 1), call.body)),
    {
      method: "DELETE",
      path: `${destinations}/{}`,
      writes: true,
      run: (call) => removeDestination(set(call), label(call, 1)),
    },
  ];
}

/** ARN of a configuration set, as in tenant associations. */
export function configurationSetArn(context: SesContext, set: ConfigurationSet): string {
  return sesArn(context, `configuration-set/${set.name}`);
}

function create(context: SesContext, body: Fields): object {
  const name = requiredTextOf(body, "ConfigurationSetName");
  if (!isResourceName(name)) {
    throw badRequest(
      `Invalid configuration set name <${name}>: only alphanumeric ASCII characters, '_', and '-' are allowed.`,
    );
  }
  if (context.state.configurationSets.has(name)) throw alreadyExists(`Configuration set <${name}> already exists.`);
  const suppression = fieldsOf(body, "SuppressionOptions");
  const sending = fieldsOf(body, "SendingOptions") ?? {};
  const options: Record<string, unknown> = {};
  for (const member of Object.values(KEPT_OPTIONS)) {
    const given = fieldsOf(body, member);
    if (given !== undefined) options[member] = checkedOptions(member, given);
  }
  context.state.configurationSets.set(name, {
    name,
    sendingEnabled: flagOf(sending, "SendingEnabled") ?? true,
    ...optional("suppression", suppression && suppressionChoice(suppression)),
    options,
    eventDestinations: [],
    tags: resourceTagsOf(body),
  });
  return {};
}

function list(context: SesContext, body: Fields): object {
  const names = [...context.state.configurationSets.keys()].sort();
  const { entries, ...more } = page(names, (name) => name, body);
  return { ConfigurationSets: entries, ...more };
}

function describe(set: ConfigurationSet): object {
  const { suppression } = set;
  return {
    ConfigurationSetName: set.name,
    SendingOptions: { SendingEnabled: set.sendingEnabled },
    ...set.options,
    ...optional(
      "SuppressionOptions",
      suppression && {
        ...optional("SuppressedReasons", suppression.reasons),
        ...optional("SuppressionScope", suppression.scope),
      },
    ),
    Tags: set.tags,
  };
}

function remove(context: SesContext, set: ConfigurationSet): object {
  refuseWhileAssociated(context, configurationSetArn(context, set));
  context.state.configurationSets.delete(set.name);
  return {};
}

function putSending(set: ConfigurationSet, body: Fields): object {
  set.sendingEnabled = flagOf(body, "SendingEnabled") ?? false;
  return {};
}

function putSuppression(set: ConfigurationSet, body: Fields): object {
  set.suppression = suppressionChoice(body);
  return {};
}

function putKept(set: ConfigurationSet, member: string, body: Fields): object {
  // PutConfigurationSetVdmOptions alone wraps its options in a member.
  const given = fieldsOf(body, member) ?? body;
  set.options = { ...set.options, [member]: checkedOptions(member, given) };
  return {};
}

/** An empty list of reasons is a choice of its own: no suppression for this set. */
function suppressionChoice(body: Fields): SuppressionChoice {
  return {
    ...optional("reasons", manyOf(body, "SuppressedReasons", SUPPRESSION_REASONS)),
    ...optional("scope", oneOf(body, "SuppressionScope", SUPPRESSION_SCOPES)),
  };
}

function checkedOptions(member: string, given: Fields): Fields {
  if (member !== "DeliveryOptions") return given;
  oneOf(given, "TlsPolicy", ["REQUIRE", "OPTIONAL"]);
  const seconds = numberOf(given, "MaxDeliverySeconds");
  if (seconds !== undefined && seconds < 300) {
    throw invalid("MaxDeliverySeconds", "Member must have value greater than or equal to 300");
  }
  if (seconds !== undefined && seconds > 50_400) {
    throw invalid("MaxDeliverySeconds", "Member must have value less than or equal to 50400");
  }
  return given;
}

function createDestination(set: ConfigurationSet, body: Fields): object {
  const name = requiredTextOf(body, "EventDestinationName");
  if (!isResourceName(name)) {
    throw badRequest(
      `Invalid event destination name <${name}>: only alphanumeric ASCII characters, '_', and '-' are allowed.`,
    );
  }
  if (set.eventDestinations.some((destination) => destination.name === name)) {
    throw alreadyExists(`An event destination with name <${name}> already exists for configuration set <${set.name}>.`);
  }
  set.eventDestinations = [...set.eventDestinations, parseDestination(name, body)];
  return {};
}

function updateDestination(set: ConfigurationSet, name: string, body: Fields): object {
  requireDestination(set, name);
  const changed = parseDestination(name, body);
  set.eventDestinations = set.eventDestinations.map((old) => (old.name === name ? changed : old));
  return {};
}

function removeDestination(set: ConfigurationSet, name: string): object {
  requireDestination(set, name);
  set.eventDestinations = set.eventDestinations.filter((destination) => destination.name !== name);
  return {};
}

function describeDestinations(set: ConfigurationSet): object {
  return {
    EventDestinations: set.eventDestinations.map((destination) => ({
      Name: destination.name,
      Enabled: destination.enabled,
      MatchingEventTypes: destination.types,
      ...destination.target,
    })),
  };
}

function parseDestination(name: string, body: Fields): EventDestination {
  const given = fieldsOf(body, "EventDestination");
  if (given === undefined) throw badRequest("EventDestination is required.");
  const types = manyOf(given, "MatchingEventTypes", EVENT_TYPES) ?? [];
  if (types.length === 0) throw badRequest("At least one event type must be specified.");
  const targets = TARGETS.flatMap((member) => {
    const target = fieldsOf(given, member);
    return target === undefined ? [] : [{ member, target }];
  });
  const [only, second] = targets;
  if (only === undefined) throw badRequest("Event destination is not provided.");
  if (second !== undefined) throw badRequest("Please provide only one destination with each request.");
  return {
    name,
    enabled: flagOf(given, "Enabled") ?? false,
    types,
    ...optional("topicArn", only.member === "SnsDestination" ? requiredTextOf(only.target, "TopicArn") : undefined),
    target: { [only.member]: only.target },
  };
}

function requireDestination(set: ConfigurationSet, name: string): void {
  if (set.eventDestinations.some((destination) => destination.name === name)) return;
  throw notFound(`An event destination with name <${name}> does not exist for configuration set <${set.name}>.`);
}
