/** The SSM parameter in which a deployed environment publishes its names. */

import { GetParameterCommand, SSMClient } from "@aws-sdk/client-ssm";
import { parseRuntimeNames, type RuntimeNames } from "../config/runtime-names.ts";
import { runtimeParameterName } from "../core/names.ts";

/** Reads the names of an environment with the operator's own credentials. Throws the SDK's error. */
export async function readRuntimeParameter(environment: string): Promise<RuntimeNames> {
  const name = runtimeParameterName(environment);
  const { Parameter } = await new SSMClient({}).send(new GetParameterCommand({ Name: name }));
  return parseRuntimeNames(Parameter?.Value ?? "{}", `SSM parameter ${name}`);
}
