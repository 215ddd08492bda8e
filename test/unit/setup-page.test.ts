/** The page of a set-up, for every server and in both languages. */

import { describe, expect, it } from "vitest";
import { setupPage, undoPage } from "../../lib/core/setup/setup-page.ts";
import { checkSetupValues, type SetupValues } from "../../lib/core/setup/setup-plan.ts";
import { setupScript } from "../../lib/core/setup/setup-script.ts";
import { SETUP_SERVERS } from "../../lib/core/setup/setup-servers.ts";

const VALUES: SetupValues = {
  host: "relay.example.net",
  port: 587,
  implicitTls: false,
  login: "srv1",
  senderDomain: "a.example",
};
const ONLY: SetupValues["only"] = [
  { domain: "gmail.com", provider: "google", exchanger: "gmail-smtp-in.l.google.com", date: "2026-11-24" },
  { domain: "contoso.example", provider: "microsoft", exchanger: "c.mail.protection.outlook.com", date: "2026-11-24" },
];

describe.each(SETUP_SERVERS.map((server) => [server.name, server] as const))("the set-up of %s", (_, server) => {
  const kinds: [string, SetupValues][] = [
    ["with a login", VALUES],
    ["with its password", { ...VALUES, password: "pw-_1" }],
    ["over TLS", { ...VALUES, port: 465, implicitTls: true }],
    ["by its address", { host: "relay.example.net", port: 587, implicitTls: false, senderDomain: "a.example" }],
    ...(server.selective ? [["for some destinations", { ...VALUES, only: ONLY }] as [string, SetupValues]] : []),
  ];

  it.each(kinds)("%s has everything in both languages: relay, change, verification, way back", (__, values) => {
    for (const language of ["en", "ja"] as const) {
      const page = setupPage(server.plan(values), values, language);
      expect(page).not.toMatch(/@@|undefined|\[object|\$\{/);
      expect(page).toContain(`relay.example.net:${values.port}`);
      expect(page).toContain(language === "en" ? "See that it works" : "動作を確認する");
      expect(page).toContain(language === "en" ? "The way back" : "元に戻す");
      if (values.login !== undefined && server.name !== "exchange")
        expect(page).toContain(values.password ?? "PASSWORD");
      for (const { domain } of values.only ?? []) expect(page).toContain(domain);
      expect(undoPage(server.plan(values), values, language).split("\n").length).toBeGreaterThan(1);
    }
  });

  it.each(kinds)("%s saves every file that it changes", (__, values) => {
    const plan = server.plan(values);
    const saved = plan.files.map(({ path }) => path);
    const changed = plan.actions.flatMap((action) => ("file" in action ? [action.file] : []));
    expect(saved).toEqual(expect.arrayContaining(changed));
  });

  it.each(kinds)("%s holds the password in no place that others may read", (__, values) => {
    for (const action of server.plan(values).actions) {
      if (action.kind !== "write" || !action.lines.join().includes("@@password@@")) continue;
      expect(action.mode).toMatch(/^06[04]0$/);
    }
  });

  it("is a script where it can be one", () => {
    const plan = server.plan(VALUES);
    const make = (): string => setupScript(server.name, plan, VALUES, { language: "ja", startsWith: "apply" });
    if (plan.scriptable) expect(make()).toMatch(/^#!\/bin\/sh\n/);
    else expect(make).toThrow("there is no script");
  });
});

describe("values of a set-up", () => {
  it("are taken when files and shells can hold them", () => {
    expect(checkSetupValues({ ...VALUES, password: "aA0_-", caFile: "/etc/pki/tls/certs/ca-bundle.crt" })).toEqual([]);
  });

  it.each<[string, Partial<SetupValues>]>([
    ["a host with a command in it", { host: "relay.example.net;reboot" }],
    ["a host that is an option", { host: "-relay" }],
    ["a port that is none", { port: Number.NaN }],
    ["a port out of range", { port: 65536 }],
    ["a login with a bar, which qmail takes for the end", { login: "srv|1" }],
    ["a password with a colon, which Exim takes for the end", { password: "a:b" }],
    ["a path with a quote", { caFile: "/etc/ssl/'x" }],
    ["a domain with a blank", { senderDomain: "a example" }],
  ])("are refused with a sentence: %s", (_, change) => {
    expect(checkSetupValues({ ...VALUES, ...change })).toHaveLength(1);
  });

  it("are all refused at once", () => {
    expect(checkSetupValues({ ...VALUES, host: "", port: 0, login: " ", password: " " })).toHaveLength(4);
  });
});

describe("a selective map", () => {
  it("says why each domain is in it, in the order of names", () => {
    const server = SETUP_SERVERS.find(({ name }) => name === "postfix");
    const values = { ...VALUES, only: ONLY };
    const plan = server?.plan(values);
    expect(
      plan?.actions.find((action) => action.kind === "write" && action.file.endsWith("transport.relay")),
    ).toMatchObject({
      lines: [
        "# contoso.example: microsoft, MX c.mail.protection.outlook.com, 2026-11-24",
        "contoso.example  relay-edge:[relay.example.net]:587",
        "# gmail.com: google, MX gmail-smtp-in.l.google.com, 2026-11-24",
        "gmail.com  relay-edge:[relay.example.net]:587",
      ],
    });
  });
});
