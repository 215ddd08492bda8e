/**
 * The edge's ECS service: its tasks, their public addresses, and how many there are to be.
 *
 * Failure:  throws the SDK's error. A cluster that is not there has no tasks.
 */

import { DescribeNetworkInterfacesCommand, EC2Client } from "@aws-sdk/client-ec2";
import {
  ClusterNotFoundException,
  DescribeServicesCommand,
  DescribeTasksCommand,
  ECSClient,
  ListTasksCommand,
  type Task,
  UpdateServiceCommand,
} from "@aws-sdk/client-ecs";
import type { TaskState } from "../core/serving-tasks.ts";
import { requestHandler } from "./clients.ts";

/** The edge's cluster, in which nothing else runs, by its name. */
export interface EdgeCluster {
  readonly client: ECSClient;
  readonly cluster: string;
}

/** The service in it. */
export interface EdgeService extends EdgeCluster {
  readonly service: string;
}

/** A client with time-outs and the SDK's usual retries. */
export function makeEcs(): ECSClient {
  return new ECSClient({ maxAttempts: 3, requestHandler });
}

/** A client with time-outs and the SDK's usual retries. */
export function makeEc2(): EC2Client {
  return new EC2Client({ maxAttempts: 3, requestHandler });
}

/** The tasks that are to run, at most a hundred. */
export async function readTasks({ client, cluster }: EdgeCluster): Promise<TaskState[]> {
  try {
    const { taskArns = [] } = await client.send(new ListTasksCommand({ cluster, desiredStatus: "RUNNING" }));
    if (taskArns.length === 0) return [];
    const { tasks = [] } = await client.send(new DescribeTasksCommand({ cluster, tasks: taskArns }));
    return tasks.map(stateOf);
  } catch (error) {
    if (error instanceof ClusterNotFoundException) return [];
    throw error;
  }
}

/** The public IPv4 addresses of network interfaces, sorted. */
export async function publicAddresses(client: EC2Client, interfaceIds: readonly string[]): Promise<string[]> {
  if (interfaceIds.length === 0) return [];
  const { NetworkInterfaces = [] } = await client.send(
    new DescribeNetworkInterfacesCommand({ NetworkInterfaceIds: [...interfaceIds] }),
  );
  return NetworkInterfaces.flatMap(({ Association }) => Association?.PublicIp ?? []).sort();
}

/** How many tasks there are to be and are; undefined: there is no such service. */
export async function readTaskCounts({
  client,
  cluster,
  service,
}: EdgeService): Promise<{ readonly desired: number; readonly running: number } | undefined> {
  try {
    const { services = [] } = await client.send(new DescribeServicesCommand({ cluster, services: [service] }));
    const found = services.find(({ status }) => status === "ACTIVE");
    return found === undefined ? undefined : { desired: found.desiredCount ?? 0, running: found.runningCount ?? 0 };
  } catch (error) {
    if (error instanceof ClusterNotFoundException) return undefined;
    throw error;
  }
}

/** Says how many tasks there are to be; ECS starts or ends them in its own time. */
export async function setTaskCount({ client, cluster, service }: EdgeService, desiredCount: number): Promise<void> {
  await client.send(new UpdateServiceCommand({ cluster, service, desiredCount }));
}

function stateOf({ lastStatus = "", desiredStatus = "", healthStatus = "UNKNOWN", attachments = [] }: Task): TaskState {
  const details = attachments.find(({ type }) => type === "ElasticNetworkInterface")?.details;
  const interfaceId = details?.find(({ name }) => name === "networkInterfaceId")?.value;
  return { lastStatus, desiredStatus, health: healthStatus, interfaceId };
}
