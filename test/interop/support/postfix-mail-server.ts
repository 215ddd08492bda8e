/** Postfix as one of the mail servers that all have to show the same. */

import type { MailServer, RelayAccess } from "./mail-server.ts";
import { startPostfix } from "./postfix.ts";

/** Starts a Postfix that sends everything through the relay. `certificate`: the relay's, PEM. */
export async function startPostfixMailServer(relay: RelayAccess, certificate: string): Promise<MailServer> {
  const postfix = await startPostfix({ relay, certificate });
  return {
    submit: async (from, to, data) => {
      await postfix.submit({ from, to, data, mailParameters: "BODY=8BITMIME" });
    },
    queue: postfix.queue,
    flush: postfix.flush,
    useRelay: postfix.useRelay,
    log: async () => (await postfix.log()).join("\n"),
    remove: postfix.remove,
  };
}
