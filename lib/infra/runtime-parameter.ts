/**
 * What an environment is made of, published for the operator's tools: one SSM parameter that holds JSON.
 *
 * Names only, no secrets; whoever reads it needs rights of their own on what it names.
 */

import { Stack } from "aws-cdk-lib";
import { StringParameter } from "aws-cdk-lib/aws-ssm";
import { Construct } from "constructs";
import type { RuntimeNames } from "../config/runtime-names.ts";
import { runtimeParameterName } from "../core/names.ts";
import { freezeLogicalId } from "./physical-names.ts";

/** The environment and what to publish of it. */
export interface RuntimeParameterProps {
  readonly environment: string;
  readonly names: RuntimeNames;
}

/** The parameter; see the head of this file. */
export class RuntimeParameter extends Construct {
  readonly parameter: StringParameter;

  constructor(scope: Construct, id: string, props: RuntimeParameterProps) {
    super(scope, id);
    this.parameter = new StringParameter(this, "Parameter", {
      parameterName: runtimeParameterName(props.environment),
      description: `Where relayhost ${props.environment} keeps its mail; read by the relayhost command`,
      stringValue: Stack.of(this).toJsonString(props.names),
    });
    freezeLogicalId(this.parameter, "RuntimeParameter");
  }
}
