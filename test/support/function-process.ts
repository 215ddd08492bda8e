/**
 * Runs one Lambda function as Lambda does: a process of its own with exactly the variables it is given, which imports the
 * handler that the function's setting names and calls it with one event after the other.
 */

import { type ChildProcess, fork } from "node:child_process";
import { join } from "node:path";
import { pathToFileURL } from "node:url";
import type { Context } from "aws-lambda";

/** What to run, and where it comes from. */
export interface FunctionOptions {
  /** The unpacked code. */
  readonly folder: string;
  /** Lambda's handler setting: `file.export`. */
  readonly handler: string;
  readonly variables: Readonly<Record<string, string>>;
  readonly timeoutSeconds: number;
}

/** A function that can be invoked. */
export interface FunctionProcess {
  /** Resolves with what the handler answers; rejects with what it throws, as text. */
  invoke(event: unknown): Promise<unknown>;
  /** What it wrote, for a failure message. */
  output(): string;
  /** Ends the process; resolves when it is gone. */
  stop(): Promise<void>;
}

interface Request {
  readonly number: number;
  readonly event: unknown;
  readonly endMs: number;
}

type Answer = { readonly number: number } & ({ readonly result: unknown } | { readonly error: string });

/** Starts the process; a handler that cannot be imported shows at the first event. */
export function startFunction(options: FunctionOptions): FunctionProcess {
  const child = fork(import.meta.filename, [moduleOf(options), exportOf(options)], {
    env: { ...options.variables },
    execArgv: [],
    stdio: ["ignore", "pipe", "pipe", "ipc"],
  });
  const waiting = new Map<number, (answer: Answer) => void>();
  const output = outputOf(child);
  const ended = new Promise<void>((resolve) => child.once("exit", () => resolve()));
  void ended.then(() => {
    for (const [number, tell] of waiting) tell({ number, error: `the function's process ended: ${output()}` });
  });
  child.on("message", (answer: Answer) => waiting.get(answer.number)?.(answer));
  let count = 0;
  return {
    output,
    invoke: async (event) => {
      const number = ++count;
      const answer = await new Promise<Answer>((resolve) => {
        waiting.set(number, resolve);
        const request: Request = { number, event, endMs: Date.now() + options.timeoutSeconds * 1000 };
        child.send(request);
      });
      waiting.delete(number);
      if ("error" in answer) throw new Error(answer.error);
      return answer.result;
    },
    stop: async () => {
      child.kill();
      await ended;
    },
  };
}

function moduleOf({ folder, handler }: FunctionOptions): string {
  return pathToFileURL(join(folder, `${handler.slice(0, handler.lastIndexOf("."))}.mjs`)).href;
}

function exportOf({ handler }: FunctionOptions): string {
  return handler.slice(handler.lastIndexOf(".") + 1);
}

function outputOf(child: ChildProcess): () => string {
  let text = "";
  for (const stream of [child.stdout, child.stderr]) {
    stream?.on("data", (chunk: Buffer) => {
      text = (text + chunk.toString("utf8")).slice(-20_000);
    });
  }
  return () => text;
}

type Handler = (event: unknown, context: Pick<Context, "awsRequestId" | "getRemainingTimeInMillis">) => unknown;

/** The inside: what a process started by `startFunction` does. */
function serve(url: string, name: string, send: (answer: Answer) => void): void {
  const loading = import(url) as Promise<Readonly<Record<string, Handler>>>;
  loading.catch(() => undefined);
  process.on("message", (request: Request) => {
    const call = async (): Promise<Answer> => {
      try {
        const handler = (await loading)[name];
        if (handler === undefined) throw new Error(`${url} exports no ${name}`);
        const context = {
          awsRequestId: `test-${request.number}`,
          getRemainingTimeInMillis: () => request.endMs - Date.now(),
        };
        return { number: request.number, result: (await handler(request.event, context)) ?? null };
      } catch (error) {
        return { number: request.number, error: error instanceof Error ? String(error.stack) : String(error) };
      }
    };
    void call().then(send);
  });
}

if (process.argv[1] === import.meta.filename) {
  const [url = "", name = ""] = process.argv.slice(2);
  serve(url, name, (answer) => void process.send?.(answer));
}
