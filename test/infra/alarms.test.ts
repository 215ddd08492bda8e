import { readFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { ALARM_TEXTS, runbookAnchor } from "../../lib/infra/alarm-list.ts";
import { sourceFiles } from "../tidy/repository-files.ts";
import { environmentNames, type Json, list, object, settingsOf } from "./cdk-json.ts";
import { render, synthesize } from "./synthesized.ts";

/** Several environments are synthesized in one test. */
const SYNTH_MS = 180_000;
const ROOT = join(import.meta.dirname, "..", "..");
const prod = synthesize("prod", { webhooks: true, edge: settingsOf("staging")["edge"] ?? {} });
/** With what only an edge without a load balancer has. */
const alone = synthesize("prod", { ingress: "task", edge: settingsOf("staging")["edge"] ?? {} });
const alarms = prod.ofType("AWS::CloudWatch::Alarm");
const runbook = readFileSync(join(ROOT, "RUNBOOK.md"), "utf8");
const sections = runbook
  .split(/^## /m)
  .slice(1)
  .map((text) => ({ heading: text.slice(0, text.indexOf("\n")), text }));

describe("each alarm", () => {
  it(
    "is in the template once for each text, in every environment",
    () => {
      for (const name of environmentNames) {
        const names = synthesize(name, { webhooks: true })
          .ofType("AWS::CloudWatch::Alarm")
          .map(({ properties }) => render(properties["AlarmName"]));
        const expected = Object.values(ALARM_TEXTS).map(({ title }) => `relayhost-${name}-${runbookAnchor(title)}`);
        expect(names.sort()).toEqual(expected.sort());
      }
    },
    SYNTH_MS,
  );

  it("names its section of the runbook, and the runbook has no other", () => {
    const named = alarms.map(
      ({ properties }) => /RUNBOOK\.md#(\S+)$/.exec(render(properties["AlarmDescription"]))?.[1],
    );
    // The budget's mail is AWS's own and can name none.
    expect(prod.ofType("AWS::Budgets::Budget")).toHaveLength(1);
    const anchors = sections.map(({ heading }) => runbookAnchor(heading)).filter((anchor) => anchor !== "cost");
    expect(new Set(anchors)).toEqual(new Set(named));
    expect(anchors).toHaveLength(named.length);
  });

  it("rings on the topic that reaches the operator, and says when it is over", () => {
    for (const { id, properties } of alarms) {
      expect(properties["AlarmActions"], id).toEqual([{ Ref: "AlarmTopic" }]);
      expect(properties["OKActions"], id).toEqual([{ Ref: "AlarmTopic" }]);
    }
    expect(
      prod
        .ofType("AWS::SNS::Subscription")
        .map(({ properties }) => [
          properties["Protocol"],
          render(properties["TopicArn"]),
          render(properties["Endpoint"]),
        ]),
    ).toContainEqual(["email", "<AlarmTopic>", "operator@example.net"]);
  });

  it("that counts events of a log counts events that the code writes, in the log of that code", () => {
    const folderOf = new Map([
      ["<EdgeLog>", /^(relay-edge|lib)\//],
      ["<ForwardFunctionLog>", /^(lambda\/forward|lib)\//],
      ["<FeedbackFunctionLog>", /^(lambda\/feedback|lib)\//],
      ["<CertificateFunctionLog>", /^lambda\/certificate\//],
    ]);
    const filters = prod.ofType("AWS::Logs::MetricFilter");
    expect(filters.length).toBeGreaterThan(3);
    const counted = new Set<string | undefined>();
    for (const { id, properties } of filters) {
      const event = /\$\.event = "([a-z-]+)"/.exec(render(properties["FilterPattern"]))?.[1];
      counted.add(event);
      const folder = folderOf.get(render(properties["LogGroupName"]));
      const writers = sourceFiles().filter(
        ({ path, text }) => folder?.test(path) === true && text.includes(`event: "${event}"`),
      );
      expect(
        writers.map(({ path }) => path),
        `${id} counts ${event}`,
      ).not.toEqual([]);
    }
    for (const event of ["account-breaker-open", "possible-duplicate"]) expect(counted).toContain(event);
  });
});

describe("the runbook", () => {
  it.each(sections)("says what it means, where to look and what to do: $heading", ({ text }) => {
    for (const part of ["**Means.**", "**Look.**", "**Fix.**"]) expect(text).toContain(part);
  });

  it("names no queue, log or function that the template does not have", () => {
    const names = new Set(
      [...prod.resources, ...alone.resources].flatMap(({ properties }) =>
        ["QueueName", "LogGroupName", "FunctionName", "ClusterName", "DashboardName"].map((key) =>
          render(properties[key]),
        ),
      ),
    );
    const mentioned = runbook.match(/`(?:\/aws\/lambda\/|\/relayhost\/|relayhost-)[a-z/-]+`/g) ?? [];
    expect(mentioned.length).toBeGreaterThan(5);
    for (const name of mentioned) expect(names, name).toContain(name.slice(1, -1));
  });
});

describe("the dashboard", () => {
  it("follows the way of a message, and shows every alarm first", () => {
    const { DashboardBody } = prod.only("AWS::CloudWatch::Dashboard").properties;
    const [, parts] = list(object(DashboardBody)["Fn::Join"]);
    const text = list(parts).map((part) => (typeof part === "string" ? part : "x"));
    const body: Json = JSON.parse(text.join(""));
    const widgets = list(object(body)["widgets"]).map(object);
    const [status] = widgets;
    expect(status?.["type"]).toBe("alarm");
    expect(list(object(status?.["properties"])["alarms"])).toHaveLength(alarms.length);
    const steps = widgets
      .filter(({ type }) => type === "text")
      .map(({ properties }) => render(object(properties)["markdown"]));
    expect(steps.map((step) => step.slice(0, 6))).toEqual(["### 1.", "### 2.", "### 3."]);
  });
});
