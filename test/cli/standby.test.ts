/** `relayhost standby`: what it asks of ECS and CloudWatch, in which order, and what it says stays. */

import { afterAll, afterEach, beforeAll, describe, expect, it } from "vitest";
import { addStandbyCommand } from "../../bin/commands/standby.ts";
import { useLocalAws } from "../../lib/local/local-environment.ts";
import { render, synthesize } from "../infra/synthesized.ts";
import { type CliRun, runProgram } from "../support/cli.ts";
import { type JsonAwsServer, startJsonAwsServer } from "../support/json-aws-server.ts";

/** As the template publishes it; undefined: the parameter of an environment that stands by. */
let parameter: Record<string, unknown>;
let desiredCount: number;
let server: JsonAwsServer;

beforeAll(async () => {
  server = await startJsonAwsServer({
    GetParameter: () => ({ Parameter: { Value: JSON.stringify(parameter) } }),
    DescribeServices: ({ services }) => ({
      services: [
        { serviceName: (services as string[])[0], status: "ACTIVE", desiredCount, runningCount: desiredCount },
      ],
    }),
    UpdateService: (body) => {
      desiredCount = Number(body["desiredCount"]);
      return { service: {} };
    },
    DisableAlarmActions: () => ({}),
    EnableAlarmActions: () => ({}),
  });
  useLocalAws(process.env, server.endpoint);
});
afterAll(async () => await server.close());
afterEach(() => void (server.asked.length = 0));

function publishedBy(name: string, changes = {}): Record<string, unknown> {
  const { properties } = synthesize(name, changes).only("AWS::SSM::Parameter");
  return JSON.parse(render(properties["Value"])) as Record<string, unknown>;
}

async function run(...args: string[]): Promise<CliRun> {
  return await runProgram([addStandbyCommand], ["standby", ...args, "--env", "prod"]);
}

/** What would change something, with what it was asked. */
function changes() {
  return server.asked.filter(({ operation }) => !/^(Get|Describe)/.test(operation));
}

describe("relayhost standby", () => {
  it("ends the tasks behind a load balancer, quietly, and says that the load balancer stays", async () => {
    parameter = publishedBy("prod");
    desiredCount = 2;
    const { code, stdout } = await run("on");
    expect(code).toBe(0);
    expect(changes()).toEqual([
      { operation: "DisableAlarmActions", body: { AlarmNames: ["relayhost-prod-edge-unhealthy"] } },
      {
        operation: "UpdateService",
        body: {
          cluster: "relayhost-prod",
          service: expect.stringMatching(/^<EdgeService\w+\.Name>$/),
          desiredCount: 0,
        },
      },
    ]);
    expect(stdout).toContain("Set the tasks of relay.example.net from 2 to 0");
    expect(stdout).toMatch(/Stays, and costs by the hour .*load balancer, its public addresses\. Only a deployment/);
  });

  it("starts as many as cdk.json says, and lets the alarm ring again", async () => {
    parameter = publishedBy("prod");
    desiredCount = 0;
    const { code, stdout } = await run("off");
    expect(code).toBe(0);
    expect(changes().map(({ operation }) => operation)).toEqual(["UpdateService", "EnableAlarmActions"]);
    expect(desiredCount).toBe(2);
    expect(stdout).toContain("from 0 to 2");
  });

  it("leaves nothing that costs by the hour where there is no load balancer", async () => {
    parameter = publishedBy("staging");
    desiredCount = 1;
    const { stdout } = await run("on");
    expect(stdout).toContain("Nothing is left that costs by the hour.");
    expect(desiredCount).toBe(0);
  });

  it("asked twice, asks ECS for nothing the second time", async () => {
    parameter = publishedBy("prod");
    desiredCount = 0;
    expect((await run("on")).code).toBe(0);
    expect(changes().map(({ operation }) => operation)).toEqual(["DisableAlarmActions"]);
  });

  it("changes nothing in a dry run, and says in JSON what it would", async () => {
    parameter = publishedBy("prod");
    desiredCount = 2;
    const { stdout } = await run("on", "--dry-run", "--json");
    expect(changes()).toEqual([]);
    expect(JSON.parse(stdout)).toEqual({
      environment: "prod",
      standby: true,
      tasks: { before: 2, after: 0 },
      alarm: { name: "relayhost-prod-edge-unhealthy", rings: false },
      needsDeployment: ["load balancer", "its public addresses"],
      dryRun: true,
    });
    expect((await run("off", "--dry-run")).stdout).toContain("would have set the tasks");
  });

  it("says what brings back an environment that was deployed to stand by", async () => {
    parameter = publishedBy("prod", { standby: true });
    const { code, stderr } = await run("off");
    expect(code).toBe(3);
    expect(stderr).toContain("standby: false in cdk.json and npx cdk deploy -c env=prod");
    expect(changes()).toEqual([]);
  });

  it("speaks of deployed environments only", async () => {
    const { code, stderr } = await runProgram([addStandbyCommand], ["standby", "on"]);
    expect(code).toBe(2);
    expect(stderr).toContain("--env");
  });
});
