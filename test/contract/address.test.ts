/** The edge's name follows its task: the real SDK against ECS, EC2 and Route 53 as far as it is asked for them. */

import { createServer, type Server } from "node:http";
import type { AddressInfo } from "node:net";
import { afterAll, beforeAll, beforeEach, describe, expect, it } from "vitest";
import { makeAddressHandler } from "../../lambda/address/handler.ts";
import type { LogEvent } from "../../lib/core/log.ts";
import { ENV } from "../../lib/core/names.ts";
import { servingInterfaces } from "../../lib/core/serving-tasks.ts";
import { useLocalAws } from "../../lib/local/local-environment.ts";
import { type JsonAwsServer, startJsonAwsServer } from "../support/json-aws-server.ts";
import { type Route53Server, startRoute53 } from "../support/route53-server.ts";

const NAME = "task.relay.example.net.";

interface FakeTask {
  readonly eni: string;
  readonly lastStatus?: string;
  readonly desiredStatus?: string;
  readonly healthStatus?: string;
}

/** What ECS would say; undefined: there is no cluster. */
let tasks: readonly FakeTask[] | undefined;
const PUBLIC: Readonly<Record<string, string>> = { "eni-1": "203.0.113.1", "eni-2": "203.0.113.2" };
let ecs: JsonAwsServer;
let ec2: Server;
let dns: Route53Server;
const log: LogEvent[] = [];

beforeAll(async () => {
  ecs = await startJsonAwsServer({
    ListTasks: ({ cluster, desiredStatus }) => {
      if (tasks === undefined) return { __type: "ClusterNotFoundException", message: "Cluster not found." };
      const wanted = tasks.filter((task) => (task.desiredStatus ?? "RUNNING") === desiredStatus);
      return { taskArns: wanted.map(({ eni }) => `arn:aws:ecs:us-east-1:1:task/${String(cluster)}/${eni}`) };
    },
    DescribeTasks: ({ tasks: arns }) => ({
      tasks: (arns as string[]).map((arn) => {
        const { eni, ...state } = tasks?.find((task) => arn.endsWith(task.eni)) ?? { eni: "" };
        const details = [{ name: "networkInterfaceId", value: eni }];
        return {
          taskArn: arn,
          lastStatus: "RUNNING",
          desiredStatus: "RUNNING",
          healthStatus: "HEALTHY",
          ...state,
          attachments: [{ type: "ElasticNetworkInterface", details }],
        };
      }),
    }),
  });
  ec2 = createServer((request, response) => {
    let body = "";
    request.on("data", (chunk: Buffer) => (body += chunk.toString("utf8")));
    request.on("end", () => {
      const asked = [...new URLSearchParams(body)].filter(([name]) => name.startsWith("NetworkInterfaceId."));
      const items = asked.map(
        ([, id]) =>
          `<item><networkInterfaceId>${id}</networkInterfaceId><association><publicIp>${PUBLIC[id]}</publicIp></association></item>`,
      );
      response.writeHead(200, { "content-type": "text/xml" });
      response.end(
        `<DescribeNetworkInterfacesResponse><networkInterfaceSet>${items.join("")}</networkInterfaceSet></DescribeNetworkInterfacesResponse>`,
      );
    });
  });
  await new Promise<void>((resolve) => ec2.listen(0, "127.0.0.1", resolve));
  dns = await startRoute53();
  useLocalAws(process.env, ecs.endpoint);
  process.env["AWS_ENDPOINT_URL_EC2"] = `http://127.0.0.1:${(ec2.address() as AddressInfo).port}`;
  process.env["AWS_ENDPOINT_URL_ROUTE_53"] = dns.url;
});

afterAll(async () => {
  await ecs.close();
  ec2.closeAllConnections();
  ec2.close();
  await dns.close();
});

beforeEach(() => {
  log.length = 0;
  dns.batches.splice(0);
  const nobody = { name: NAME, type: "A", ttl: "60", values: ["192.0.2.1"], identifier: "nobody", weight: "0" };
  dns.zones.set("Z1", { name: "example.net.", isPrivate: false, sets: [nobody] });
});

async function run() {
  const env = {
    [ENV.environment]: "test",
    [ENV.edgeCluster]: "relayhost-test",
    [ENV.hostedZoneId]: "Z1",
    [ENV.addressName]: NAME.slice(0, -1),
  };
  return await makeAddressHandler(env, (event) => void log.push(event))({});
}

/** What a resolver is told: weight zero counts only where there is nothing else. */
function answer(): readonly string[] {
  const sets = dns.zones.get("Z1")?.sets.filter(({ name, type }) => name === NAME && type === "A") ?? [];
  const heavy = sets.filter(({ weight }) => weight !== "0");
  return (heavy.length > 0 ? heavy : sets).flatMap(({ values }) => values);
}

describe("the edge's name", () => {
  it("leads to the task's public address, and is written only when that has changed", async () => {
    tasks = [{ eni: "eni-1" }];
    expect(await run()).toEqual({ addresses: ["203.0.113.1"], changed: true });
    expect(answer()).toEqual(["203.0.113.1"]);
    expect(await run()).toEqual({ addresses: ["203.0.113.1"], changed: false });
    expect(dns.batches).toHaveLength(1);
    expect(log).toEqual([{ event: "address-changed", from: [], to: ["203.0.113.1"] }]);
  });

  it("goes over to a new task: both while both serve, then the new one alone", async () => {
    tasks = [{ eni: "eni-1" }];
    await run();
    tasks = [{ eni: "eni-1" }, { eni: "eni-2", healthStatus: "UNKNOWN" }];
    await run();
    expect(answer()).toEqual(["203.0.113.1"]);
    tasks = [{ eni: "eni-1" }, { eni: "eni-2" }];
    await run();
    expect(answer()).toEqual(["203.0.113.1", "203.0.113.2"]);
    tasks = [{ eni: "eni-1", desiredStatus: "STOPPED" }, { eni: "eni-2" }];
    await run();
    expect(answer()).toEqual(["203.0.113.2"]);
  });

  it("leads to nobody when no task runs, nor a cluster is there", async () => {
    tasks = [{ eni: "eni-1" }];
    await run();
    tasks = [];
    expect(await run()).toEqual({ addresses: [], changed: true });
    expect(answer()).toEqual(["192.0.2.1"]);
    tasks = undefined;
    expect(await run()).toEqual({ addresses: [], changed: false });
  });

  it("is left as it is when nobody can say where the task is", async () => {
    tasks = [{ eni: "eni-1" }];
    await run();
    const { endpoint } = ecs;
    useLocalAws(process.env, "http://127.0.0.1:9");
    process.env["AWS_ENDPOINT_URL_ROUTE_53"] = dns.url;
    await expect(run()).rejects.toThrow();
    useLocalAws(process.env, endpoint);
    expect(answer()).toEqual(["203.0.113.1"]);
  });
});

describe("servingInterfaces", () => {
  const running = { lastStatus: "RUNNING", desiredStatus: "RUNNING", health: "UNKNOWN", interfaceId: "a" };

  it("takes one that has just been started where there is no other", () => {
    expect(servingInterfaces([running])).toEqual(["a"]);
    expect(servingInterfaces([running, { ...running, health: "HEALTHY", interfaceId: "b" }])).toEqual(["b"]);
  });

  it.each([
    { ...running, lastStatus: "PENDING" },
    { ...running, lastStatus: "DEACTIVATING" },
    { ...running, desiredStatus: "STOPPED" },
    { ...running, interfaceId: undefined },
  ])("leaves out what does not serve: %j", (task) => {
    expect(servingInterfaces([task])).toEqual([]);
  });
});
