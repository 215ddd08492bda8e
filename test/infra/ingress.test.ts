import { readFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { readEdgeConfig } from "../../lib/config/edge-config.ts";
import { readAddressConfig } from "../../lib/config/function-config.ts";
import { LIMITS } from "../../lib/core/limits.ts";
import { METRICS } from "../../lib/core/names.ts";
import { type JsonObject, list, object, settingsOf } from "./cdk-json.ts";
import { grants } from "./grants.ts";
import { render, type Synthesized, synthesize, synthesizeValidated } from "./synthesized.ts";

const HOST = "relay-staging.example.net";
const task = synthesize("staging");
const fixed = synthesizeValidated("prod", {
  edge: { ...object(settingsOf("prod")["edge"]), elasticIps: true },
});

function containerOf(synthesized: Synthesized) {
  return object(list(synthesized.only("AWS::ECS::TaskDefinition").properties["ContainerDefinitions"])[0]);
}

function records(synthesized: Synthesized): (JsonObject & { readonly id: string })[] {
  return synthesized.ofType("AWS::Route53::RecordSet").map(({ id, properties }) => ({ ...properties, id }));
}

describe("an edge of one task without a load balancer", () => {
  const container = containerOf(task);
  const variables = Object.fromEntries(
    list(container["Environment"]).map((entry) => [render(object(entry)["Name"]), render(object(entry)["Value"])]),
  );

  it("has none, and nothing of one", () => {
    const types = task.resources.map(({ type }) => type);
    expect(types.filter((type) => type.startsWith("AWS::ElasticLoadBalancingV2"))).toEqual([]);
    const { properties } = task.only("AWS::ECS::Service");
    expect(list(properties["LoadBalancers"])).toEqual([]);
    // ECS refuses it without a load balancer.
    expect(properties["HealthCheckGracePeriodSeconds"]).toBeUndefined();
    expect(properties["DesiredCount"]).toBe(1);
  });

  it("listens on the ports that customers use, as a user without privileges", () => {
    const ports = list(container["PortMappings"]).map((mapping) => object(mapping)["ContainerPort"]);
    expect(ports).toEqual([587, 465, 8080]);
    const { ["RELAYHOST_TLS_SECRET_ARN"]: _, ["RELAYHOST_TLS_AWAIT_SECRET"]: __, ...rest } = variables;
    expect(readEdgeConfig(rest).settings).toMatchObject({ smtpPort: 587, smtpsPort: 465, healthPort: 8080 });
    expect(container["User"]).toBe("65532:65532");
    expect(container["SystemControls"]).toEqual([{ Namespace: "net.ipv4.ip_unprivileged_port_start", Value: "0" }]);
  });

  it("is open for SMTP, and for nothing else", () => {
    const [group, ...others] = task.ofType("AWS::EC2::SecurityGroup");
    expect(others).toEqual([]);
    expect(list(group?.properties["SecurityGroupIngress"])).toMatchObject([
      { CidrIp: "0.0.0.0/0", FromPort: 587, ToPort: 587, IpProtocol: "tcp" },
      { CidrIp: "0.0.0.0/0", FromPort: 465, ToPort: 465, IpProtocol: "tcp" },
    ]);
    expect(task.ofType("AWS::EC2::SecurityGroupIngress")).toEqual([]);
  });

  it("is asked for its health by the only program of its image", () => {
    const [kind, program, ...args] = list(object(container["HealthCheck"])["Command"]).map(render);
    expect([kind, program]).toEqual(["CMD", "/nodejs/bin/node"]);
    expect(args.join(" ")).toContain("http://127.0.0.1:8080/health");
    const dockerfile = readFileSync(join(import.meta.dirname, "..", "..", "relay-edge", "Dockerfile"), "utf8");
    expect(dockerfile).toMatch(/^ARG NODE_IMAGE=gcr\.io\/distroless\/nodejs/m);
  });

  it("has a host name that is an alias of a name that leads to nobody until a task runs", () => {
    const nobody = records(task).find(({ SetIdentifier }) => SetIdentifier === "nobody");
    expect(nobody).toMatchObject({
      Name: `task.${HOST}.`,
      Type: "A",
      Weight: 0,
      TTL: "60",
      ResourceRecords: ["192.0.2.1"],
    });
    const host = records(task).find(({ Name }) => Name === `${HOST}.`);
    expect(host).toMatchObject({
      Type: "A",
      AliasTarget: { DNSName: `task.${HOST}.`, HostedZoneId: object(settingsOf("staging")["hostedZone"])["id"] },
    });
    // Route 53 takes an alias only of what is there.
    const { DependsOn } = object(object(task.template["Resources"])[host?.id ?? ""]);
    expect(list(DependsOn).map(render)).toContain(nobody?.id);
  });

  it("is kept in DNS by a function that hears of changes of its cluster, and looks every minute", () => {
    const rules = task
      .ofType("AWS::Events::Rule")
      .map(({ properties }) => properties)
      .filter(({ Targets }) => render(object(list(Targets)[0])["Arn"]) === "<AddressFunction.Arn>");
    const pattern = rules.map(({ EventPattern }) => EventPattern).find((found) => found !== undefined);
    expect(pattern).toMatchObject({ source: ["aws.ecs"], "detail-type": ["ECS Task State Change"] });
    expect(list(object(object(pattern)["detail"])["clusterArn"]).map(render)).toEqual([
      "arn:aws:ecs:us-east-1:<AWS::AccountId>:cluster/relayhost-staging",
    ]);
    expect(render(task.only("EdgeCluster").properties["ClusterName"])).toBe("relayhost-staging");
    expect(rules.map(({ ScheduleExpression }) => ScheduleExpression)).toContain("rate(1 minute)");
    const told = object(object(task.only("AddressFunction").properties["Environment"])["Variables"]);
    expect(readAddressConfig(Object.fromEntries(Object.entries(told).map(([k, v]) => [k, render(v)])))).toEqual({
      environment: "staging",
      edgeCluster: "relayhost-staging",
      hostedZoneId: object(settingsOf("staging")["hostedZone"])["id"],
      addressName: `task.${HOST}`,
    });
  });

  it("gives that function one record of one name, and the tasks of one cluster", () => {
    const role = task.ofType("AWS::IAM::Role").find(({ id }) => id.startsWith("TaskAddressWorkerRole"));
    if (role === undefined) throw new Error("no role");
    const given = grants(task, role).filter(({ action }) => !action.startsWith("logs:"));
    const zone = `arn:aws:route53:::hostedzone/${render(object(settingsOf("staging")["hostedZone"])["id"])}`;
    expect(given.map(({ action, resource }) => `${action} ${resource}`).sort()).toEqual([
      "ec2:DescribeNetworkInterfaces *",
      "ecs:DescribeTasks arn:aws:ecs:us-east-1:<AWS::AccountId>:task/relayhost-staging/*",
      "ecs:ListTasks *",
      `route53:ChangeResourceRecordSets ${zone}`,
      `route53:ListResourceRecordSets ${zone}`,
    ]);
    const conditionOf = (action: string) => given.find((grant) => grant.action === action)?.condition ?? "";
    expect(conditionOf("ecs:ListTasks")).toContain("cluster/relayhost-staging");
    expect(JSON.parse(conditionOf("route53:ChangeResourceRecordSets"))).toEqual({
      "ForAllValues:StringEquals": {
        "route53:ChangeResourceRecordSetsNormalizedRecordNames": [`task.${HOST}`],
        "route53:ChangeResourceRecordSetsRecordTypes": ["A"],
        "route53:ChangeResourceRecordSetsActions": ["UPSERT", "DELETE"],
      },
    });
    // The edge itself has no rights in DNS.
    const edge = task.ofType("AWS::IAM::Role").find(({ id }) => id.startsWith("EdgeTaskRole"));
    expect(edge === undefined ? [] : grants(task, edge).map(({ action }) => action)).not.toContainEqual(
      expect.stringMatching(/^(route53|ecs|ec2):/),
    );
  });

  it("rings when it says nothing for three minutes", () => {
    const alarm = task
      .ofType("AWS::CloudWatch::Alarm")
      .find(({ properties }) => render(properties["AlarmName"]) === "relayhost-staging-edge-unhealthy");
    expect(alarm?.properties).toMatchObject({
      Namespace: "Relayhost",
      MetricName: METRICS.connections.name,
      Dimensions: [{ Name: "Environment", Value: "staging" }],
      Statistic: "SampleCount",
      Period: 60,
      EvaluationPeriods: 3,
      Threshold: 1,
      ComparisonOperator: "LessThanThreshold",
      TreatMissingData: "breaching",
    });
    expect(LIMITS.edge.metricsEveryMs).toBe(60_000);
  });

  it("stands by under the same name, which then leads to nobody, and costs nothing by the hour", () => {
    const standby = synthesize("staging", { standby: true });
    const types = standby.resources.map(({ type }) => type);
    for (const type of ["AWS::ECS::Service", "AWS::EC2::EIP", "AWS::ElasticLoadBalancingV2::LoadBalancer"]) {
      expect(types).not.toContain(type);
    }
    expect(records(standby)).toEqual(records(task));
    const schedules = standby.ofType("AWS::Events::Rule").map(({ properties }) => properties["ScheduleExpression"]);
    expect(schedules).toContain("rate(1 hour)");
    expect(schedules).not.toContain("rate(1 minute)");
  });
});

describe("a load balancer with fixed addresses", () => {
  it("has an Elastic IP in each zone, under ids that never change, and says which they are", () => {
    const addresses = fixed.ofType("AWS::EC2::EIP").map(({ id }) => id);
    expect(addresses.sort()).toEqual(["EdgeAddress1", "EdgeAddress2"]);
    const { properties } = fixed.only("AWS::ElasticLoadBalancingV2::LoadBalancer");
    expect(properties["Subnets"]).toBeUndefined();
    expect(list(properties["SubnetMappings"]).map((mapping) => render(object(mapping)["AllocationId"]))).toEqual([
      "<EdgeAddress1.AllocationId>",
      "<EdgeAddress2.AllocationId>",
    ]);
    const outputs = Object.values(object(fixed.template["Outputs"])).map((output) => render(object(output)["Value"]));
    expect(outputs).toEqual(expect.arrayContaining(["<EdgeAddress1>", "<EdgeAddress2>"]));
  });

  it("shares no load balancer and no target group with one without, since neither can be changed in place", () => {
    const idsOf = (synthesized: Synthesized): string[] =>
      synthesized.resources
        .filter(({ type }) => /^AWS::ElasticLoadBalancingV2::(LoadBalancer|TargetGroup|Listener)$/.test(type))
        .map(({ id }) => id);
    const usual = new Set(idsOf(synthesize("prod")));
    expect(idsOf(fixed)).toHaveLength(6);
    expect(idsOf(fixed).filter((id) => usual.has(id))).toEqual([]);
    expect(synthesize("prod").ofType("AWS::EC2::EIP")).toEqual([]);
  });

  it("gives its addresses up while it stands by", () => {
    const edge = { ...object(settingsOf("prod")["edge"]), elasticIps: true };
    expect(synthesize("prod", { edge, standby: true }).ofType("AWS::EC2::EIP")).toEqual([]);
  });
});
