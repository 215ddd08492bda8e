/** What the console says in Japanese of a form's mistakes, whose rules are the commands' own. */

import { expect, it } from "vitest";
import { loginName } from "../../bin/commands/credential.ts";
import type { Parser } from "../../lib/config/declare.ts";
import { networkCidr } from "../../lib/config/network-setting.ts";
import { label, mailAddress, serverLabel, span, tenantId } from "../../lib/config/tenant-settings.ts";
import { WORDS } from "../../lib/console/words.ts";

const WRONG: readonly (readonly [name: string, parse: Parser<unknown>, text: string])[] = [
  ["tenantId", tenantId, "!"],
  ["label", label, ""],
  ["serverLabel", serverLabel, ""],
  ["loginName", loginName, ":"],
  ["mailAddress", mailAddress, "nobody"],
  ["span", span, "soon"],
  ["networkCidr", networkCidr(false), "x"],
  ["networkCidr, of no server", networkCidr(false), "224.0.0.0/8"],
  ["networkCidr, wide", networkCidr(false), "10.0.0.0/8"],
  ["networkCidr, wide IPv6", networkCidr(false), "2001:db8::/30"],
];

it.each(WRONG)("%s says in Japanese what is allowed", (_, parse, text) => {
  const parsed = parse(text);
  if ("value" in parsed) throw new Error("that is no mistake");
  const told = WORDS.ja.mistakes.of("x", JSON.stringify(text), parsed.allowed);
  expect(told).not.toContain(parsed.allowed);
  expect(told).toMatch(/[\u3040-\u30ff]/);
});
