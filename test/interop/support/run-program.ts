/** Runs a program to its end. Rejects only when it cannot be started; its status is for the caller to judge. */

import { spawn } from "node:child_process";

const KILLED = 137;
const LAST_WORDS_MS = 500;

/** Status (137: ended by a signal or by time), and what it wrote to both outputs, in the order it came. */
export async function runProgram(
  command: readonly string[],
  input: Uint8Array | string = "",
  options: { readonly timeoutMs?: number; readonly env?: Readonly<Record<string, string>> } = {},
): Promise<{ readonly status: number; readonly output: string }> {
  const [program = "", ...args] = command;
  return await new Promise((resolve, reject) => {
    const child = spawn(program, args, {
      stdio: ["pipe", "pipe", "pipe"],
      timeout: options.timeoutMs ?? 100_000,
      killSignal: "SIGKILL",
      env: { PATH: "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin", LC_ALL: "C", ...options.env },
    });
    const chunks: Buffer[] = [];
    child.stdout.on("data", (chunk: Buffer) => chunks.push(chunk));
    child.stderr.on("data", (chunk: Buffer) => chunks.push(chunk));
    child.once("error", reject);
    let patience: NodeJS.Timeout | undefined;
    const done = (): void => {
      clearTimeout(patience);
      resolve({ status: child.exitCode ?? KILLED, output: Buffer.concat(chunks).toString("utf8") });
    };
    child.once("close", done);
    // A delivery left in the background may hold the outputs open long after the program has ended.
    child.once("exit", () => {
      patience = setTimeout(done, LAST_WORDS_MS);
    });
    // A program that ends without reading its input is judged by its exit status, not by the broken pipe.
    child.stdin.on("error", () => undefined);
    child.stdin.end(input);
  });
}
