/** What can be changed of a tenant: the same as `relayhost tenant`, `credential` and `network` do. */

import { changeRow, createRow, type Directory, deleteRow, readRow, scanRows } from "../../lib/aws/directory-dynamo.ts";
import { networkCidr } from "../../lib/config/network-setting.ts";
import { label, mailAddress, serverLabel, span, tenantId } from "../../lib/config/tenant-settings.ts";
import type { View } from "../../lib/console/view.ts";
import { credentialKey, networkKey, senderPauseKey, tenantKey } from "../../lib/core/directory.ts";
import { addCredential, credentialNamed, loginName, randomText, rotateCredential } from "../commands/credential.ts";
import { Mistakes } from "../commands/mistakes.ts";
import { CommandError } from "../commands/report.ts";
import { tenantNamed } from "../commands/tenant.ts";
import type { Change, Form, Planned } from "./changes.ts";
import type { ConsoleContext } from "./console-context.ts";

/** By the names under which forms ask for them. */
export function tenantChanges({ connection }: ConsoleContext): Readonly<Record<string, Change>> {
  const { directory } = connection;
  return {
    "tenant-pause": async (form, view) => await pauseTenant(directory, form, view),
    "tenant-resume": async (form, view) => await resumeTenant(directory, form, view),
    "credential-add": async (form, view) => await addLogin(directory, form, view),
    "credential-rotate": async (form, view) => await rotate(directory, form, view),
    "credential-revoke": async (form, view) => await revoke(directory, form, view),
    "credential-pause": async (form, view) => await switchLogin(directory, form, view, "paused"),
    "credential-resume": async (form, view) => await switchLogin(directory, form, view, "active"),
    "network-add": async (form, view) => await addNetwork(directory, form, view),
    "network-remove": async (form, view) => await removeNetwork(directory, form, view),
  };
}

const backTo = (tenant: string): string => `/tenants/${encodeURIComponent(tenant)}`;

async function pauseTenant(directory: Directory, form: Form, { words }: View): Promise<Planned> {
  const mistakes = new Mistakes(words.mistakes);
  const id = mistakes.read("tenant", form.one("tenant"), tenantId) ?? "";
  const reason = mistakes.read(words.tenants.pauseReason, form.one("reason"), label) ?? "";
  mistakes.end();
  await tenantNamed(directory, id);
  const title = words.tenants.pauseTitle(id);
  return {
    title,
    effects: [words.tenants.pauseEffect, `${words.common.reason}: ${reason}`],
    back: backTo(id),
    subjects: [id],
    tenant: id,
    run: async () => {
      const pause = { by: "operator", reason, atMs: Date.now() };
      await changeRow(directory, tenantKey(id), { status: "paused", pause });
      return { title, lines: [words.tenants.withinMinute] };
    },
  };
}

async function resumeTenant(directory: Directory, form: Form, { words }: View): Promise<Planned> {
  const mistakes = new Mistakes(words.mistakes);
  const id = mistakes.read("tenant", form.one("tenant"), tenantId) ?? "";
  const given = form.one("sender");
  const sender = given === "" ? undefined : mistakes.read("sender", given, mailAddress)?.toLowerCase();
  mistakes.end();
  const tenant = await tenantNamed(directory, id);
  const row = sender === undefined ? tenant : await readRow(directory, senderPauseKey(id, sender));
  const was = row?.kind === "tenant" || row?.kind === "sender-pause" ? row.pause : undefined;
  if (row === undefined || (row.kind === "tenant" && row.status !== "paused")) {
    throw new CommandError(words.tenants.notPaused);
  }
  const title = words.tenants.resumeTitle(sender ?? id);
  return {
    title,
    effects: [words.tenants.resumeEffect, ...(was === undefined ? [] : [`${words.tenants.pausedFor}: ${was.reason}`])],
    back: backTo(id),
    subjects: [sender ?? id],
    tenant: id,
    run: async () => {
      if (sender === undefined) await changeRow(directory, tenantKey(id), { status: "active", pause: undefined });
      else await deleteRow(directory, senderPauseKey(id, sender));
      return { title, lines: [words.tenants.withinMinute] };
    },
  };
}

async function addLogin(directory: Directory, form: Form, { words }: View): Promise<Planned> {
  const mistakes = new Mistakes(words.mistakes);
  const tenant = mistakes.read("tenant", form.one("tenant"), tenantId) ?? "";
  const given = form.one("login") === "" ? undefined : form.one("login");
  const login = mistakes.read(words.tenants.login, given, loginName);
  const text = form.one("label") === "" ? undefined : form.one("label");
  const shown = mistakes.read(words.tenants.label, text, serverLabel);
  mistakes.end();
  await tenantNamed(directory, tenant);
  if (login !== undefined && (await readRow(directory, credentialKey(login))) !== undefined) {
    throw new CommandError(words.tenants.taken(login));
  }
  const title = words.tenants.addTitle(tenant);
  return {
    title,
    effects: [
      words.tenants.addEffect,
      `${words.tenants.login}: ${login ?? words.tenants.made}`,
      ...(shown === undefined ? [] : [`${words.tenants.label}: ${shown}`]),
    ],
    back: backTo(tenant),
    subjects: [login ?? tenant],
    tenant,
    run: async () => {
      const name = login ?? `${tenant}-${randomText(6).toLowerCase()}`;
      const password = randomText(32);
      if (!(await addCredential(directory, { login: name, tenant, label: shown ?? name }, password))) {
        throw new CommandError(words.tenants.taken(name));
      }
      return { title, lines: [`${words.tenants.login}: ${name}`], secret: password };
    },
  };
}

async function rotate(directory: Directory, form: Form, { words }: View): Promise<Planned> {
  const mistakes = new Mistakes(words.mistakes);
  const overlapMs = mistakes.read("overlap", form.one("overlap"), span) ?? 0;
  mistakes.end();
  const row = await credentialNamed(directory, form.one("login"));
  const title = words.tenants.rotateTitle(row.login);
  return {
    title,
    effects: [overlapMs === 0 ? words.tenants.rotateNowEffect : words.tenants.rotateEffect(form.one("overlap"))],
    back: backTo(row.tenant),
    subjects: [row.login],
    tenant: row.tenant,
    run: async () => {
      const password = randomText(32);
      if (!(await rotateCredential(directory, row, password, overlapMs, Date.now()))) {
        throw new CommandError(words.tenants.changedMeanwhile);
      }
      return { title, lines: [words.tenants.withinMinute], secret: password };
    },
  };
}

async function revoke(directory: Directory, form: Form, { words }: View): Promise<Planned> {
  const row = await credentialNamed(directory, form.one("login"));
  const title = words.tenants.revokeTitle(row.login);
  return {
    title,
    effects: [words.tenants.revokeEffect],
    back: backTo(row.tenant),
    subjects: [row.login],
    tenant: row.tenant,
    run: async () => {
      await deleteRow(directory, credentialKey(row.login));
      return { title, lines: [words.tenants.withinMinute] };
    },
  };
}

async function switchLogin(
  directory: Directory,
  form: Form,
  { words }: View,
  status: "paused" | "active",
): Promise<Planned> {
  const mistakes = new Mistakes(words.mistakes);
  const given = status === "paused" ? mistakes.read(words.tenants.pauseReason, form.one("reason"), label) : undefined;
  mistakes.end();
  const reason = given ?? "";
  const row = await credentialNamed(directory, form.one("login"));
  const was = row.pause === undefined ? [] : [`${words.tenants.pausedFor}: ${row.pause.reason}`];
  const title = status === "paused" ? words.tenants.pauseTitle(row.login) : words.tenants.resumeTitle(row.login);
  return {
    title,
    effects:
      status === "paused"
        ? [words.tenants.pauseLoginEffect, `${words.common.reason}: ${reason}`]
        : [words.tenants.resumeLoginEffect, ...was],
    back: backTo(row.tenant),
    subjects: [row.login],
    tenant: row.tenant,
    run: async () => {
      const pause = status === "active" ? undefined : ({ by: "operator", reason, atMs: Date.now() } as const);
      await changeRow(directory, credentialKey(row.login), { status, pause });
      return { title, lines: [words.tenants.withinMinute] };
    },
  };
}

async function addNetwork(directory: Directory, form: Form, { words }: View): Promise<Planned> {
  const mistakes = new Mistakes(words.mistakes);
  const tenant = mistakes.read("tenant", form.one("tenant"), tenantId) ?? "";
  const cidr = mistakes.read(words.tenants.network, form.one("cidr"), networkCidr(false)) ?? "";
  const text = form.one("networkLabel") === "" ? undefined : form.one("networkLabel");
  const shown = mistakes.read(words.tenants.networkLabel, text, serverLabel) ?? cidr;
  mistakes.end();
  await tenantNamed(directory, tenant);
  const taken = (await scanRows(directory, "network")).find((row) => row.cidr === cidr);
  if (taken !== undefined) throw new CommandError(words.tenants.networkTaken(cidr, taken.tenant));
  const title = words.tenants.networkTitle(cidr, tenant);
  return {
    title,
    effects: [words.tenants.networkEffect],
    back: backTo(tenant),
    subjects: [cidr],
    tenant,
    run: async () => {
      const row = { kind: "network", cidr, tenant, label: shown, status: "active", tlsRequired: true } as const;
      if (!(await createRow(directory, row))) throw new CommandError(words.tenants.networkTaken(cidr, ""));
      return { title, lines: [words.tenants.withinMinute] };
    },
  };
}

async function removeNetwork(directory: Directory, form: Form, { words }: View): Promise<Planned> {
  const row = await readRow(directory, networkKey(form.one("cidr")));
  if (row?.kind !== "network") throw new CommandError(words.notFoundText);
  const title = words.tenants.removeNetworkTitle(row.cidr);
  return {
    title,
    effects: [words.tenants.removeNetworkEffect],
    back: backTo(row.tenant),
    subjects: [row.cidr],
    tenant: row.tenant,
    run: async () => {
      await deleteRow(directory, networkKey(row.cidr));
      return { title, lines: [words.tenants.withinMinute] };
    },
  };
}
