import { type ChildProcess, fork } from "node:child_process";
import { once } from "node:events";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as delay } from "node:timers/promises";
import { CreateQueueCommand, GetQueueAttributesCommand } from "@aws-sdk/client-sqs";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { LOCAL_NAMES, provision } from "../../lib/aws/provision.ts";
import { makeTestClients, type TestClients } from "../support/aws-clients.ts";
import { LocalAwsLoad, type Run } from "./local-aws-load.ts";
import { seededRandom } from "./seeded-random.ts";

const KILLS = Number(process.env["FAULT_KILLS"] ?? 5);
const SEED = Number(process.env["FAULT_SEED"] ?? Date.now() % 1_000_000);
const SCRIPT = join(import.meta.dirname, "local-aws-process.ts");

let dataDir: string;
let child: ChildProcess | undefined;

beforeEach(async () => {
  dataDir = await mkdtemp(join(tmpdir(), "relayhost-kill-"));
});

afterEach(async () => {
  await killProcess();
  await rm(dataDir, { recursive: true });
});

async function killProcess(): Promise<void> {
  if (child === undefined || child.exitCode !== null || child.signalCode !== null) return;
  const exited = once(child, "exit");
  child.kill("SIGKILL");
  await exited;
}

async function startProcess(): Promise<Run> {
  const started = fork(SCRIPT, [dataDir]);
  child = started;
  const endpoint = await new Promise<string>((resolve, reject) => {
    started.once("message", (message: { endpoint: string }) => resolve(message.endpoint));
    started.once("exit", (code) => reject(new Error(`the services ended with ${code} instead of starting`)));
  });
  const clients = makeTestClients(endpoint);
  const names = await provision(clients, LOCAL_NAMES);
  const poisonDlq = await makeQueue(clients, "poison-dlq", {});
  const { Attributes } = await clients.sqs.send(
    new GetQueueAttributesCommand({ QueueUrl: poisonDlq, AttributeNames: ["QueueArn"] }),
  );
  const policy = { deadLetterTargetArn: Attributes?.["QueueArn"], maxReceiveCount: 1 };
  const poisonQueue = await makeQueue(clients, "poison", { RedrivePolicy: JSON.stringify(policy) });
  return { clients, names, poisonQueue, poisonDlq, killed: () => started.killed };
}

async function makeQueue(clients: TestClients, name: string, attributes: Record<string, string>): Promise<string> {
  const { QueueUrl } = await clients.sqs.send(new CreateQueueCommand({ QueueName: name, Attributes: attributes }));
  return QueueUrl ?? "";
}

describe("local AWS under load", () => {
  it(`keeps every answered write through ${KILLS} kill -9, whole and indexed`, {
    timeout: 60_000 + KILLS * 15_000,
  }, async () => {
    const random = seededRandom(SEED);
    const load = new LocalAwsLoad(random.fork(-1));
    let run = await startProcess();
    for (let kill = 1; kill <= KILLS; kill++) {
      const loading = load.run(run);
      await Promise.race([delay(random.between(300, 2000)), loading]);
      await killProcess();
      await loading;
      run.clients.destroy();
      run = await startProcess();
      expect(await load.check(run), `kill ${kill}, seed ${SEED}`).toEqual([]);
    }
    run.clients.destroy();
    console.log(`answered before ${KILLS} kills (seed ${SEED}): ${JSON.stringify(load.counts)}`);
    expect(Math.min(...Object.values(load.counts))).toBeGreaterThan(0);
  });
});
