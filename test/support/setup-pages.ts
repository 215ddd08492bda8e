/** The Japanese set-up pages of docs/ja/setup: what `relayhost setup SERVER --lang ja` prints, with values of an example. */

import { join } from "node:path";
import { setupPage } from "../../lib/core/setup/setup-page.ts";
import { SETUP_SERVERS } from "../../lib/core/setup/setup-servers.ts";

const DIR = join(import.meta.dirname, "..", "..", "docs", "ja", "setup");
const VALUES = {
  host: "relay.example.net",
  port: 587,
  implicitTls: false,
  login: "srv1",
  senderDomain: "a.example",
} as const;

/** File and text of each. */
export function setupPages(): { readonly file: string; readonly text: string }[] {
  return SETUP_SERVERS.map((server) => ({
    file: join(DIR, `${server.name}.txt`),
    text: setupPage(server.plan(VALUES), VALUES, "ja"),
  }));
}
