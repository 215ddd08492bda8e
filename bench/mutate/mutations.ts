/**
 * One deliberate bug, or two, in each promise of the relay, and what has to notice it.
 *
 * A bug is a piece of the source that is replaced; the piece must stand in its file exactly once, so that a change of
 * the code shows here.
 */

/** What must fail once the bug is in. */
export type Check =
  /** A test of the hermetic suite, by its file and a part of its name. */
  | { readonly test: string; readonly name: string }
  /** `npm run fault` with these arguments. */
  | { readonly fault: readonly string[] };

/** A bug. */
export interface Mutation {
  /** Number and words of the promise. */
  readonly promise: string;
  /** What goes wrong, in words. */
  readonly bug: string;
  readonly file: string;
  readonly from: string;
  readonly to: string;
  readonly check: Check;
  /** What the failed check says; another failure does not count as noticing this bug. */
  readonly shows: RegExp;
}

const PROMISES = {
  stored: "1 no 250 before the object is stored",
  oneEnd: "2 every recipient ends in exactly one way",
  bytes: "3 bytes in are bytes out",
  envelope: "4 the envelope decides",
  domains: "5 nobody sends for a domain that is not theirs",
  setUp: "6 a mistake in set-up destroys no mail",
  tenants: "7 one tenant never hurts another",
  replies: "8 replies come from one table",
  retries: "9 retries are bounded, and told",
  price: "10 the price of a message is known",
  webhooks: "webhooks: every event is posted",
} as const;

/** All of them, in the order of the promises. */
export const MUTATIONS: readonly Mutation[] = [
  {
    promise: PROMISES.stored,
    bug: "a failed store is answered 250",
    file: "relay-edge/accept-message.ts",
    from: `error: errorText(error) });
    return undefined;`,
    to: `error: errorText(error) });
    return id;`,
    check: { test: "test/flow/edge-faults.test.ts", name: "answers 500" },
    shows: /expected '250/,
  },
  {
    promise: PROMISES.stored,
    bug: "the 250 does not wait for the storage",
    file: "relay-edge/accept-message.ts",
    from: "await (Buffer.isBuffer(body) ? put() : deps.fileTurns(put));",
    to: "void (Buffer.isBuffer(body) ? put() : deps.fileTurns(put)).catch(() => undefined);",
    check: { fault: ["--only", "storage", "--only", "edge"] },
    shows: /WRONG {2}lost/,
  },
  {
    promise: PROMISES.oneEnd,
    bug: "the object is deleted although a recipient waits for its next try",
    file: "lambda/forward/forward-message.ts",
    from: `return laterMs === undefined ? await finish(deps, id) : { kind: "later", atMs: laterMs };`,
    to: "return await finish(deps, id);",
    check: { fault: ["--only", "error-500 ses", "--only", "reset ses"] },
    shows: /WRONG {2}lost/,
  },
  {
    promise: PROMISES.oneEnd,
    bug: "a claim keeps nobody else from sending",
    file: "lib/core/message-record.ts",
    from: `record.state === "sending" && record.claimUntil !== undefined && record.claimUntil > nowMs`,
    to: `record.state === "sending" && record.claimUntil !== undefined && record.claimUntil > nowMs + 1e9`,
    check: { fault: ["--only", "queue-duplicates", "--only", "slow ses"] },
    shows: /WRONG {2}unexplained duplicate/,
  },
  {
    promise: PROMISES.oneEnd,
    bug: "the report of a bounce is noted and never written",
    file: "lib/aws/write-owed-dsns.ts",
    from: "  await putSpoolObject(deps.spool, dsnId, body);\n",
    to: "  void putSpoolObject;\n  void body;\n",
    check: { fault: ["--only", "slow dynamodb"] },
    shows: /WRONG {2}sender not told/,
  },
  {
    promise: PROMISES.bytes,
    bug: "a dot at the start of a line is taken off a second time",
    file: "lib/aws/prepare-message.ts",
    from: "return { ...prepared, own };",
    to: `const text = Buffer.from(prepared.bytes).toString("latin1").replaceAll("\\r\\n.", "\\r\\n");
  return { ...prepared, own, bytes: Buffer.from(text, "latin1") };`,
    check: { fault: ["--only", "slow"] },
    shows: /WRONG {2}wrong bytes/,
  },
  {
    promise: PROMISES.envelope,
    bug: "mail goes to whom the To field names",
    file: "lambda/forward/forward-message.ts",
    from: `  const targets = object.envelope.recipients
`,
    to: `  const named = /^To: (.*)$/m.exec(object.message.toString("latin1"))?.[1] ?? "";
  const targets = named.trim().split(", ").map((address) => ({ address }))
`,
    check: { fault: ["--only", "slow"] },
    shows: /WRONG {2}(lost|misdirected)/,
  },
  {
    promise: PROMISES.domains,
    bug: "every domain counts as the tenant's",
    file: "relay-edge/directory-cache.ts",
    from: "return senderVerdict(tenant, domain, rows);",
    to: `const { kind } = senderVerdict(tenant, domain, rows);
    return kind === "allowed" ? { kind } : { kind: "allowed" };`,
    check: { test: "test/flow/edge-policy.test.ts", name: "the envelope sender" },
    shows: /Error: expected '250 .* is not registered for you|Error: expected '250 2\.1\.0 Ok' to be '550/,
  },
  {
    promise: PROMISES.domains,
    bug: "the domain of the header's author is not looked at",
    file: "relay-edge/judge-sender.ts",
    from: `if (verdict.kind === "allowed") continue;`,
    to: `if (verdict.kind !== "pending") continue;`,
    check: { fault: ["--only", "slow"] },
    shows: /WRONG {2}open relay: foreign From/,
  },
  {
    promise: PROMISES.domains,
    bug: "every domain counts as the tenant's, in the fault run",
    file: "relay-edge/directory-cache.ts",
    from: "return senderVerdict(tenant, domain, rows);",
    to: `const { kind } = senderVerdict(tenant, domain, rows);
    return kind === "allowed" ? { kind } : { kind: "allowed" };`,
    check: { fault: ["--only", "slow"] },
    shows: /WRONG {2}open relay: foreign envelope sender/,
  },
  {
    promise: PROMISES.setUp,
    bug: "mail without a login is answered 530",
    file: "relay-edge/mail-session.ts",
    from: `smtpReply(strict ? "authRequiredStrict" : "authRequired")`,
    to: `smtpReply("authRequiredStrict")`,
    check: { test: "test/flow/edge-auth.test.ts", name: "gets 451 at MAIL" },
    shows: /Error: expected '530/,
  },
  {
    promise: PROMISES.setUp,
    bug: "a wrong password is answered 535",
    file: "relay-edge/mail-session.ts",
    from: `return smtpReply(settings.strictAuthentication ? "authFailedStrict" : "authFailed");`,
    to: `return smtpReply("authFailedStrict");`,
    check: { fault: ["--only", "slow", "--minutes", "0.4"] },
    shows: /WRONG {2}mail destroyed by a mistake in a set-up: wrong password/,
  },
  {
    promise: PROMISES.tenants,
    bug: "all tenants share one suppression list",
    file: "lib/aws/suppression-dynamo.ts",
    from: "return `s#${tenant}`;",
    to: "return `s#${tenant.slice(0, 0)}`;",
    check: { fault: ["--only", "slow", "--minutes", "0.5"] },
    shows: /WRONG {2}lost: neighbour-/,
  },
  {
    promise: PROMISES.replies,
    bug: "a failure of our own tells the peer what it was",
    file: "relay-edge/smtp-listener.ts",
    from: `callback(Object.assign(new Error(), libraryRefusal(smtpReply("temporaryFailure"))));`,
    // With a status code in front, or the words would be taken for the library's and not be sent.
    to: `callback(Object.assign(new Error(), { responseCode: 451, message: \`4.3.0 \${String(error)}\` }));`,
    check: { test: "test/flow/edge-faults.test.ts", name: "says nothing of it to the peer" },
    shows: /Error: expected '451 4\.3\.0 Error: secret/,
  },
  {
    promise: PROMISES.replies,
    bug: "a failed store tells the peer why",
    file: "relay-edge/accept-message.ts",
    from: `if (id === undefined) return { kind: "refused", reply: smtpReply("notStored"), size };`,
    to: `if (id === undefined) {
      return { kind: "refused", reply: { ...smtpReply("notStored"), text: "connect ECONNREFUSED 127.0.0.1" }, size };
    }`,
    check: { fault: ["--only", "reset s3", "--only", "error-500 s3", "--only", "kill storage"] },
    shows: /WRONG {2}reply not of the table: 451 4\.3\.0 connect ECONNREFUSED/,
  },
  {
    promise: PROMISES.retries,
    bug: "no message is ever given up",
    file: "lib/core/retry.ts",
    from: "return nowMs - acceptedMs >= giveUpAfterHours * 3_600_000;",
    to: "return nowMs - acceptedMs >= giveUpAfterHours * 3_600_000 * 1e6;",
    check: { fault: ["--only", "slow"] },
    shows: /WRONG {2}not given up and told: .*not given up after two days/,
  },
  {
    promise: PROMISES.retries,
    bug: "a delay is never told",
    file: "lib/core/dsn-policy.ts",
    from: "question.heldMs < DELAY_NOTICE_AFTER_MS;",
    to: "question.heldMs < DELAY_NOTICE_AFTER_MS * 1e6;",
    check: { fault: ["--only", "slow"] },
    shows: /WRONG {2}not given up and told: .*no report of its delay/,
  },
  {
    promise: PROMISES.price,
    bug: "forward reads each message from the ledger twice more",
    file: "lambda/forward/forward-message.ts",
    from: "  const known = await readMessage(deps.ledger, id);\n",
    to: "  await readMessage(deps.ledger, id);\n  await readMessage(deps.ledger, id);\n  const known = await readMessage(deps.ledger, id);\n",
    check: { test: "test/infra/cost.test.ts", name: "that the prices are multiplied by" },
    shows: /Error: expected .* to be less than 1\.1/,
  },
  {
    promise: PROMISES.webhooks,
    bug: "an event that the tenant's server refused is not tried again",
    file: "lambda/webhook/deliver-webhook.ts",
    from: "    return retry(ageMs, askedMs, why);\n  }\n\n  async",
    to: `    return retry(ageMs, askedMs, why).kind === "dead" ? { kind: "dead", why } : { kind: "done" };\n  }\n\n  async`,
    check: { fault: ["--only", "slow", "--minutes", "0.5"] },
    shows: /WRONG {2}webhook not posted/,
  },
];

/** The file's text with the bug in it. Throws when the piece to replace does not stand there exactly once. */
export function mutated({ file, bug, from, to }: Mutation, text: string): string {
  const pieces = text.split(from);
  if (pieces.length !== 2) throw new Error(`"${bug}": its place stands ${pieces.length - 1} times in ${file}`);
  return pieces.join(to);
}
