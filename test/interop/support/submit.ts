/** Hands mail over to a mail server as a customer's programs do. */

import { connect } from "node:net";
import { SmtpClient } from "../../support/smtp-client.ts";
import { waitFor } from "../../support/wait-for.ts";

/** By SMTP from the machine itself, in one transaction, the message as it stands. Rejects when it is not taken. */
export async function submitBySmtp(port: number, from: string, to: readonly string[], data: Buffer): Promise<void> {
  const client = await SmtpClient.connect({ port });
  try {
    await client.ehlo("localhost");
    const reply = await client.sendMail({ from, to, data, mailParameters: "BODY=8BITMIME" });
    if (reply.code !== 250) throw new Error(`the mail server refused: ${reply.code} ${reply.lines.join(" / ")}`);
  } finally {
    await client.quit();
  }
}

/** The message as a program hands it to `sendmail`: lines end in LF. */
export function withLf(message: Buffer): Buffer {
  return Buffer.from(message.toString("latin1").replaceAll("\r\n", "\n"), "latin1");
}

/** Waits until somebody listens on the port. `words`: what the mail server has said, for the case that nobody does. */
export async function waitForPort(port: number, words: () => string): Promise<void> {
  await waitFor(async () => ((await answers(port)) ? true : undefined), {
    deadlineMs: 20_000,
    otherwise: () => `nobody listens on port ${port}: ${words()}`,
  });
}

function answers(port: number): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = connect(port, "127.0.0.1");
    socket.once("error", () => resolve(false));
    socket.once("connect", () => {
      socket.destroy();
      resolve(true);
    });
  });
}
