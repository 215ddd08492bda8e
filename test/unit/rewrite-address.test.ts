import * as fc from "fast-check";
import { describe, expect, it } from "vitest";
import { formatAddress } from "../../lib/core/address.ts";
import { addressCandidates, usesSystemAddress } from "../../lib/core/rewrite-address.ts";
import { REWRITE_CLASSES, type RewriteClass } from "../../lib/core/sender-class.ts";
import type { EnvelopeRecipient } from "../../lib/core/spool-object.ts";
import { messageOf } from "../support/header-rules.ts";

interface Given {
  readonly rewrite?: RewriteClass;
  readonly returnPath?: string | null;
  readonly foreign?: boolean;
  readonly orcpt?: readonly string[];
  readonly header?: readonly string[];
}

function candidates({
  rewrite = "forward",
  returnPath = null,
  foreign = false,
  orcpt = [],
  header = [],
}: Given): string[] {
  const recipients: EnvelopeRecipient[] = [
    { address: "you@example.net" },
    ...orcpt.map((value) => ({ address: "you@example.net", orcpt: { type: "rfc822", value } })),
  ];
  const envelope = { returnPath, recipients, ...(foreign ? { foreignReturnPath: true as const } : {}) };
  return addressCandidates(rewrite, envelope, messageOf(header)).map(formatAddress);
}

describe("the addresses that a mail could go out under", () => {
  it.each<[string, Given, string[]]>([
    [
      "begin with what the recipient was at first",
      { orcpt: ["Info@A.example"], returnPath: "me@b.example" },
      ["Info@a.example", "me@b.example"],
    ],
    ["leave out a recipient that did not change", { orcpt: ["you@example.net", "YOU@example.net"] }, []],
    ["leave out an ORCPT that is no address", { orcpt: ["root", "a@b@", ""] }, []],
    ["name the return path", { returnPath: "me@b.example", rewrite: "on-behalf" }, ["me@b.example"]],
    ["do not name one outside", { returnPath: "jane@x.example", foreign: true }, []],
    [
      "of an SRS return path name the domain",
      { rewrite: "srs", returnPath: "SRS0=h=t=x.example=jane@b.example" },
      ["forwarded@b.example"],
    ],
    [
      "of a list begin with its posting address",
      {
        rewrite: "list",
        returnPath: "list-bounces+you=example.net@b.example",
        header: ["List-Post: <mailto:list@b.example?subject=x>"],
      },
      ["list@b.example", "forwarded@b.example"],
    ],
    [
      "believe no List-Post of a mail from outside",
      {
        rewrite: "forward",
        returnPath: "l@x.example",
        foreign: true,
        header: ["List-Post: <mailto:president@b.example>"],
      },
      [],
    ],
    [
      "take domains, and no more, from where the tenant's server took it and from the message",
      {
        header: [
          "Received: from x by y with esmtp (Exim 4.96)",
          "\t(envelope-from <jane@x.example>) id 1",
          "\tfor president@a.example; Tue, 24 Nov 2026 05:23:31 +0000",
          "Received: from z for <other@z.example>; Tue, 24 Nov 2026 05:23:31 +0000",
          "Delivered-To: boss@b.example",
          "To: C <boss@c.example>, D <d@d.example>",
          "Cc: boss@c.example",
          "Message-ID: <1@www.e.example>",
        ],
      },
      [
        "forwarded@a.example",
        "forwarded@b.example",
        "forwarded@c.example",
        "forwarded@d.example",
        "forwarded@www.e.example",
      ],
    ],
    [
      "take it with brackets, as Postfix writes it",
      { header: ["Received: by y (Postfix)", "\tfor <info@a.example>; Tue"] },
      ["forwarded@a.example"],
    ],
  ])("%s", (_, given, expected) => {
    expect(candidates(given)).toEqual(expected);
  });

  it("are at most twenty, whatever the message", () => {
    expect(
      candidates({ header: [`To: ${Array.from({ length: 500 }, (_, i) => `a@d${i}.example`).join(", ")}`] }),
    ).toHaveLength(20);
    const octets = fc.uint8Array({ maxLength: 300 }).map((bytes) => Buffer.from(bytes));
    fc.assert(
      fc.property(octets, fc.constantFrom(...REWRITE_CLASSES), (message, rewrite) => {
        const found = addressCandidates(rewrite, { returnPath: "a@b.example", recipients: [] }, message);
        expect(found.length).toBeLessThanOrEqual(20);
      }),
    );
  });

  it("do not count for the server's own mail, which goes out under the relay's", () => {
    expect(REWRITE_CLASSES.filter(usesSystemAddress)).toEqual(["bounce", "auto-reply", "system"]);
  });
});
