import { afterAll, beforeAll, beforeEach, describe, expect, it } from "vitest";
import { startTestAws, type TestAws } from "../support/aws.ts";
import { fillDirectory, line, message, startTestEdge, type TestEdge } from "../support/edge.ts";

let aws: TestAws;
let edge: TestEdge;

beforeAll(async () => {
  aws = await startTestAws();
  await fillDirectory(aws);
  edge = await startTestEdge(aws);
});

afterAll(async () => {
  await edge.close();
  await aws.close();
});

beforeEach(async () => {
  await aws.clear();
});

describe("accepting a message", () => {
  it("answers 250 with the queue id once envelope and exact bytes are in the spool", async () => {
    const client = await edge.logIn();
    const data = message("Me <me@example.com>", "caf\xe9\r\n..\r\n.dots\r\n\r\n");
    const reply = await client.sendMail({ from: "me@example.com", to: ["a@b.example", "C@D.example"], data });
    const [stored] = await aws.stored();
    expect(line(reply)).toBe(`250 2.0.0 Ok: queued as ${stored?.envelope.id}`);
    expect(stored?.message.toString("latin1")).toBe(data);
    expect(stored?.envelope).toMatchObject({
      tenant: "acme",
      credential: "server srv1",
      returnPath: "me@example.com",
      recipients: [{ address: "a@b.example" }, { address: "C@d.example" }],
      client: { address: "127.0.0.1", port: client.localPort, helo: "client.example.com", tls: "TLSv1.3" },
    });
    await client.quit();
  });
});
