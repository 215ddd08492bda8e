/**
 * What two environments of cdk.json may not have in common, since they may be deployed into one account: names of
 * resources carry the environment's own, but some things are named by the settings.
 *
 * A mistake is one sentence, as those of `parseEnvironment`. What is wrong with the other environment itself is not told.
 */

/** Problems of `name` with the others; values are whatever JSON stands there. */
export function collisionProblems(name: string, environments: Readonly<Record<string, unknown>>): string[] {
  const own = settingsIn(environments[name]);
  return Object.entries(environments).flatMap(([other, raw]) => {
    if (other === name) return [];
    const settings = settingsIn(raw);
    const problems: string[] = [];
    if (own.hostName !== undefined && own.hostName === settings.hostName) {
      problems.push(
        `environments.${name}.hostName: got ${JSON.stringify(own.hostName)}, which ${other} has too; allowed: a name of its own`,
      );
    }
    // With a hosted zone the stack makes the identity, and SES has one of a name in a region.
    if (own.identity !== undefined && own.identity === settings.identity) {
      problems.push(
        `environments.${name}.systemAddress: got the domain of ${other}'s in the same region; allowed: one of its own, ` +
          `since with hostedZone each stack makes the identity of its domain`,
      );
    }
    return problems;
  });
}

interface Settings {
  readonly hostName: string | undefined;
  /** Region and domain of the SES identity that the stack makes. */
  readonly identity: string | undefined;
}

function settingsIn(raw: unknown): Settings {
  const value = typeof raw === "object" && raw !== null ? (raw as Readonly<Record<string, unknown>>) : {};
  const { hostName, systemAddress, region, hostedZone } = value;
  const domain =
    typeof systemAddress === "string" ? systemAddress.slice(systemAddress.lastIndexOf("@") + 1) : undefined;
  return {
    hostName: typeof hostName === "string" ? hostName : undefined,
    identity: domain !== undefined && hostedZone !== undefined ? `${String(region)} ${domain}` : undefined,
  };
}
