/**
 * Who is told when an environment costs more than was meant: a budget over everything that carries its tag.
 *
 * AWS counts a tag only from when it is activated for cost allocation (a day after it was first seen); until then the
 * budget sees nothing. A budget that only tells costs nothing. No CloudWatch alarm: AWS has the month's cost as a metric in one
 * region only.
 */

import { CfnBudget } from "aws-cdk-lib/aws-budgets";
import { Construct } from "constructs";
import { resourceName } from "./physical-names.ts";

/** The month's limit in dollars, and whom to tell. */
export interface CostBudgetProps {
  readonly environment: string;
  readonly dollars: number;
  readonly address: string;
}

/** Tag of all resources of an environment; its value is the environment's name. */
export const ENVIRONMENT_TAG = "relayhost-environment";

/** The budget; see the head of this file. */
export class CostBudget extends Construct {
  constructor(scope: Construct, id: string, props: CostBudgetProps) {
    super(scope, id);
    const { environment, dollars, address } = props;
    const tell = (notificationType: string, threshold: number): CfnBudget.NotificationWithSubscribersProperty => ({
      notification: { notificationType, threshold, thresholdType: "PERCENTAGE", comparisonOperator: "GREATER_THAN" },
      subscribers: [{ subscriptionType: "EMAIL", address }],
    });
    new CfnBudget(this, "Budget", {
      budget: {
        budgetName: resourceName(environment, "cost"),
        budgetType: "COST",
        timeUnit: "MONTHLY",
        budgetLimit: { amount: dollars, unit: "USD" },
        costFilters: { TagKeyValue: [`user:${ENVIRONMENT_TAG}$${environment}`] },
      },
      notificationsWithSubscribers: [tell("ACTUAL", 80), tell("FORECASTED", 100)],
    });
  }
}
