/**
 * Starts node as the edge's container does where a container engine is not to be had: a root that holds node, the C
 * libraries and the image's folders, all of it read-only but the image's volume; a user without rights, who gets no more.
 *
 * Needs Linux, root, and util-linux (mounts in a namespace of their own, gone with the process); elsewhere `isContainable`
 * says no. Not as in a container: processes, network and environment variables are those of the machine.
 */

import { spawnSync } from "node:child_process";
import { existsSync } from "node:fs";
import { mkdir, readdir } from "node:fs/promises";
import { dirname, join } from "node:path";
import type { ImageContents } from "./image-contents.ts";

/** A command to be spawned. */
export interface ContainedCommand {
  readonly command: string;
  readonly args: readonly string[];
}

/** Where node's own shared libraries are, on Debian and the like. */
const LIBRARIES = ["/lib", "/lib64", "/usr/lib", "/usr/lib64"];
/** As in the distroless images. */
const NODE_DIR = "/nodejs/bin";

/** Whether this machine can do it. */
export function isContainable(): boolean {
  if (process.platform !== "linux" || process.getuid?.() !== 0) return false;
  return ["unshare --mount true", "setpriv --version", "chroot --version"].every((line) => {
    const [command = "", ...args] = line.split(" ");
    return spawnSync(command, args).status === 0;
  });
}

/**
 * The command that runs node with `args` (the image's own if none are given) in there; the image's volume is
 * `writableDir`, which the image's user must be able to write to. What is spawned becomes node, so signals reach it.
 */
export async function contained(
  image: ImageContents,
  writableDir: string,
  args: readonly string[] = image.command,
): Promise<ContainedCommand> {
  const [volume, ...others] = image.volumes;
  if (volume === undefined || others.length > 0) throw new Error("the image has to have exactly one volume");
  const newRoot = join(image.root, "..", "mounted");
  await mkdir(newRoot, { recursive: true });
  const readOnly: (readonly [string, string])[] = [
    ...LIBRARIES.filter((path) => existsSync(path)).map((path) => [path, path] as const),
    [dirname(process.execPath), NODE_DIR],
    ...(await readdir(image.root)).map((name) => [join(image.root, name), `/${name}`] as const),
  ];
  const script = [
    "set -e",
    "mount --make-rprivate /",
    `mount -t tmpfs none ${quoted(newRoot)}`,
    ...[...readOnly.map(([, target]) => target), volume].map((path) => `mkdir -p ${quoted(join(newRoot, path))}`),
    ...readOnly.map(([source, target]) => `mount --bind -o ro ${quoted(source)} ${quoted(join(newRoot, target))}`),
    `mount --bind ${quoted(writableDir)} ${quoted(join(newRoot, volume))}`,
    `mount -o remount,ro ${quoted(newRoot)}`,
    `exec setpriv --no-new-privs chroot --userspec=${image.user} --groups= ${quoted(newRoot)} ${NODE_DIR}/node "$@"`,
  ];
  return { command: "unshare", args: ["--mount", "sh", "-c", script.join("\n"), "sh", ...args] };
}

function quoted(path: string): string {
  return `'${path.replaceAll("'", "'\\''")}'`;
}
