import { describe, expect, it } from "vitest";
import { LIMITS } from "../../lib/core/limits.ts";
import { MessageCount, RateLimits, type RateSettings, type Sending } from "../../relay-edge/rate-limits.ts";

const SETTINGS: RateSettings = {
  tasks: 1,
  connectionsPerTenantMax: 4,
  tenantMessagesPerMinute: 100,
  tenantRecipientsPerMinute: 1_000,
  credentialMessagesPerMinute: 50,
  credentialRecipientsPerMinute: 500,
  senderMessagesPerMinute: 10,
  senderRecipientsPerMinute: 100,
};
const SENDING: Sending = {
  tenant: "acme",
  tenantLimits: undefined,
  credential: "login/srv1",
  label: "server 1",
  credentialLimits: undefined,
  sender: "me@example.com",
};

function make(changes: Partial<RateSettings> = {}) {
  const clock = { now: 0 };
  const rates = new RateLimits({ ...SETTINGS, ...changes }, () => clock.now);
  const send = (change: Partial<Sending> = {}): string => {
    const count = rates.begin({ ...SENDING, ...change });
    return count instanceof MessageCount ? "taken" : count.text;
  };
  const sendMany = (count: number, change?: (index: number) => Partial<Sending>): number => {
    let taken = 0;
    for (let index = 0; index < count; index++) if (send(change?.(index)) === "taken") taken++;
    return taken;
  };
  return { clock, rates, send, sendMany };
}

describe("messages a minute", () => {
  it("are limited for each sender, then for each credential, then for the tenant, and others go on", () => {
    const { send, sendMany } = make();
    expect(sendMany(20)).toBe(10);
    expect(send()).toContain("Too many messages a minute from me@example.com: try again in 65 seconds;");
    expect(send({ sender: "ME@example.com" })).toContain("from ME@example.com:");
    expect(sendMany(100, (index) => ({ sender: `u${index}@example.com` }))).toBe(40);
    expect(send({ sender: "x@example.com" })).toContain("from server 1:");
    const second = (index: number) => ({
      credential: "login/srv2",
      label: "server 2",
      sender: `u${index}@example.com`,
    });
    expect(sendMany(100, second)).toBe(50);
    expect(send({ credential: "login/srv3", label: "server 3", sender: "x@example.com" })).toContain("tenant acme:");
    expect(send({ tenant: "other" })).toBe("taken");
  });

  it("may be sent again when the time is over that was told", () => {
    const { clock, send, sendMany } = make();
    clock.now = 3_000;
    sendMany(10);
    expect(send()).toContain("try again in 62 seconds");
    clock.now = 64_999;
    expect(send()).toContain("try again in 1 seconds");
    clock.now = 65_000;
    expect(send()).toBe("taken");
  });

  it("are shared out among the tasks, so that their sum keeps to the limit", () => {
    const tasks = [make({ tasks: 3 }), make({ tasks: 3 }), make({ tasks: 3 })];
    expect(tasks.map(({ sendMany }) => sendMany(20))).toEqual([3, 3, 3]);
    expect(make({ tasks: 100 }).sendMany(5)).toBe(1);
  });

  it("follow the limits that the directory gives: the credential's own before the tenant's for a sender", () => {
    expect(make().sendMany(50, () => ({ tenantLimits: { senderMessagesPerMinute: 20 } }))).toBe(20);
    const both = { tenantLimits: { senderMessagesPerMinute: 20 }, credentialLimits: { senderMessagesPerMinute: 5 } };
    expect(make().sendMany(50, () => both)).toBe(5);
    expect(make().sendMany(50, () => ({ tenantLimits: { messagesPerMinute: 7 } }))).toBe(7);
    expect(make().sendMany(50, () => ({ credentialLimits: { messagesPerMinute: 6 } }))).toBe(6);
    expect(make().sendMany(50, () => ({ credentialLimits: { messagesPerMinute: 0 } }))).toBe(0);
  });

  it("count again when a message was not accepted", () => {
    const { rates, sendMany } = make();
    const count = rates.begin(SENDING);
    if (!(count instanceof MessageCount)) throw new Error("refused");
    for (let i = 0; i < 100; i++) expect(count.recipient()).toBeUndefined();
    expect(count.recipient()?.name).toBe("tooManyRecipientsOf");
    count.giveBack();
    count.giveBack();
    expect(sendMany(20)).toBe(10);
    const { rates: fresh } = make();
    const first = fresh.begin(SENDING);
    if (!(first instanceof MessageCount)) throw new Error("refused");
    expect(first.add("recipients", 100)).toBeUndefined();
  });

  it("of the null sender and of mail for the relay's own address count together, by credential", () => {
    const { rates, sendMany, send } = make();
    expect(sendMany(6, () => ({ sender: null }))).toBe(6);
    const shared = (sender: string | null) => rates.shared({ ...SENDING, sender }, 1);
    for (let i = 0; i < 4; i++) expect(shared(`www${i}@web1.example`)).toBeInstanceOf(MessageCount);
    expect(shared("www5@web1.example")).toMatchObject({ name: "tooManyMessagesOf" });
    expect(shared(null)).toBeUndefined();
    expect(send({ sender: null })).toContain("from the null sender and system accounts of server 1:");
    expect(send({ sender: null, credential: "login/srv2" })).toBe("taken");
  });

  it("for the relay's own address may be one message of more recipients than a minute has, if it comes alone", () => {
    const { rates, clock } = make();
    const shared = (count: number) => rates.shared(SENDING, count);
    expect(shared(1_000)).toBeInstanceOf(MessageCount);
    expect(shared(1)).toMatchObject({ name: "tooManyRecipientsOf" });
    clock.now = 65_000;
    expect(shared(1)).toBeInstanceOf(MessageCount);
    expect(shared(1_000)).toMatchObject({ name: "tooManyRecipientsOf" });
    // What was refused has left nothing behind.
    expect(shared(99)).toBeInstanceOf(MessageCount);
  });

  it("of one sender are forgotten when too many others come, those of its credential are not", () => {
    const { sendMany } = make({ tenantMessagesPerMinute: 1e9, credentialMessagesPerMinute: 20_005 });
    expect(sendMany(20)).toBe(10);
    expect(sendMany(LIMITS.edge.rateSendersMax, (index) => ({ sender: `u${index}@example.com` }))).toBe(10_000);
    expect(sendMany(20)).toBe(10);
    expect(sendMany(20_000, (index) => ({ sender: `v${index}@example.com` }))).toBe(20_005 - 10_020);
  });
});

describe("connections", () => {
  it("are limited for a tenant and, where the directory says so, for a credential", () => {
    const { rates } = make();
    const two = { ...SENDING, credentialLimits: { connections: 2 } };
    const ends = [rates.connect(two), rates.connect(two), rates.connect(two)];
    expect(ends[2]).toMatchObject({ code: 421, text: expect.stringContaining("connections of server 1;") });
    const other = { ...SENDING, credential: "login/srv2" };
    expect([rates.connect(other), rates.connect(other)].map((end) => typeof end)).toEqual(["function", "function"]);
    expect(rates.connect(other)).toMatchObject({
      code: 421,
      text: expect.stringContaining("connections of tenant acme;"),
    });
    for (const end of ends) if (typeof end === "function") end();
    expect(typeof rates.connect(two)).toBe("function");
  });
});
