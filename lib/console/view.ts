/** What every page is given besides its own facts. */

import type { Language } from "../core/directory.ts";
import type { Words } from "./words.ts";

/** Of one request. */
export interface View {
  readonly words: Words;
  readonly language: Language;
  /** The path asked for, without its query. */
  readonly path: string;
  readonly query: Readonly<Record<string, string>>;
  /** Goes with every form that asks for a change. */
  readonly token: string;
  /** Name of the environment; `local` for local mode. */
  readonly environment: string;
  readonly isLocal: boolean;
  /** Epoch milliseconds. */
  readonly nowMs: number;
}
