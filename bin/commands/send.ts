/** `relayhost send`: one test mail through the relay, as a mail server would send it. */

import type { Command } from "commander";
import { localPort } from "./local-port.ts";
import { CommandError } from "./report.ts";

interface SendOptions {
  readonly from: string;
  readonly to: string[];
  readonly host: string;
  readonly port?: string;
  readonly user: string;
  readonly password: string;
  readonly subject: string;
  readonly verify?: boolean;
}

/** Adds the command. */
export function addSendCommand(program: Command): void {
  program
    .command("send")
    .description("send a test mail through the relay and show its answer")
    .requiredOption("--from <address>", "envelope sender and From")
    .requiredOption("--to <address...>", "recipients")
    .option("--host <name>", "the relay", "127.0.0.1")
    .option("--port <n>", "its STARTTLS port (default: that of the local mode that runs here)")
    .option("--user <login>", "login", "demo")
    .option("--password <text>", "password", "demo")
    .option("--subject <text>", "subject", "A test through relayhost")
    .option("--verify", "refuse a certificate that is not valid for the host (local mode's own is not)")
    .addHelpText("after", "\nExample:\n  relayhost send --from you@example.com --to bounce@simulator.amazonses.com")
    .action(async (options: SendOptions) => {
      const port = options.port === undefined ? await localPort() : Number(options.port);
      const { createTransport } = await import("nodemailer");
      const transport = createTransport({
        host: options.host,
        port,
        requireTLS: true,
        auth: { user: options.user, pass: options.password },
        tls: { rejectUnauthorized: options.verify === true },
      });
      try {
        const info = await transport.sendMail({
          from: options.from,
          to: options.to,
          subject: options.subject,
          text: "This mail was sent with `relayhost send` to see whether the relay works.\n",
        });
        console.log(info.response);
      } catch (error) {
        throw new CommandError(error instanceof Error ? error.message : String(error));
      } finally {
        transport.close();
      }
    });
}
