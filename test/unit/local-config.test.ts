/** Settings of local mode: the defaults that the documentation promises. */

import { describe, expect, it } from "vitest";
import { ConfigurationError } from "../../lib/config/declare.ts";
import { readLocalConfig } from "../../lib/config/local-config.ts";

describe("settings of local mode", () => {
  it("need nothing", () => {
    expect(readLocalConfig({})).toEqual({
      dataDir: ".relayhost",
      smtpPort: 2525,
      smtpsPort: 2465,
      consolePort: 8025,
      localAwsPort: 4566,
      localSesCallsPerSecond: 0,
    });
  });

  it("come from the six variables, with 0 for any free port", () => {
    const env = {
      RELAYHOST_DATA_DIR: "/tmp/x",
      RELAYHOST_SMTP_PORT: "1",
      RELAYHOST_SMTPS_PORT: "2",
      RELAYHOST_CONSOLE_PORT: "3",
      RELAYHOST_LOCAL_AWS_PORT: "0",
      RELAYHOST_LOCAL_SES_CALLS_PER_SECOND: "1",
    };
    expect(readLocalConfig(env)).toEqual({
      dataDir: "/tmp/x",
      smtpPort: 1,
      smtpsPort: 2,
      consolePort: 3,
      localAwsPort: 0,
      localSesCallsPerSecond: 1,
    });
  });

  it("name the servers that the console asks, and what is no address", () => {
    const read = (text: string) => readLocalConfig({ RELAYHOST_RESOLVERS: text }).resolvers;
    expect(read("192.0.2.1, 127.0.0.1:5300 [2001:db8::1]:53 2001:db8::2")).toEqual([
      "192.0.2.1",
      "127.0.0.1:5300",
      "[2001:db8::1]:53",
      "2001:db8::2",
    ]);
    for (const wrong of ["ns.example", "192.0.2.1:70000", "192.0.2.1,ns.example", ","]) {
      expect(() => read(wrong)).toThrow("RELAYHOST_RESOLVERS");
    }
  });

  it("name both of two wrong ports", () => {
    const read = () => readLocalConfig({ RELAYHOST_SMTP_PORT: "smtp", RELAYHOST_CONSOLE_PORT: "70000" });
    expect(read).toThrow(ConfigurationError);
    expect(read).toThrow(/RELAYHOST_SMTP_PORT is "smtp"[\s\S]*RELAYHOST_CONSOLE_PORT is "70000"/);
  });
});
