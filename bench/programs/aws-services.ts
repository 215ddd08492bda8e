/** The local AWS services as a process of their own. Sends `{ endpoint }` when they are up; ends with its parent. */

import { startLocalAws } from "../../lib/local/local-aws.ts";
import { createSesServer } from "../../lib/local/ses-server.ts";

const dataDir = process.argv[2] ?? "";
const ses = createSesServer({ dataDir, publish: async () => undefined, eventDelayMs: 3_600_000 });
await ses.start();
const aws = await startLocalAws({ dataDir, port: 0, ses });
process.once("disconnect", () => process.exit());
process.send?.({ endpoint: aws.endpoint });
