/** Under which tenant of SES forward sends, when SES has one for each of ours. */

import { CreateTenantCommand, CreateTenantResourceAssociationCommand } from "@aws-sdk/client-sesv2";
import { expect, it } from "vitest";
import { makeForwardHandler } from "../../lambda/forward/handler.ts";
import { makeSes } from "../../lib/aws/clients.ts";
import type { LogEvent } from "../../lib/core/log.ts";
import { ENV } from "../../lib/core/names.ts";
import { runOnce } from "../../lib/local/queue-worker.ts";
import { classSample } from "../support/class-samples.ts";
import { startPipeline } from "../support/pipeline.ts";
import { waitFor } from "../support/wait-for.ts";

it("sends a tenant's mail under its tenant of SES, and what leaves under the relay's address under none", async () => {
  const pipeline = await startPipeline();
  const ses = makeSes();
  try {
    const { region, configurationSet } = pipeline.names;
    await ses.send(new CreateTenantCommand({ TenantName: "demo" }));
    for (const resource of ["identity/example.com", `configuration-set/${configurationSet}`]) {
      const ResourceArn = `arn:aws:ses:${region}:000000000000:${resource}`;
      await ses.send(new CreateTenantResourceAssociationCommand({ TenantName: "demo", ResourceArn }));
    }
    const events: LogEvent[] = [];
    const log = (event: LogEvent): void => void events.push(event);
    const handler = makeForwardHandler({ ...pipeline.env, [ENV.sesTenants]: "true" }, log);
    const ids = [
      await pipeline.accept(),
      await pipeline.accept({
        from: null,
        bytes: classSample("postfix-bounce").bytes,
        envelope: { rewrite: "bounce" },
      }),
      await pipeline.accept({ bytes: classSample("mailman-list").bytes, envelope: { rewrite: "list" } }),
    ];
    const worker = { timeoutSeconds: 60, concurrency: 1, name: "forward", queue: pipeline.forwardQueue, handler, log };
    await waitFor(
      async () => {
        await runOnce(worker);
        return (
          ids.every((id) => events.some((event) => event.event === "forwarded" && event["id"] === id)) || undefined
        );
      },
      { deadlineMs: 30_000, otherwise: () => `not forwarded: ${JSON.stringify(events)}` },
    );
    const outbox = await pipeline.outbox();
    const tenants = ids.map(
      (id) => outbox.find(({ request }) => JSON.stringify(request).includes(id))?.request["tenantName"],
    );
    expect(tenants).toEqual(["demo", undefined, "demo"]);
  } finally {
    ses.destroy();
    await pipeline.close();
  }
}, 60_000);
