/**
 * The outbox: every message that the local SES took, and the request that brought it.
 *
 * `outbox/<id>.eml` holds the bytes of `Raw.Data`, unchanged; `outbox/<id>.json` the request. Both are written to a
 * folder of their own first and then renamed into the outbox, **the .json before the .eml**.
 * Promise:  who sees the .eml finds the .json beside it, and both are complete. The .eml is the sign of acceptance: a
 *           .json alone is not mail (its process died in between) and is removed by the next start.
 * Promise:  when `put` resolves, the pair survives the death of the process; that of the machine is not promised.
 * Failure:  `put` rejects and leaves nothing behind when a file cannot be written.
 */

import { mkdir, readdir, rename, rm, writeFile } from "node:fs/promises";
import { join } from "node:path";

/** Both folders. */
export interface Outbox {
  /** Ids of messages that a killed process had begun and not accepted. Call before anything is put. */
  unfinished(): Promise<ReadonlySet<string>>;
  /** Removes what is left of them. */
  discard(ids: ReadonlySet<string>): Promise<void>;
  /** Writes the pair. `beforeCommit` runs when all bytes are on disk and nothing is visible yet; if it rejects, so does this. */
  put(id: string, message: Buffer, request: object, beforeCommit: () => Promise<void>): Promise<void>;
}

/** Makes both folders where they are missing. */
export async function openOutbox(outboxDir: string, workDir: string): Promise<Outbox> {
  await mkdir(outboxDir, { recursive: true });
  await mkdir(workDir, { recursive: true });
  const remove = (id: string): Promise<unknown> =>
    // The files of the work folder last: they are what tells the next start that this id is unfinished.
    rm(join(outboxDir, `${id}.json`), { force: true }).then(() =>
      Promise.all([rm(join(workDir, `${id}.json`), { force: true }), rm(join(workDir, `${id}.eml`), { force: true })]),
    );
  return {
    async unfinished() {
      return new Set((await readdir(workDir)).map((name) => name.replace(/\.(eml|json)$/, "")));
    },
    async discard(ids) {
      for (const id of ids) await remove(id);
    },
    async put(id, message, request, beforeCommit) {
      const written = { eml: join(workDir, `${id}.eml`), json: join(workDir, `${id}.json`) };
      try {
        const results = await Promise.allSettled([
          writeFile(written.eml, message),
          writeFile(written.json, `${JSON.stringify(request)}\n`),
        ]);
        for (const result of results) if (result.status === "rejected") throw result.reason;
        await beforeCommit();
        await rename(written.json, join(outboxDir, `${id}.json`));
        await rename(written.eml, join(outboxDir, `${id}.eml`));
      } catch (cause) {
        await remove(id).catch(() => undefined); // the next start tries again
        throw cause;
      }
    },
  };
}
