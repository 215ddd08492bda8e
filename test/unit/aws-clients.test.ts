import { expect, it } from "vitest";
import { makeDynamoDb, makeS3, makeSesForSending, makeSqs } from "../../lib/aws/clients.ts";

it.each([
  ["DynamoDB", () => makeDynamoDb()],
  ["S3", () => makeS3({})],
  ["SQS", () => makeSqs()],
  ["SES", () => makeSesForSending(1_000)],
])("calls of %s are not copied for a logger that nobody has given", (_, make) => {
  const client = make();
  const steps = client.middlewareStack.identify();
  expect(steps.length).toBeGreaterThan(0);
  expect(steps.filter((step) => /logger/i.test(step))).toEqual([]);
  client.destroy();
});
