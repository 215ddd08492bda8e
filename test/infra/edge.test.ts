import { readFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { readEdgeConfig } from "../../lib/config/edge-config.ts";
import { LIMITS } from "../../lib/core/limits.ts";
import { ENV } from "../../lib/core/names.ts";
import { list, object, settingsOf } from "./cdk-json.ts";
import { render, synthesize } from "./synthesized.ts";

const prod = synthesize("prod");
const task = prod.only("AWS::ECS::TaskDefinition").properties;
const container = object(list(task["ContainerDefinitions"])[0]);
const variables = Object.fromEntries(
  list(container["Environment"]).map((entry) => [render(object(entry)["Name"]), render(object(entry)["Value"])]),
);
const DOCKERFILE = readFileSync(join(import.meta.dirname, "..", "..", "relay-edge", "Dockerfile"), "utf8");

describe("the network", () => {
  it("has public subnets in two zones, and no NAT gateway", () => {
    expect(prod.ofType("AWS::EC2::NatGateway")).toEqual([]);
    expect(prod.ofType("AWS::EC2::Subnet").map(({ properties }) => properties["AvailabilityZone"])).toEqual([
      { "Fn::Select": [0, { "Fn::GetAZs": "" }] },
      { "Fn::Select": [1, { "Fn::GetAZs": "" }] },
    ]);
  });

  it("is made without a look-up, even where the account is known and could be asked for its zones", () => {
    const known = synthesize("prod", {}, "111122223333");
    expect(known.lookUps).toEqual([]);
    expect(known.ofType("AWS::EC2::Subnet")).toHaveLength(2);
  });

  it("reaches S3 and DynamoDB without leaving AWS, from both subnets", () => {
    const endpoints = prod.ofType("AWS::EC2::VPCEndpoint").map(({ properties }) => properties);
    expect(endpoints.map((endpoint) => render(endpoint["ServiceName"])).sort()).toEqual([
      "com.amazonaws.<AWS::Region>.dynamodb",
      "com.amazonaws.<AWS::Region>.s3",
    ]);
    for (const endpoint of endpoints) {
      expect(endpoint["VpcEndpointType"]).toBe("Gateway");
      expect(list(endpoint["RouteTableIds"])).toHaveLength(2);
    }
  });
});

describe("the load balancer", () => {
  it("takes TCP from the internet on 587, 2525 and 465 and passes it on to 2525, 2525 and 2465", () => {
    expect(prod.only("AWS::ElasticLoadBalancingV2::LoadBalancer").properties).toMatchObject({
      Type: "network",
      Scheme: "internet-facing",
    });
    const listeners = prod.ofType("AWS::ElasticLoadBalancingV2::Listener").map(({ properties }) => {
      const action = object(list(properties["DefaultActions"])[0]);
      const group = prod.only(render(action["TargetGroupArn"]).replace(/^<(.*)>$/, "$1"));
      return [properties["Protocol"], properties["Port"], group.properties["Port"]];
    });
    expect(listeners).toEqual([
      ["TCP", 587, 2525],
      ["TCP", 2525, 2525],
      ["TCP", 465, 2465],
    ]);
  });

  it("shows the edge who is calling, and lets sessions end before a task goes", () => {
    const groups = prod.ofType("AWS::ElasticLoadBalancingV2::TargetGroup");
    expect(groups).toHaveLength(2);
    for (const { properties } of groups) {
      const attributes = Object.fromEntries(
        list(properties["TargetGroupAttributes"]).map((pair) => [render(object(pair)["Key"]), object(pair)["Value"]]),
      );
      expect(attributes).toEqual({
        "preserve_client_ip.enabled": "true",
        "deregistration_delay.timeout_seconds": String(LIMITS.edge.deregistrationSeconds),
      });
      expect(properties).toMatchObject({ TargetType: "ip", HealthCheckPort: variables[ENV.healthPort] });
    }
    expect(LIMITS.edge.deregistrationSeconds).toBeGreaterThanOrEqual(LIMITS.edge.containerStopSeconds);
  });

  it("is the only one that may call a task, and a task may only call HTTPS", () => {
    const groups = prod.ofType("AWS::EC2::SecurityGroup");
    const taskGroup = groups.find((group) => group.id.startsWith("EdgeTaskGroup"));
    const balancerGroup = groups.find((group) => group.id.startsWith("EdgeBalancerGroup"));
    expect(taskGroup?.properties["SecurityGroupIngress"]).toBeUndefined();
    expect(list(taskGroup?.properties["SecurityGroupEgress"])).toMatchObject([
      { CidrIp: "0.0.0.0/0", FromPort: 443, ToPort: 443, IpProtocol: "tcp" },
    ]);
    const rules = prod.ofType("AWS::EC2::SecurityGroupIngress").map(({ properties }) => properties);
    expect(rules.map((rule) => rule["FromPort"])).toEqual([2525, 2465, 8080]);
    for (const rule of rules) {
      expect(render(rule["GroupId"])).toBe(`<${taskGroup?.id}.GroupId>`);
      expect(render(rule["SourceSecurityGroupId"])).toBe(`<${balancerGroup?.id}.GroupId>`);
    }
  });
});

describe("the host name", () => {
  it("is an alias A record in the zone that the settings name, without a look-up", () => {
    const records = prod.ofType("AWS::Route53::RecordSet").map(({ properties }) => properties);
    expect(records.find(({ Name }) => Name === "relay.example.net.")).toMatchObject({
      Type: "A",
      HostedZoneId: object(settingsOf("prod")["hostedZone"])["id"],
      AliasTarget: { DNSName: { "Fn::Join": expect.anything() } },
    });
  });

  it("is left alone where the settings name no zone", () => {
    expect(synthesize("dev").ofType("AWS::Route53::RecordSet")).toEqual([]);
  });
});

describe("the service", () => {
  it("replaces a task only when its successor is healthy, and goes back to the last version that was", () => {
    expect(prod.only("AWS::ECS::Service").properties).toMatchObject({
      LaunchType: "FARGATE",
      DesiredCount: 2,
      DeploymentConfiguration: {
        MinimumHealthyPercent: 100,
        MaximumPercent: 200,
        DeploymentCircuitBreaker: { Enable: true, Rollback: true },
      },
      EnableExecuteCommand: false,
      NetworkConfiguration: { AwsvpcConfiguration: { AssignPublicIp: "ENABLED" } },
    });
  });
});

describe("the task", () => {
  it("is an arm64 Fargate task of the size that was set", () => {
    expect(task).toMatchObject({
      RequiresCompatibilities: ["FARGATE"],
      RuntimePlatform: { CpuArchitecture: "ARM64", OperatingSystemFamily: "LINUX" },
      Cpu: "512",
      Memory: "1024",
    });
  });

  it("is not root, has no capabilities and can write to its temporary folder only", () => {
    expect(container).toMatchObject({
      User: "65532:65532",
      ReadonlyRootFilesystem: true,
      LinuxParameters: { Capabilities: { Drop: ["ALL"] } },
      MountPoints: [{ ContainerPath: variables[ENV.temporaryDir], ReadOnly: false, SourceVolume: "temporary" }],
      StopTimeout: LIMITS.edge.containerStopSeconds,
    });
    expect(container["Privileged"] ?? false).toBe(false);
    expect(variables[ENV.dataDir]).toMatch(new RegExp(`^${variables[ENV.temporaryDir]}/`));
  });

  it("never waits for its log", () => {
    expect(container["LogConfiguration"]).toMatchObject({ LogDriver: "awslogs", Options: { mode: "non-blocking" } });
    expect(prod.only("EdgeLog").properties["RetentionInDays"]).toBe(90);
  });

  it("is told what its program must know, by names that it knows", () => {
    expect(readEdgeConfig(variables)).toMatchObject({
      spoolBucket: "<SpoolBucket>",
      directoryTable: "<DirectoryTable>",
      settings: { smtpPort: 2525, smtpsPort: 2465, healthPort: 8080, temporaryDir: "/tmp" },
    });
    for (const name of Object.keys(variables)) expect(Object.values<string>(ENV)).toContain(name);
    expect(variables).toMatchObject({
      [ENV.hostName]: "relay.example.net",
      [ENV.spoolBucket]: "<SpoolBucket>",
      [ENV.directoryTable]: "<DirectoryTable>",
      [ENV.messageSizeMax]: String(LIMITS.edge.messageSizeBytesMax),
      // Each task enforces its share of a tenant's limits.
      [ENV.edgeTasks]: render(prod.only("AWS::ECS::Service").properties["DesiredCount"]),
    });
    // Only where it is: the edge reads the secret itself, so that a renewed one needs no new task.
    expect(variables[ENV.tlsSecretArn]).toBe(object(settingsOf("prod")["edge"])["tlsSecretArn"]);
    expect(container["Secrets"]).toBeUndefined();
  });

  it("opens the ports that it is told to listen on", () => {
    const ports = list(container["PortMappings"]).map((mapping) => object(mapping)["ContainerPort"]);
    const told = [ENV.smtpPort, ENV.smtpsPort, ENV.healthPort].map((name) => Number(variables[name]));
    expect(ports).toEqual(told);
  });
});

describe("the image", () => {
  const lines = DOCKERFILE.split("\n");

  it("runs as the task's user, with a volume where the task mounts one", () => {
    expect(lines).toContain(`USER ${render(container["User"])}`);
    expect(lines).toContain(`VOLUME ["${variables[ENV.temporaryDir]}"]`);
  });

  it("exposes the ports that customers' mail comes in on", () => {
    expect(lines).toContain(`EXPOSE ${variables[ENV.smtpPort]} ${variables[ENV.smtpsPort]}`);
  });

  it("starts node itself, so that SIGTERM reaches it, and builds in stages on bases given by argument", () => {
    expect(lines).toContain("STOPSIGNAL SIGTERM");
    expect(lines).toContain('CMD ["/app/main.mjs"]');
    const stages = lines.filter((line) => line.startsWith("FROM "));
    expect(stages.map((line) => line.replace(/--platform=\S+ /, ""))).toEqual([
      "FROM $CHECK_IMAGE AS contents",
      "FROM $NODE_IMAGE",
    ]);
    expect(DOCKERFILE).toMatch(/^ARG NODE_IMAGE=\S*nodejs24\S*$/m);
  });
});
