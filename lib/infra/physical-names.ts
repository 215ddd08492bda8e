/**
 * How resources are called in an account, and under which logical id CloudFormation knows them.
 *
 * Invariant: a resource with a fixed name also has a fixed logical id. Were the id to follow the construct tree, a
 * moved construct would make CloudFormation create the new resource before it deletes the old one, and the name would
 * be taken; a bucket or a table would be lost besides.
 */

import { CfnElement, RemovalPolicy } from "aws-cdk-lib";
import type { Construct } from "constructs";

/** `relayhost-<environment>-<part>`: several environments live in one account without meeting. */
export function resourceName(environment: string, part?: string): string {
  return part === undefined ? `relayhost-${environment}` : `relayhost-${environment}-${part}`;
}

/** Gives the resource inside an L2 construct a logical id that no refactoring changes. Throws if there is none inside. */
export function freezeLogicalId(construct: Construct, logicalId: string): void {
  const resource = construct.node.defaultChild;
  if (!(resource instanceof CfnElement)) {
    throw new TypeError(`${construct.node.path} has no resource of its own to call ${logicalId}`);
  }
  resource.overrideLogicalId(logicalId);
}

/**
 * What happens to data when its stack goes. Protected data stays, except after a failed first deployment, where it
 * would only stand in the way of the next one; `cdk deploy --import-existing-resources` takes it back in.
 */
export function dataRemovalPolicy(deletionProtection: boolean): RemovalPolicy {
  return deletionProtection ? RemovalPolicy.RETAIN_ON_UPDATE_OR_DELETE : RemovalPolicy.DESTROY;
}
