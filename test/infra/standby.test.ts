import { describe, expect, it } from "vitest";
import { synthesize } from "./synthesized.ts";

const running = synthesize("prod");
const standby = synthesize("prod", { standby: true });

/** What AWS charges for by the hour, of all that the stack can hold (pricing pages of ELB, Fargate, VPC, NAT). */
const BY_THE_HOUR = [
  "AWS::EC2::EIP",
  "AWS::EC2::NatGateway",
  "AWS::EC2::VPCEndpointService",
  "AWS::ECS::Service",
  "AWS::ElasticLoadBalancingV2::LoadBalancer",
];
/** Made anew when the environment comes back; none of it holds anything. */
const OF_THE_EDGE = /^(Edge|HostRecord|Alarms(EdgeUnhealthy|CertificateExpires|DirectoryErrors|StoreErrors))/;

describe("an environment that stands by", () => {
  it("holds nothing that costs by the hour", () => {
    expect(standby.resources.filter(({ type }) => BY_THE_HOUR.includes(type))).toEqual([]);
    const interfaces = standby
      .ofType("AWS::EC2::VPCEndpoint")
      .filter(({ properties }) => properties["VpcEndpointType"] !== "Gateway");
    expect(interfaces).toEqual([]);
  });

  it("keeps everything else as it is, so that it comes back under the same names with all it knew", () => {
    const left = new Map(standby.resources.map((resource) => [resource.id, resource]));
    for (const resource of running.resources) {
      if (OF_THE_EDGE.test(resource.id) && !left.has(resource.id)) continue;
      // The dashboard shows what there is, and the parameter says it.
      if (["AWS::CloudWatch::Dashboard", "AWS::SSM::Parameter"].includes(resource.type)) continue;
      expect(left.get(resource.id), resource.id).toEqual(resource);
    }
    expect(left.size).toBeLessThan(running.resources.length);
  });

  it("rings for nothing that is missing on purpose, and has ten alarms at most", () => {
    const alarms = standby.ofType("AWS::CloudWatch::Alarm");
    expect(alarms.filter(({ properties }) => properties["TreatMissingData"] === "breaching")).toEqual([]);
    expect(alarms.length).toBeLessThanOrEqual(10);
  });
});
