/** What a role of a synthesized template may do. */

import { type JsonObject, list, object } from "./cdk-json.ts";
import { type Resource, render, type Synthesized } from "./synthesized.ts";

/** One action on one resource. */
export interface Grant {
  readonly action: string;
  readonly resource: string;
  /** JSON, or empty. */
  readonly condition: string;
}

/** Everything a role may do, by its own policies and by those attached to it.  Throws on a statement that is no plain Allow. */
export function grants(synthesized: Synthesized, role: Resource): Grant[] {
  const inline = list(role.properties["Policies"]).map(object);
  const attached = synthesized
    .ofType("AWS::IAM::Policy")
    .filter((policy) => render(policy.properties["Roles"]).split(", ").includes(`<${role.id}>`))
    .map((policy) => policy.properties);
  return [...inline, ...attached].flatMap((policy) =>
    list(object(policy["PolicyDocument"])["Statement"]).flatMap((statement) => grantsOf(object(statement))),
  );
}

function grantsOf(statement: JsonObject): Grant[] {
  const { Effect, NotAction, NotResource } = statement;
  if (Effect !== "Allow" || NotAction !== undefined || NotResource !== undefined) {
    throw new Error(`more than a plain Allow: ${JSON.stringify(statement)}`);
  }
  const condition = statement["Condition"] === undefined ? "" : JSON.stringify(statement["Condition"]);
  return list(statement["Action"]).flatMap((action) =>
    list(statement["Resource"]).map((resource) => ({ action: render(action), resource: render(resource), condition })),
  );
}
