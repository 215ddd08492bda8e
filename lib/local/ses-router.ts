/**
 * HTTP method and path to the operation that serves it.
 *
 * Paths are those of the SES v2 API (the `http` trait of each operation in the SDK's schemas); `{}` stands for one
 * label, percent-decoded, so that an ARN in a path (`%2F`) stays one label.
 */

import type { Fields } from "./ses-json.ts";

/** What an operation is given: labels of its path in order, the query, and the body. */
export interface SesCall {
  readonly labels: readonly string[];
  readonly query: URLSearchParams;
  readonly body: Fields;
}

/** One operation of the control plane. */
export interface SesRoute {
  readonly method: "GET" | "POST" | "PUT" | "DELETE";
  readonly path: string;
  /** The operation changes the state, so it is written to disk before the answer. */
  readonly writes: boolean;
  /** Returns the body of the 200, or throws `SesError`. */
  run(call: SesCall): object;
}

/** Finds a route; undefined when no operation has that method and path. */
export type SesRouter = (method: string, path: string) => { route: SesRoute; labels: string[] } | undefined;

/** Builds the table once. The first matching route wins. */
export function makeRouter(routes: readonly SesRoute[]): SesRouter {
  const table = routes.map((route) => ({ route, pattern: route.path.split("/") }));
  return (method, path) => {
    const parts = path.split("/");
    for (const { route, pattern } of table) {
      if (route.method !== method || pattern.length !== parts.length) continue;
      const labels = match(pattern, parts);
      if (labels !== undefined) return { route, labels };
    }
    return undefined;
  };
}

/** The n-th label of the path. A route that asks for one that its path does not have is a mistake in the table. */
export function label(call: SesCall, index: number): string {
  const value = call.labels[index];
  if (value === undefined) throw new Error(`the path has no label ${index}`);
  return value;
}

function match(pattern: readonly string[], parts: readonly string[]): string[] | undefined {
  const labels: string[] = [];
  for (const [i, expected] of pattern.entries()) {
    const part = parts[i] ?? "";
    if (expected === "{}") {
      const decoded = decode(part);
      if (decoded === undefined || decoded === "") return undefined;
      labels.push(decoded);
    } else if (part !== expected) return undefined;
  }
  return labels;
}

function decode(part: string): string | undefined {
  try {
    return decodeURIComponent(part);
  } catch {
    return undefined;
  }
}
