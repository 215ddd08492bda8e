/**
 * Exceptions from the rules of cdk-nag's AwsSolutions pack, each argued where its resource is made.
 *
 * Every synthesis runs the pack; what it finds and nobody has argued away ends the synthesis.
 */

import { Stack, Token, Validations } from "aws-cdk-lib";
import type { IConstruct } from "constructs";

/** One rule, and why it does not hold here. `finding` names one of several findings of the rule on the resource. */
export interface NagException {
  readonly rule: string;
  readonly finding?: string;
  readonly reason: string;
}

/** Takes one resource, with what belongs to it, out of the rules named. */
export function argueAway(construct: IConstruct, ...exceptions: readonly NagException[]): void {
  for (const { rule, finding, reason } of exceptions) {
    const id = `AwsSolutions::AwsSolutions-${rule}${finding === undefined ? "" : `[${finding}]`}`;
    Validations.of(construct).acknowledge({ id, reason });
  }
}

/** How cdk-nag writes an ARN of the stack's account and region: what is not known yet in angle brackets. */
export function findingOfArn(scope: IConstruct, service: string, resource: string): string {
  const { partition, region, account } = Stack.of(scope);
  const shown = (value: string, name: string): string => (Token.isUnresolved(value) ? `<AWS::${name}>` : value);
  const parts = [shown(partition, "Partition"), service, shown(region, "Region"), shown(account, "AccountId")];
  return `Resource::arn:${parts.join(":")}:${resource}`;
}

/** The same of a service whose ARNs name neither region nor account. */
export function findingOfGlobalArn(scope: IConstruct, service: string, resource: string): string {
  const { partition } = Stack.of(scope);
  return `Resource::arn:${Token.isUnresolved(partition) ? "<AWS::Partition>" : partition}:${service}:::${resource}`;
}

/** A role that works on the spool: its rights name the prefix, and IAM knows no other way to say "all below". */
export const SPOOL_OBJECTS: NagException = {
  rule: "IAM5",
  finding: "Resource::<SpoolBucket.Arn>/spool/*",
  reason: "All messages below spool/ and nothing else of the bucket; a message's key is not known beforehand.",
};
