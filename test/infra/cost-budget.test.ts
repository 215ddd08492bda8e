import { describe, expect, it } from "vitest";
import { synthesize } from "./synthesized.ts";

describe("what is set of cost and SES's addresses", () => {
  it("is a budget of the environment's tag that tells the operator, at four fifths and by forecast", () => {
    expect(synthesize("prod").only("AWS::Budgets::Budget").properties).toMatchObject({
      Budget: {
        BudgetLimit: { Amount: 250, Unit: "USD" },
        BudgetName: "relayhost-prod-cost",
        CostFilters: { TagKeyValue: ["user:relayhost-environment$prod"] },
      },
      NotificationsWithSubscribers: [
        {
          Notification: { NotificationType: "ACTUAL", Threshold: 80 },
          Subscribers: [{ Address: "operator@example.net" }],
        },
        { Notification: { NotificationType: "FORECASTED", Threshold: 100 } },
      ],
    });
    expect(synthesize("dev").ofType("AWS::Budgets::Budget")).toEqual([]);
  });

  it("is a pool that mail leaves from, where one is named", () => {
    const set = (changes: { sesDedicatedPool?: string }) =>
      synthesize("dev", changes).only("ConfigurationSet").properties["DeliveryOptions"];
    expect(set({ sesDedicatedPool: "own-addresses" })).toMatchObject({ SendingPoolName: "own-addresses" });
    expect(set({})).not.toHaveProperty("SendingPoolName");
  });
});
