/**
 * `relayhost standby on|off`: ends and starts the edge's tasks of a deployed environment, without a deployment.
 *
 * What a deployment alone can take away it names. The order keeps alarms quiet: before tasks end, the alarm that they are
 * gone is silenced; it rings again once they are to be there.
 */

import type { Command } from "commander";
import { setAlarmActions } from "../../lib/aws/alarm-actions.ts";
import { makeEcs, readTaskCounts, setTaskCount } from "../../lib/aws/edge-service.ts";
import { readRuntimeParameter } from "../../lib/aws/runtime-parameter.ts";
import type { EdgeNames } from "../../lib/config/runtime-names.ts";
import { type CommonOptions, reportChange } from "./change.ts";
import { CommandError, EXIT } from "./report.ts";

type Direction = "on" | "off";

/** Adds both commands. */
export function addStandbyCommand(program: Command): void {
  const standby = program
    .command("standby")
    .description("end the edge's tasks, or start them again, without a deployment")
    .addHelpText(
      "after",
      `
Mail that has been accepted goes on to SES; nobody can connect until \`off\`. Sessions under way end in order.
Examples:
  relayhost standby on --env prod --dry-run
  relayhost standby on --env prod
  relayhost standby off --env prod`,
    );
  for (const direction of ["on", "off"] as const) {
    standby
      .command(direction)
      .description(direction === "on" ? "end the edge's tasks" : "start them again, as many as cdk.json says")
      .requiredOption("--env <name>", "the deployed environment")
      .option("--json", "as JSON")
      .option("--dry-run", "say what would be done, and do nothing")
      .addHelpText("after", `\nExample:\n  relayhost standby ${direction} --env prod`)
      .action(async (options: CommonOptions & { readonly env: string }) => await change(direction, options));
  }
}

async function change(direction: Direction, options: CommonOptions & { readonly env: string }): Promise<void> {
  const { edge, hostName } = await readRuntimeParameter(options.env);
  if (edge === undefined) {
    throw new CommandError(
      `${options.env} has no edge: it stands by because cdk.json says so, or was deployed before this command was. ` +
        `standby: false in cdk.json and npx cdk deploy -c env=${options.env} bring it back.`,
      EXIT.notFound,
    );
  }
  const client = makeEcs();
  try {
    const service = { client, cluster: edge.cluster, service: edge.service };
    const counts = await readTaskCounts(service);
    if (counts === undefined) throw new CommandError(`there is no service ${edge.service}`, EXIT.notFound);
    const wanted = direction === "on" ? 0 : edge.tasks;
    if (options.dryRun !== true) {
      if (direction === "on") await setAlarmActions(edge.healthAlarm, false);
      if (counts.desired !== wanted) await setTaskCount(service, wanted);
      if (direction === "off") await setAlarmActions(edge.healthAlarm, true);
    }
    const facts = {
      environment: options.env,
      standby: direction === "on",
      tasks: { before: counts.desired, after: wanted },
      alarm: { name: edge.healthAlarm, rings: direction === "off" },
      needsDeployment: direction === "on" ? needsDeployment(edge) : [],
    };
    reportChange(options, `set the tasks of ${hostName} from ${counts.desired} to ${wanted}`, facts);
    if (options.json !== true) for (const line of advice(direction, edge, options.env)) console.log(line);
  } finally {
    client.destroy();
  }
}

/** What goes on costing by the hour until a deployment takes it away. */
function needsDeployment({ ingress }: EdgeNames): string[] {
  return ingress === "nlb" ? ["load balancer", "its public addresses"] : [];
}

function advice(direction: Direction, edge: EdgeNames, environment: string): string[] {
  if (direction === "off") {
    const address = edge.ingress === "task" ? ", under a new address that its name follows within two" : "";
    return [`The edge answers in some minutes${address}; relayhost status --env ${environment} says so.`];
  }
  const stays = needsDeployment(edge);
  return [
    "Sessions end in order within two minutes; then customers' servers cannot connect, and keep their mail.",
    stays.length === 0
      ? "Nothing is left that costs by the hour."
      : `Stays, and costs by the hour (docs/cost.md): ${stays.join(", ")}. Only a deployment takes that away: ` +
        `standby: true in cdk.json, then npx cdk deploy -c env=${environment}.`,
    "A deployment that changes the edge starts its tasks again, unless cdk.json says standby: true.",
  ];
}
