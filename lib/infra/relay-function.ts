/**
 * A Lambda function of the relay with its own role and its own log.
 *
 * The role is written inline and complete, so it exists with all its rights before anything can call the function,
 * and it replaces AWSLambdaBasicExecutionRole, which may write to every log of the account.
 */

import { Duration } from "aws-cdk-lib";
import { PolicyDocument, type PolicyStatement, Role, ServicePrincipal } from "aws-cdk-lib/aws-iam";
import { Architecture, Code, EventSourceMapping, Function as LambdaFunction, Runtime } from "aws-cdk-lib/aws-lambda";
import type { LogGroup } from "aws-cdk-lib/aws-logs";
import type { IQueue } from "aws-cdk-lib/aws-sqs";
import { Construct } from "constructs";
import type { Environment } from "../config/environment.ts";
import { LIMITS } from "../core/limits.ts";
import { HANDLER } from "./bundle.ts";
import { argueAway, type NagException, SPOOL_OBJECTS } from "./nag.ts";
import { freezeLogicalId, resourceName } from "./physical-names.ts";
import { RelayLog } from "./relay-log.ts";
import { logRights } from "./rights.ts";

/** What makes one function differ from another. */
export interface RelayFunctionProps {
  readonly environment: Environment;
  /** `forward`, `feedback` and so on: the last part of the function's name. */
  readonly name: string;
  readonly logicalId: string;
  readonly description: string;
  /** Folder that `bundleFunction` wrote. */
  readonly codeDir: string;
  readonly limits: { readonly timeoutSeconds: number; readonly memoryMiB: number };
  readonly variables: Readonly<Record<string, string>>;
  readonly rights: readonly PolicyStatement[];
  /** Why its role is wider than cdk-nag allows, beyond the objects of the spool. */
  readonly exceptions?: readonly NagException[];
}

/** Function, role and log; see the head of this file. */
export class RelayFunction extends Construct {
  readonly function: LambdaFunction;
  readonly role: Role;
  readonly logGroup: LogGroup;

  constructor(scope: Construct, id: string, props: RelayFunctionProps) {
    super(scope, id);
    const functionName = resourceName(props.environment.name, props.name);
    const { logGroup } = new RelayLog(this, "Log", {
      logGroupName: `/aws/lambda/${functionName}`,
      logicalId: `${props.logicalId}Log`,
      days: props.environment.logDays,
    });
    this.logGroup = logGroup;
    this.role = new Role(this, "Role", {
      description: `What ${functionName} may do`,
      assumedBy: new ServicePrincipal("lambda.amazonaws.com"),
      inlinePolicies: { rights: new PolicyDocument({ statements: [...props.rights, logRights(logGroup)] }) },
    });
    argueAway(this.role, SPOOL_OBJECTS, ...(props.exceptions ?? []));
    this.function = new LambdaFunction(this, "Function", {
      functionName,
      description: props.description,
      runtime: Runtime.NODEJS_24_X,
      architecture: Architecture.ARM_64,
      code: Code.fromAsset(props.codeDir),
      handler: HANDLER,
      timeout: Duration.seconds(props.limits.timeoutSeconds),
      memorySize: props.limits.memoryMiB,
      environment: { ...props.variables, NODE_OPTIONS: `--max-semi-space-size=${LIMITS.functions.semiSpaceMiB}` },
      role: this.role,
      logGroup,
    });
    freezeLogicalId(this.function, props.logicalId);
  }

  /** Has Lambda poll `queue`; the handler says by message which ones failed. `concurrency` is at least 2 (AWS's bound). */
  consume(queue: IQueue, batchSize: number, concurrency: number): void {
    new EventSourceMapping(this, "Source", {
      target: this.function,
      eventSourceArn: queue.queueArn,
      batchSize,
      reportBatchItemFailures: true,
      maxConcurrency: concurrency,
    });
  }
}
