/**
 * What runs the edge's image: the Fargate task, its role, its log.
 *
 * The task runs as an unprivileged user without capabilities on a read-only file system. Only `/tmp` can be written:
 * messages too big for memory, and a self-signed certificate where no other was given.
 */

import { Duration, Stack } from "aws-cdk-lib";
import { Platform } from "aws-cdk-lib/aws-ecr-assets";
import {
  AwsLogDriverMode,
  Capability,
  type ContainerDefinitionOptions,
  ContainerImage,
  CpuArchitecture,
  FargateTaskDefinition,
  LinuxParameters,
  LogDrivers,
  OperatingSystemFamily,
  UlimitName,
} from "aws-cdk-lib/aws-ecs";
import { PolicyDocument, Role, ServicePrincipal } from "aws-cdk-lib/aws-iam";
import type { LogGroup } from "aws-cdk-lib/aws-logs";
import { Construct } from "constructs";
import type { Environment, Ingress } from "../config/environment.ts";
import { LIMITS } from "../core/limits.ts";
import { ENV } from "../core/names.ts";
import { argueAway, SPOOL_OBJECTS } from "./nag.ts";
import { resourceName } from "./physical-names.ts";
import { RelayLog } from "./relay-log.ts";
import { edgeRights, type RelayResources } from "./rights.ts";

/** What the task is made from. */
export interface EdgeTaskProps {
  readonly environment: Environment;
  /** Docker build context that `prepareEdgeImage` wrote. */
  readonly imageDir: string;
  readonly resources: Pick<RelayResources, "spool" | "directory">;
  /** Secret with the certificate; `awaited`: somebody fills it later. */
  readonly tlsSecret: { readonly arn: string; readonly awaited: boolean } | undefined;
}

/**
 * Ports inside the container. Behind a load balancer above 1024, because its user is unprivileged; without one they are
 * those that customers connect to.
 */
const EDGE_PORTS = {
  nlb: { smtp: 2525, smtps: 2465, health: 8080 },
  task: { smtp: 587, smtps: 465, health: 8080 },
} as const;

/** The ports that the container listens on. */
export function edgePorts(ingress: Ingress): {
  readonly smtp: number;
  readonly smtps: number;
  readonly health: number;
} {
  return EDGE_PORTS[ingress];
}

/** Where the base image has its only program, which stands in relay-edge/Dockerfile as the base's entry point. */
const NODE = "/nodejs/bin/node";
/** Name of the one container of the task. */
export const EDGE_CONTAINER = "edge";

/** The only folder that can be written. The same path stands in relay-edge/Dockerfile as VOLUME. */
const TEMPORARY_DIR = "/tmp";
/** `nonroot` of the distroless images, as in relay-edge/Dockerfile. */
const USER = "65532:65532";

/** The task definition; see the head of this file. */
export class EdgeTask extends Construct {
  readonly definition: FargateTaskDefinition;
  readonly logGroup: LogGroup;

  constructor(scope: Construct, id: string, props: EdgeTaskProps) {
    super(scope, id);
    const { environment } = props;
    this.definition = new FargateTaskDefinition(this, "Definition", {
      family: resourceName(environment.name, "edge"),
      cpu: environment.edge.cpu,
      memoryLimitMiB: environment.edge.memoryMiB,
      runtimePlatform: {
        cpuArchitecture: CpuArchitecture.ARM64,
        operatingSystemFamily: OperatingSystemFamily.LINUX,
      },
      taskRole: this.role(props),
      volumes: [{ name: "temporary" }],
    });
    this.logGroup = this.addContainer(props);
    argueAway(this.definition.taskRole, SPOOL_OBJECTS);
    argueAway(this.definition.obtainExecutionRole(), {
      rule: "IAM5",
      finding: "Resource::*",
      reason: "ecr:GetAuthorizationToken has no resource that a policy could name.",
    });
    argueAway(this.definition, {
      rule: "ECS2",
      reason:
        "The variables are names and numbers; there is no secret among them, and a change of one is a deployment.",
    });
  }

  /**
   * The role of the program. Pulling the image and writing the log is the execution role's, whose credentials the
   * program never sees.
   */
  private role(props: EdgeTaskProps): Role {
    return new Role(this, "Role", {
      description: `What the edge of relayhost ${props.environment.name} may do`,
      assumedBy: new ServicePrincipal("ecs-tasks.amazonaws.com", {
        conditions: { StringEquals: { "aws:SourceAccount": Stack.of(this).account } },
      }),
      inlinePolicies: {
        rights: new PolicyDocument({ statements: edgeRights(props.resources, props.tlsSecret?.arn) }),
      },
    });
  }

  /** Adds the one container; returns its log. */
  private addContainer(props: EdgeTaskProps): LogGroup {
    const { environment, resources, tlsSecret } = props;
    const { nodeImage } = environment.edge;
    const ports = edgePorts(environment.ingress);
    const { logGroup } = new RelayLog(this, "Log", {
      logGroupName: `/relayhost/${environment.name}/edge`,
      logicalId: "EdgeLog",
      days: environment.logDays,
    });
    const linuxParameters = new LinuxParameters(this, "Linux");
    linuxParameters.dropCapabilities(Capability.ALL);
    const container = this.definition.addContainer(EDGE_CONTAINER, {
      image: ContainerImage.fromAsset(props.imageDir, {
        platform: Platform.LINUX_ARM64,
        ...(nodeImage === undefined ? {} : { buildArgs: { NODE_IMAGE: nodeImage } }),
      }),
      environment: {
        [ENV.environment]: environment.name,
        [ENV.hostName]: environment.hostName,
        [ENV.spoolBucket]: resources.spool.bucketName,
        [ENV.directoryTable]: resources.directory.tableName,
        [ENV.edgeTasks]: String(environment.edge.desiredCount),
        [ENV.messageSizeMax]: String(environment.messageSizeMax),
        [ENV.bindAddress]: "0.0.0.0",
        [ENV.smtpPort]: String(ports.smtp),
        [ENV.smtpsPort]: String(ports.smtps),
        [ENV.healthPort]: String(ports.health),
        [ENV.temporaryDir]: TEMPORARY_DIR,
        [ENV.dataDir]: `${TEMPORARY_DIR}/relayhost`,
        ...(tlsSecret === undefined ? {} : { [ENV.tlsSecretArn]: tlsSecret.arn }),
        ...(tlsSecret?.awaited === true ? { [ENV.tlsAwaitSecret]: "true" } : {}),
      },
      portMappings: Object.values(ports).map((containerPort) => ({ containerPort })),
      ...(environment.ingress === "nlb" ? {} : withoutBalancer(ports.health)),
      user: USER,
      readonlyRootFilesystem: true,
      linuxParameters,
      stopTimeout: Duration.seconds(LIMITS.edge.containerStopSeconds),
      // One descriptor for each session, one for its temporary file, one for its upload.
      ulimits: [{ name: UlimitName.NOFILE, softLimit: 65_535, hardLimit: 65_535 }],
      // Mail must not wait for a log service that is slow.
      logging: LogDrivers.awsLogs({ logGroup, streamPrefix: "edge", mode: AwsLogDriverMode.NON_BLOCKING }),
    });
    container.addMountPoints({ sourceVolume: "temporary", containerPath: TEMPORARY_DIR, readOnly: false });
    return logGroup;
  }
}

/**
 * What a load balancer does otherwise: ports below 1024 for a user without privileges (the task has a network of its own,
 * so nobody else's ports are freed by this), and a health check, which a new task has to pass before ECS ends the old one.
 */
function withoutBalancer(healthPort: number): Pick<ContainerDefinitionOptions, "systemControls" | "healthCheck"> {
  const probe = `fetch("http://127.0.0.1:${healthPort}/health").then((r)=>process.exit(r.ok?0:1),()=>process.exit(1))`;
  return {
    systemControls: [{ namespace: "net.ipv4.ip_unprivileged_port_start", value: "0" }],
    healthCheck: {
      // The image holds no shell and no other program.
      command: ["CMD", NODE, "-e", probe],
      interval: Duration.seconds(30),
      timeout: Duration.seconds(10),
      retries: 3,
      startPeriod: Duration.seconds(30),
    },
  };
}
