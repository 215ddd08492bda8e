/** Runs the local AWS services alone, for tests that kill them. Argument: data folder. Sends its endpoint over IPC. */

import { startLocalAws } from "../../lib/local/local-aws.ts";
import { createSesServer } from "../../lib/local/ses-server.ts";

const dataDir = process.argv[2];
if (dataDir === undefined) throw new Error("usage: local-aws-process.ts <data folder>");
process.on("disconnect", () => process.exit(1)); // the test is gone
const ses = createSesServer({ dataDir, publish: async () => undefined });
await ses.start();
const { endpoint } = await startLocalAws({ dataDir, port: 0, ses, onFault: (sentence) => console.error(sentence) });
process.send?.({ endpoint });
