import { once } from "node:events";
import { readFile } from "node:fs/promises";
import { createRequire } from "node:module";
import { dirname, join } from "node:path";
import { SMTPServer } from "smtp-server";
import { SMTPConnection } from "smtp-server/lib/smtp-connection.js";
import { SMTPStream } from "smtp-server/lib/smtp-stream.js";
import { describe, expect, it } from "vitest";
import { readEdgeConfig } from "../../lib/config/edge-config.ts";
import { ENV } from "../../lib/core/names.ts";
import { watchLineEnds } from "../../relay-edge/command-line-ends.ts";
import { libraryOptions } from "../../relay-edge/library-options.ts";
import { replyForLibrary } from "../../relay-edge/library-replies.ts";

const LIBRARY = dirname(createRequire(import.meta.url).resolve("smtp-server/package.json"));

async function source(name: string): Promise<string> {
  return await readFile(join(LIBRARY, "dist/esm", name), "utf8");
}

/** Code and beginning of everything the library can say by itself. */
async function librarySays(): Promise<string[]> {
  const text = (await source("smtp-connection.js")) + (await source("sasl.js")) + (await source("smtp-server.js"));
  const calls = text.matchAll(/\bsend\((\d{3}), (this\.name \+ )?(?:'([^']*)'( \+ [^,)]*)?)/g);
  return [...calls].map(([, code, host, words]) => `${code} ${host === undefined ? "" : "HOST"}${words ?? ""}`);
}

describe("smtp-server", () => {
  it("is the version that was looked at, and pinned", async () => {
    const { version } = JSON.parse(await readFile(join(LIBRARY, "package.json"), "utf8")) as { version: string };
    const own = JSON.parse(await readFile(join(import.meta.dirname, "../../package.json"), "utf8")) as {
      dependencies: Record<string, string>;
    };
    expect(own.dependencies["smtp-server"]).toBe(version);
    expect(version).toBe("3.21.6");
  });

  it("has the methods that the listener overrides", () => {
    const own = (name: string) => typeof Reflect.get(SMTPConnection.prototype, name);
    const handlers = [
      "EHLO",
      "HELO",
      "NOOP",
      "RSET",
      "VRFY",
      "HELP",
      "QUIT",
      "AUTH",
      "STARTTLS",
      "MAIL",
      "RCPT",
      "DATA",
    ];
    for (const name of ["init", "connectionReady", "send", "close", "upgrade", "_createParser"]) {
      expect([name, own(name)]).toEqual([name, "function"]);
    }
    for (const name of handlers) expect([name, own(`handler_${name}`)]).toEqual([name, "function"]);
    for (const name of ["connect", "onConnect", "onSecure", "onAuth", "onData", "onClose", "updateSecureContext"]) {
      expect([name, typeof Reflect.get(SMTPServer.prototype, name)]).toEqual([name, "function"]);
    }
  });

  it("parses commands through oncommand and _write, and says when it is in data mode", () => {
    const parser = new SMTPStream({});
    const lines: string[] = [];
    parser.oncommand = (line, next) => {
      lines.push(line.toString());
      next?.();
    };
    parser.write("A\r\nB\nC");
    parser.write("\r\n");
    expect(lines).toEqual(["A", "B", "C"]);
    expect(parser._dataMode).toBe(false);
    parser.startDataMode();
    expect(parser._dataMode).toBe(true);
  });

  it("lets each command line be told apart by its end, wherever the stream is cut, data in between", async () => {
    const text = "A\r\nB\nDATA\r\nx\n..y\r\n.\r\nC\n\nD\r\n";
    for (let cut = 0; cut <= text.length; cut++) {
      const parser = new SMTPStream({});
      const seen: string[] = [];
      let bare = false;
      parser.oncommand = (line, next) => {
        seen.push(`${line.toString()}${bare ? " LF" : ""}`);
        if (line.toString() === "DATA") {
          parser.startDataMode().resume();
          parser.continue();
        }
        next?.();
      };
      watchLineEnds(parser, (bareLf) => {
        bare = bareLf;
      });
      parser.write(text.slice(0, cut));
      parser.end(text.slice(cut));
      await once(parser, "finish");
      expect([cut, ...seen]).toEqual([cut, "A", "B LF", "DATA", "C LF", " LF", "D"]);
    }
  });

  it("is told not to ask DNS for the client's name, which would stand before every greeting", () => {
    const { settings } = readEdgeConfig({
      [ENV.hostName]: "relay.example",
      [ENV.spoolBucket]: "b",
      [ENV.directoryTable]: "t",
    });
    expect(libraryOptions(settings, { cert: "", key: "" }, false).disableReverseLookup).toBe(true);
  });

  it("has no other handler than those of commands that are overridden or switched off", () => {
    const known = ["EHLO", "HELO", "NOOP", "RSET", "VRFY", "HELP", "QUIT", "AUTH", "STARTTLS", "MAIL", "RCPT", "DATA"];
    const off = ["WIZ", "SHELL", "KILL", "XCLIENT", "XFORWARD"];
    const found = Object.getOwnPropertyNames(SMTPConnection.prototype)
      .filter((name) => name.startsWith("handler_"))
      .map((name) => name.slice("handler_".length));
    expect(found.sort()).toEqual([...known, ...off].sort());
  });

  it("says nothing of its own accord that has no reply of ours, save what cannot occur here", async () => {
    const said = await librarySays();
    expect(said.length).toBeGreaterThan(60);
    const unlisted = said.filter((words) => {
      const text = words.slice(4).replace("HOST", "relay.example");
      const { name } = replyForLibrary(Number(words.slice(0, 3)), text, "relay.example", false);
      return name === "temporaryFailure" || name === "sessionFailure";
    });
    const cannotOccur = [
      // maxClients is not set: connections are counted where they are accepted.
      "421 HOST Too many connected clients, try again in a moment",
      // LMTP.
      "500 Error: ",
      // Handlers that are replaced: AUTH is checked, MAIL, RCPT and DATA are parsed, by us.
      "501 Error: Bad sender address syntax",
      "503 Error: nested MAIL command",
      "501 Error: Bad recipient address syntax",
      "503 Error: need MAIL command",
      "501 Error: NOTIFY parameter must be NEVER, SUCCESS, FAILURE, or DELAY",
      "501 Error: NOTIFY=NEVER cannot be combined with other values",
      "501 Error: Bad ORCPT parameter syntax",
      "452 Error: too many recipients",
      "503 Error: need RCPT command",
      "250 Accepted",
      "552 Error: message exceeds fixed maximum message size ",
      "421 Error: too many unauthenticated commands",
      // Commands that are switched off.
      "550 Error: Not allowed",
      "503 Error: Mail transaction in progress",
      "501 Error: Bad command parameter syntax",
      "500 You are no wizard!",
      "200 Please pass, oh mighty wizard",
      "500 Mere mortals must not mutter that mantra",
      "500 Error: Invoking shell is not allowed. This incident will be reported.",
      "500 Can not kill Mom",
      // A mechanism that is switched off.
      "535 Error: Username and Password not accepted",
      // A failure of ours.
      "451 Error: internal server error",
      // Its beginning is listed with each text that can follow.
      "501 Error: syntax: ",
      "503 Error: send ",
      "421 Error: ",
      "220 HOST ",
      // Challenges go out as they are.
      "334 VXNlcm5hbWU6",
      "334 UGFzc3dvcmQ6",
    ];
    expect([...new Set(unlisted)].filter((words) => !cannotOccur.includes(words))).toEqual([]);
  });
});
