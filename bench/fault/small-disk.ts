/** A small disk of its own that can be filled up and emptied: a tmpfs, which takes root to mount. */

import { spawnSync } from "node:child_process";
import { mkdtemp, open, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";

/** A mounted disk. */
export interface SmallDisk {
  readonly path: string;
  /** Fills it until nothing more can be written. */
  fill(): Promise<void>;
  /** Takes away what `fill` has written. */
  empty(): Promise<void>;
  remove(): Promise<void>;
}

const SIZE_MB = 32;
const CHUNK_BYTES = 1024 * 1024;
const SMALL_CHUNK_BYTES = 4096;

/** Mounts one, or says in a sentence why that cannot be done here. */
export async function makeSmallDisk(): Promise<SmallDisk | string> {
  const path = await mkdtemp(join(tmpdir(), "relayhost-disk-"));
  const mounted = spawnSync("mount", ["-t", "tmpfs", "-o", `size=${SIZE_MB}m,mode=0700`, "tmpfs", path], {
    encoding: "utf8",
  });
  if (mounted.status !== 0) {
    await rm(path, { recursive: true, force: true });
    return `no disk that can be filled: ${(mounted.error?.message ?? mounted.stderr).trim()}`;
  }
  const unmount = (): void => void spawnSync("umount", [path]);
  process.once("exit", unmount);
  const ballast = join(path, "ballast");
  return {
    path,
    fill: async () => {
      const file = await open(ballast, "w");
      try {
        for (const bytes of [CHUNK_BYTES, SMALL_CHUNK_BYTES]) {
          while (await written(file, Buffer.alloc(bytes))) continue;
        }
      } finally {
        await file.close();
      }
    },
    empty: async () => await rm(ballast, { force: true }),
    remove: async () => {
      process.off("exit", unmount);
      unmount();
      await rm(path, { recursive: true, force: true });
    },
  };
}

/** False when the disk is full. */
async function written(file: Awaited<ReturnType<typeof open>>, bytes: Buffer): Promise<boolean> {
  try {
    return (await file.write(bytes)).bytesWritten > 0;
  } catch (error) {
    if (error instanceof Error && "code" in error && error.code === "ENOSPC") return false;
    throw error;
  }
}
