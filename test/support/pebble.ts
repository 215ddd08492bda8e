/**
 * Debian's pebble, an ACME server made for tests (RFC 8555), and beside it the name server that it asks.
 *
 * A name server that forgets and validations in no time; everything else is as Let's Encrypt does it, down to nonces that
 * are refused now and then.
 */

import { type ChildProcess, spawn } from "node:child_process";
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { getCACertificates, setDefaultCACertificates } from "node:tls";
import { generate } from "selfsigned";
import { freePort } from "./free-port.ts";
import { waitFor } from "./wait-for.ts";

/** A running pebble. */
export interface Pebble {
  readonly directoryUrl: string;
  /** Publishes a TXT record; the name ends with a dot. */
  setTxt(name: string, value: string): Promise<void>;
  clearTxt(name: string): Promise<void>;
  /** The root that its certificates lead to, PEM. */
  root(): Promise<string>;
  close(): Promise<void>;
}

const READY_MS = 20_000;

/** Starts both, and has this process trust the ACME server's own certificate until `close`. */
export async function startPebble(): Promise<Pebble> {
  const dir = await mkdtemp(join(tmpdir(), "relayhost-pebble-"));
  const [acme, management, dns, control] = [await freePort(), await freePort(), await freePort(), await freePort()];
  const own = await generate([{ name: "commonName", value: "localhost" }], {
    keyType: "ec",
    curve: "P-256",
    algorithm: "sha256",
    extensions: [
      { name: "basicConstraints", cA: true, critical: true },
      { name: "subjectAltName", altNames: [{ type: 2, value: "localhost" }] },
    ],
  });
  const files = { certificate: join(dir, "cert.pem"), privateKey: join(dir, "key.pem") };
  await writeFile(files.certificate, own.cert);
  await writeFile(files.privateKey, own.private);
  const config = {
    listenAddress: `127.0.0.1:${acme}`,
    managementListenAddress: `127.0.0.1:${management}`,
    ...files,
    httpPort: 5002,
    tlsPort: 5001,
    ocspResponderURL: "",
    externalAccountBindingRequired: false,
  };
  await writeFile(join(dir, "pebble.json"), JSON.stringify({ pebble: config }));
  const names = ["-dns01", `127.0.0.1:${dns}`, "-management", `127.0.0.1:${control}`];
  const nameServer = run("pebble-challtestsrv", names.concat("-http01", "", "-https01", "", "-tlsalpn01", ""));
  const server = run(
    "pebble",
    ["-config", join(dir, "pebble.json"), "-strict", "-dnsserver", `127.0.0.1:${dns}`],
    // Every tenth nonce is refused, as a busy server may; acme-client tries six times.
    { PEBBLE_VA_NOSLEEP: "1", PEBBLE_WFE_NONCEREJECT: "10" },
  );
  const before = getCACertificates("default");
  setDefaultCACertificates([...before, own.cert]);
  const directoryUrl = `https://localhost:${acme}/dir`;
  const tell = async (path: string, body: object): Promise<void> => {
    const answer = await fetch(`http://127.0.0.1:${control}/${path}`, { method: "POST", body: JSON.stringify(body) });
    if (!answer.ok) throw new Error(`${path}: ${answer.status} ${await answer.text()}`);
  };
  const pebble: Pebble = {
    directoryUrl,
    setTxt: async (host, value) => await tell("set-txt", { host, value }),
    clearTxt: async (host) => await tell("clear-txt", { host }),
    root: async () => await (await fetch(`https://localhost:${management}/roots/0`)).text(),
    close: async () => {
      setDefaultCACertificates(before);
      await Promise.all([server.stop(), nameServer.stop()]);
      await rm(dir, { recursive: true, force: true });
    },
  };
  try {
    await waitFor(
      async () => {
        const answers = [fetch(directoryUrl), tell("clear-txt", { host: "ready." })].map((asked) =>
          asked.then(
            () => true,
            () => false,
          ),
        );
        return (await Promise.all(answers)).every(Boolean) ? true : undefined;
      },
      { deadlineMs: READY_MS, otherwise: () => `pebble: ${server.output()}\n${nameServer.output()}` },
    );
  } catch (error) {
    await pebble.close();
    throw error;
  }
  return pebble;
}

function run(program: string, args: readonly string[], variables: Readonly<Record<string, string>> = {}) {
  const child: ChildProcess = spawn(program, [...args], {
    env: { ...process.env, ...variables },
    stdio: ["ignore", "pipe", "pipe"],
  });
  let output = "";
  for (const stream of [child.stdout, child.stderr]) {
    stream?.on("data", (chunk: Buffer) => (output = (output + chunk.toString("utf8")).slice(-8_000)));
  }
  const ended = new Promise<void>((resolve) => {
    child.once("exit", () => resolve());
    child.once("error", (error) => {
      output += String(error);
      resolve();
    });
  });
  return {
    output: () => `${program}: ${output}`,
    stop: async () => {
      child.kill();
      await ended;
    },
  };
}
