import * as fc from "fast-check";
import { describe, expect, it } from "vitest";
import { type ForeignMail, senderPolicy } from "../../lib/core/directory.ts";
import { readAuthors } from "../../lib/core/header-authors.ts";
import { fromDomains } from "../../lib/core/header-from.ts";
import {
  classifySender,
  decideSender,
  type FromProblem,
  isLocalName,
  isRewriteClass,
  isSrs,
  mayBeOutsideSender,
  REWRITE_CLASSES,
  type SenderFacts,
  srsOriginDomain,
} from "../../lib/core/sender-class.ts";

const REPORT = 'multipart/report; boundary="x"; report-type=delivery-status';

/** A mail of a tenant that owns example.com, from a server that calls itself web1.hosting.example. */
function facts(from: string, over: Partial<SenderFacts> = {}): SenderFacts {
  const domains = fromDomains(from);
  const foreignDomains = new Set((domains ?? []).filter((domain) => domain !== "example.com"));
  const problem: FromProblem = domains === undefined ? "unreadable" : foreignDomains.size > 0 ? "foreign" : "none";
  return {
    returnPath: "me@example.com",
    returnPathIsTenants: true,
    helo: "web1.hosting.example",
    recipients: [{ address: "you@example.net" }],
    authors: readAuthors(from),
    problem,
    foreignDomains,
    isList: false,
    ...over,
  };
}

const outside = (returnPath: string): Partial<SenderFacts> => ({ returnPath, returnPathIsTenants: false });
const forwardedFor = (value: string): Partial<SenderFacts> => ({
  recipients: [{ address: "you@example.net", orcpt: { type: "rfc822", value } }],
});

/** Class, and what becomes of it by default and under `foreignFrom: rewrite`. */
function judged(given: SenderFacts): string {
  const classified = classifySender(given);
  const decide = (foreignFrom: ForeignMail): string =>
    decideSender(classified, given.problem, { foreignFrom, systemMail: "rewrite" });
  return `${classified.senderClass}: ${decide("refuse")}, ${decide("rewrite")}`;
}

describe("a mail", () => {
  it.each<[string, SenderFacts, string]>([
    ["by an author of the tenant", facts("me@example.com"), "own: pass, pass"],
    ["of two authors of the tenant", facts("me@example.com, you@example.com"), "own: pass, pass"],
    ["by an author outside, from the tenant", facts("a@x.example"), "on-behalf: refuse, rewrite"],
    ["by an author outside and one of the tenant", facts("me@example.com, a@x.example"), "on-behalf: refuse, rewrite"],
    [
      "to an alias that leads outside",
      facts("a@x.example", forwardedFor("info@example.com")),
      "forward: refuse, rewrite",
    ],
    [
      "to the recipient it was for",
      facts("a@x.example", forwardedFor("YOU@example.net")),
      "on-behalf: refuse, rewrite",
    ],
    [
      "to an alias, by an author of the tenant",
      facts("me@example.com", forwardedFor("info@example.com")),
      "own: pass, pass",
    ],
    ["from a sender outside", facts("a@x.example", outside("a@x.example")), "forward: refuse, rewrite"],
    [
      "from a sender outside, in the tenant's name",
      facts("me@example.com", outside("a@x.example")),
      "forward: pass, rewrite",
    ],
    [
      "from an SRS sender",
      facts("a@x.example", { returnPath: "SRS0=h=t=x.example=a@example.com" }),
      "srs: refuse, rewrite",
    ],
    [
      "from an SRS sender, in the tenant's name",
      facts("me@example.com", { returnPath: "srs0+h=t=x.example=a@example.com", srsOriginIsTenants: false }),
      "srs: pass, rewrite",
    ],
    [
      "from an SRS sender that stands for the tenant",
      facts("me@example.com", { returnPath: "SRS0=h=t=example.com=me@example.com", srsOriginIsTenants: true }),
      "srs: pass, pass",
    ],
    ["of a list", facts("a@x.example", { isList: true }), "list: refuse, rewrite"],
    ["of a list that wrote its own From", facts("list@example.com", { isList: true }), "list: pass, pass"],
    [
      "of a list outside, forwarded",
      facts("a@x.example", { isList: true, ...outside("l@x.example") }),
      "forward: refuse, rewrite",
    ],
    [
      "by cron",
      facts("root@web1.hosting.example (Cron Daemon)", outside("root@web1.hosting.example")),
      "system: rewrite, rewrite",
    ],
    ["by cron under a sender of the tenant", facts("root@web1.hosting.example"), "system: rewrite, rewrite"],
    ["by cron without a domain", facts("root (Cron Daemon)"), "system: rewrite, rewrite"],
    ["by a bare name and somebody else", facts("root, a@x.example"), "on-behalf: refuse, refuse"],
    ["by root at a name that is none", facts("root@localhost.localdomain"), "system: rewrite, rewrite"],
    ["by a person at a name that is none", facts("jane@localhost.localdomain"), "on-behalf: refuse, rewrite"],
    [
      "by cron to an alias",
      facts("root@web1.hosting.example", {
        ...outside("root@web1.hosting.example"),
        ...forwardedFor("root@web1.hosting.example"),
      }),
      "system: rewrite, rewrite",
    ],
    [
      "by the tenant, under the server's own sender",
      facts("me@example.com", outside("www-data@web1.hosting.example")),
      "own: pass, pass",
    ],
    [
      "by a visitor, under the server's own sender",
      facts("a@x.example", outside("www-data@web1.hosting.example")),
      "on-behalf: refuse, rewrite",
    ],
    [
      "with the server's author, from a sender outside",
      facts("root@web1.hosting.example", outside("a@x.example")),
      "forward: refuse, rewrite",
    ],
    ["without a readable author", facts("Name a@x.example"), "on-behalf: refuse, refuse"],
    [
      "without a readable author, from outside",
      facts("Name a@x.example", outside("a@x.example")),
      "forward: refuse, refuse",
    ],
    ["without a From", facts("", { problem: "missing" }), "on-behalf: refuse, refuse"],
    [
      "whose author waits for DNS",
      facts("me@pending.example", { problem: "pending", foreignDomains: new Set(["pending.example"]) }),
      "own: refuse, refuse",
    ],
  ])("%s", (_, given, expected) => {
    expect(judged(given)).toBe(expected);
  });

  it.each<[string, SenderFacts, string]>([
    ["of an author of the tenant", facts("me@example.com"), "auto-reply: pass, pass"],
    ["of an author outside", facts("a@x.example", { autoSubmitted: "auto-replied" }), "auto-reply: refuse, rewrite"],
    ["of an account of the server", facts("jane@web1.hosting.example"), "auto-reply: rewrite, rewrite"],
    ["of MAILER-DAEMON", facts("MAILER-DAEMON@web1.hosting.example"), "bounce: rewrite, rewrite"],
    ["of MAILER-DAEMON elsewhere", facts("Mailer-Daemon@x.example"), "bounce: rewrite, rewrite"],
    ["of MAILER-DAEMON without a domain", facts("Mail Delivery Subsystem <MAILER-DAEMON>"), "bounce: rewrite, rewrite"],
    ["of postmaster", facts("postmaster@x.example"), "bounce: rewrite, rewrite"],
    ["with a delivery report", facts("a@x.example", { contentType: REPORT }), "bounce: rewrite, rewrite"],
    [
      "with a delivery report and no From",
      facts("", { contentType: REPORT, problem: "missing" }),
      "bounce: rewrite, rewrite",
    ],
    [
      "with a read receipt",
      facts("a@x.example", { contentType: REPORT.replace("delivery-status", "disposition-notification") }),
      "auto-reply: refuse, rewrite",
    ],
    [
      "of a daemon whose domain waits for DNS",
      facts("mailer-daemon@p.example", { problem: "pending", foreignDomains: new Set(["p.example"]) }),
      "bounce: rewrite, rewrite",
    ],
  ])("from the null sender %s", (_, given, expected) => {
    expect(judged({ ...given, returnPath: null, returnPathIsTenants: false })).toBe(expected);
  });

  it("says what its class rests on", () => {
    const given = facts("a@x.example", {
      ...outside("a@x.example"),
      ...forwardedFor("info@example.com"),
      isList: true,
    });
    expect(classifySender(given).evidence).toEqual([
      "outside-sender",
      "orcpt-differs",
      "list-fields",
      "foreign-author",
    ]);
  });
});

describe("a tenant's policy", () => {
  it("refuses foreign authors and takes the server's own mail, unless it says otherwise", () => {
    const tenant = { kind: "tenant", id: "x", name: "X", status: "active", language: "en" } as const;
    expect(senderPolicy(tenant)).toEqual({ foreignFrom: "refuse", systemMail: "rewrite" });
    expect(senderPolicy({ ...tenant, foreignFrom: "rewrite", systemMail: "refuse" })).toEqual({
      foreignFrom: "rewrite",
      systemMail: "refuse",
    });
    expect(senderPolicy(undefined)).toEqual({ foreignFrom: "refuse", systemMail: "refuse" });
  });

  it.each<[ForeignMail, ForeignMail, string, boolean]>([
    ["refuse", "rewrite", "a@x.example", false],
    ["refuse", "rewrite", "www-data@web1.hosting.example", true],
    ["refuse", "rewrite", "www-data@WEB1.hosting.example", true],
    ["refuse", "rewrite", "www-data@hosting.example", false],
    ["refuse", "rewrite", "root@localhost", true],
    ["refuse", "rewrite", "me@localhost", false],
    ["refuse", "refuse", "www-data@web1.hosting.example", false],
    ["rewrite", "refuse", "a@x.example", true],
  ])("foreignFrom %s, systemMail %s: <%s> may be a sender: %s", (foreignFrom, systemMail, address, may) => {
    const [local = "", domain = ""] = address.toLowerCase().split("@");
    expect(mayBeOutsideSender({ foreignFrom, systemMail }, { local, domain }, "web1.hosting.EXAMPLE")).toBe(may);
  });

  it("never lets foreign mail pass as it is, and never rewrites against its word", () => {
    const from = fc.constantFrom(
      "me@example.com",
      "a@x.example",
      "root",
      "MAILER-DAEMON@web1.hosting.example",
      "?",
      "",
      "root@localhost",
    );
    const any = fc.record({
      from,
      returnPath: fc.constantFrom(
        null,
        "me@example.com",
        "a@x.example",
        "SRS0=h=t=x.example=a@example.com",
        "root@web1.hosting.example",
        "",
      ),
      returnPathIsTenants: fc.boolean(),
      contentType: fc.constantFrom(undefined, REPORT, "text/plain"),
      isList: fc.boolean(),
      helo: fc.constantFrom("web1.hosting.example", "x.example", "[192.0.2.1]", ""),
      orcpt: fc.constantFrom("info@example.com", "you@example.net", ""),
    });
    const choice = fc.constantFrom<ForeignMail>("refuse", "rewrite");
    fc.assert(
      fc.property(any, choice, choice, ({ from: field, orcpt, ...over }, foreignFrom, systemMail) => {
        const given = facts(field, { ...over, ...forwardedFor(orcpt) });
        const classified = classifySender(given);
        const decision = decideSender(classified, given.problem, { foreignFrom, systemMail });
        if (given.problem !== "none") expect(decision).not.toBe("pass");
        if (decision === "rewrite") expect(classified.senderClass).not.toBe("own");
        if (foreignFrom === "refuse" && systemMail === "refuse") expect(decision).not.toBe("rewrite");
      }),
      { numRuns: 2_000 },
    );
  });
});

describe("an SRS address", () => {
  it.each([
    ["SRS0=Hk4N=PK=example.org=jane@a.example", true, "example.org"],
    ["srs0+Hk4N=PK=example.org=jane=smith@a.example", true, "example.org"],
    ["SRS1=abcd=b.example==Hk4N=PK=example.org=jane@a.example", true, "example.org"],
    ["SRS0=Hk4N@a.example", true, undefined],
    ["SRS0=@a.example", true, undefined],
    ["srs@a.example", false, undefined],
    ["SRS2=x=y=z.example=a@a.example", false, undefined],
  ])("%s: %s, for %s", (address, is, domain) => {
    expect(isSrs(address)).toBe(is);
    if (is) expect(srsOriginDomain(address)).toBe(domain);
  });
});

it("knows its own names, and names that are no domains", () => {
  expect(REWRITE_CLASSES.every(isRewriteClass)).toBe(true);
  expect(isRewriteClass("own")).toBe(false);
  expect(
    ["localhost", "web1", "a.local", "localhost.localdomain", "x.home.arpa"].filter((name) => !isLocalName(name)),
  ).toEqual([]);
  expect(["a.example", "local.example", "locals.jp"].filter(isLocalName)).toEqual([]);
});
