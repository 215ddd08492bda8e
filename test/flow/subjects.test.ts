/** The subject on a message's record: for readers, and only where it is kept. */

import { expect, it } from "vitest";
import { readMessage } from "../../lib/aws/ledger-dynamo.ts";
import { ENV } from "../../lib/core/names.ts";
import { startPipeline, testMail } from "../support/pipeline.ts";

const JIS = "\x1b$B$4@A5a=q\x1b(B 7";
const SUBJECTS: readonly (readonly [sent: string, shown: string | undefined])[] = [
  ["=?UTF-8?B?44GU6KuL5rGC5pu4?=\r\n =?UTF-8?Q?_No=2E_7?=", "\u3054\u8acb\u6c42\u66f8 No. 7"],
  [JIS, "\u3054\u8acb\u6c42\u66f8 7"],
  ["x".repeat(900), `${"x".repeat(200)}\u2026`],
  ["\u202egnp.exe\t=?us-ascii?Q?=0D=0A?=", "gnp.exe"],
  ["", undefined],
];

it.each([
  ["true", SUBJECTS.map(([, shown]) => shown)],
  ["false", SUBJECTS.map(() => undefined)],
])("keepSubjects %s", async (keep, wanted) => {
  const pipeline = await startPipeline({}, { [ENV.keepSubjects]: keep });
  try {
    pipeline.work();
    const subjects: (string | undefined)[] = [];
    for (const [sent] of SUBJECTS) {
      const id = await pipeline.accept({ bytes: Buffer.from(testMail("s").replace("Subject: s", `Subject: ${sent}`)) });
      await pipeline.logged((event) => event.event === "forwarded" && event["id"] === id);
      subjects.push((await readMessage(pipeline.ledger, id)).message?.subject);
    }
    expect(subjects).toEqual(wanted);
  } finally {
    await pipeline.close();
  }
});
