/** Tenants and suppressed destinations of the local SES, through the AWS SDK. */

import {
  AlreadyExistsException,
  BadRequestException,
  CreateTenantCommand,
  CreateTenantResourceAssociationCommand,
  DeleteConfigurationSetCommand,
  DeleteEmailIdentityCommand,
  DeleteSuppressedDestinationCommand,
  DeleteTenantCommand,
  DeleteTenantResourceAssociationCommand,
  GetReputationEntityCommand,
  GetSuppressedDestinationCommand,
  GetTenantCommand,
  ListSuppressedDestinationsCommand,
  type ListSuppressedDestinationsCommandInput,
  ListTenantResourcesCommand,
  ListTenantsCommand,
  NotFoundException,
  PutSuppressedDestinationCommand,
  PutTenantSuppressionAttributesCommand,
  SendingPausedException,
  UpdateReputationEntityCustomerManagedStatusCommand,
} from "@aws-sdk/client-sesv2";
import { afterEach, beforeEach, describe, expect, it } from "vitest";

import { LocalSes, SET, TOPIC } from "../support/local-ses.ts";

let ses: LocalSes;
beforeEach(async () => {
  ses = await LocalSes.start();
});
afterEach(async () => ses.stop());

const MAIL = "From: a@example.com\r\n\r\nbody\r\n";
const ARN = "arn:aws:ses:us-east-1:000000000000";

describe("tenants", () => {
  const associate = (resource: string): Promise<unknown> =>
    ses.client.send(
      new CreateTenantResourceAssociationCommand({ TenantName: "t1", ResourceArn: `${ARN}:${resource}` }),
    );
  const send = (): Promise<string> => ses.send(MAIL, "b@example.net", { ConfigurationSetName: SET, TenantName: "t1" });

  it("sends only when identity and configuration set are associated, and says which is not", async () => {
    await ses.createSet(SET, TOPIC);
    await expect(send()).rejects.toMatchObject({
      name: "NotFoundException",
      message: "Tenant t1 for AwsAccountId 000000000000 not found.",
    });
    const tenant = await ses.client.send(new CreateTenantCommand({ TenantName: "t1" }));
    expect(tenant).toMatchObject({ TenantName: "t1", SendingStatus: "ENABLED" });
    expect(tenant.TenantArn).toBe(`${ARN}:tenant/t1/${tenant.TenantId}`);
    expect(tenant.CreatedTimestamp).toBeInstanceOf(Date);
    await associate("identity/example.com");
    await expect(send()).rejects.toMatchObject({
      name: "AccessDeniedException",
      message: `Tenant not associated with resources [${ARN}:configuration-set/${SET}].`,
      $metadata: { httpStatusCode: 403 },
    });
    await associate(`configuration-set/${SET}`);
    await ses.restart();
    const id = await send();
    expect(await ses.outboxRequest(id)).toMatchObject({ tenantName: "t1", configurationSetName: SET });
    await expect(ses.send(MAIL, "b@example.net", { TenantName: "t1" })).rejects.toThrow(
      "configuration set is required",
    );
  });

  it("lists and removes associations, and keeps an associated resource from being deleted", async () => {
    await ses.createSet(SET, TOPIC);
    await ses.client.send(new CreateTenantCommand({ TenantName: "t1" }));
    await associate("identity/example.com");
    await associate(`configuration-set/${SET}`);
    await expect(associate("identity/example.com")).rejects.toThrow(AlreadyExistsException);
    await expect(associate("identity/example.org")).rejects.toThrow(NotFoundException);
    await expect(associate("topic/x")).rejects.toThrow(BadRequestException);
    const arns = async (Filter?: Record<string, string>): Promise<(string | undefined)[]> => {
      const list = new ListTenantResourcesCommand({ TenantName: "t1", ...(Filter && { Filter }) });
      return ((await ses.client.send(list)).TenantResources ?? []).map(({ ResourceArn }) => ResourceArn);
    };
    expect(await arns()).toEqual([`${ARN}:configuration-set/${SET}`, `${ARN}:identity/example.com`]);
    expect(await arns({ RESOURCE_TYPE: "EMAIL_IDENTITY" })).toEqual([`${ARN}:identity/example.com`]);
    await expect(ses.client.send(new DeleteEmailIdentityCommand({ EmailIdentity: "example.com" }))).rejects.toThrow(
      "has tenant associations",
    );
    await expect(ses.client.send(new DeleteConfigurationSetCommand({ ConfigurationSetName: SET }))).rejects.toThrow(
      "has tenant associations",
    );
    for (const resource of ["identity/example.com", "identity/none.example"]) {
      await ses.client.send(
        new DeleteTenantResourceAssociationCommand({ TenantName: "t1", ResourceArn: `${ARN}:${resource}` }),
      );
    }
    expect(await arns()).toEqual([`${ARN}:configuration-set/${SET}`]);
    await ses.client.send(new DeleteEmailIdentityCommand({ EmailIdentity: "example.com" }));
  });

  it("refuses the mail of a paused tenant only, until it is enabled again", async () => {
    await ses.createSet(SET, TOPIC);
    const { TenantArn } = await ses.client.send(new CreateTenantCommand({ TenantName: "t1" }));
    await associate("identity/example.com");
    await associate(`configuration-set/${SET}`);
    const entity = { ReputationEntityType: "RESOURCE" as const, ReputationEntityReference: TenantArn };
    const put = (SendingStatus: "ENABLED" | "DISABLED"): Promise<unknown> =>
      ses.client.send(new UpdateReputationEntityCustomerManagedStatusCommand({ ...entity, SendingStatus }));
    await put("DISABLED");
    await expect(send()).rejects.toThrow(SendingPausedException);
    await ses.send(MAIL, "b@example.net", { ConfigurationSetName: SET });
    const { ReputationEntity } = await ses.client.send(new GetReputationEntityCommand(entity));
    expect(ReputationEntity?.SendingStatusAggregate).toBe("DISABLED");
    const { Tenant } = await ses.client.send(new GetTenantCommand({ TenantName: "t1" }));
    expect(Tenant?.SendingStatus).toBe("DISABLED");
    await put("ENABLED");
    await send();
  });

  it("creates, lists and deletes them with their suppression list", async () => {
    for (const TenantName of ["t2", "t1"]) await ses.client.send(new CreateTenantCommand({ TenantName }));
    await expect(ses.client.send(new CreateTenantCommand({ TenantName: "t1" }))).rejects.toThrow(
      AlreadyExistsException,
    );
    await expect(ses.client.send(new CreateTenantCommand({ TenantName: "a.b" }))).rejects.toThrow(BadRequestException);
    const put = { TenantName: "t1", SuppressedReasons: ["BOUNCE" as const], SuppressionScope: "TENANT" as const };
    await ses.client.send(new PutTenantSuppressionAttributesCommand(put));
    const half = new PutTenantSuppressionAttributesCommand({ TenantName: "t1", SuppressedReasons: ["BOUNCE"] });
    await expect(ses.client.send(half)).rejects.toThrow(BadRequestException);
    const { Tenant } = await ses.client.send(new GetTenantCommand({ TenantName: "t1" }));
    expect(Tenant?.SuppressionAttributes).toEqual({ SuppressedReasons: ["BOUNCE"], SuppressionScope: "TENANT" });
    const list = async (): Promise<(string | undefined)[]> =>
      ((await ses.client.send(new ListTenantsCommand({}))).Tenants ?? []).map(({ TenantName }) => TenantName);
    expect(await list()).toEqual(["t1", "t2"]);
    const suppressed = { EmailAddress: "b@example.net", TenantName: "t1" };
    await ses.client.send(new PutSuppressedDestinationCommand({ ...suppressed, Reason: "BOUNCE" }));
    await ses.client.send(new DeleteTenantCommand({ TenantName: "t1" }));
    expect(await list()).toEqual(["t2"]);
    await ses.client.send(new CreateTenantCommand({ TenantName: "t1" }));
    await expect(ses.client.send(new GetSuppressedDestinationCommand(suppressed))).rejects.toThrow(NotFoundException);
    await expect(ses.client.send(new DeleteTenantCommand({ TenantName: "none" }))).rejects.toThrow(NotFoundException);
  });
});

describe("suppressed destinations", () => {
  it("puts, reads, lists and deletes them, over a restart, without case", async () => {
    const put = (EmailAddress: string, Reason: "BOUNCE" | "COMPLAINT"): Promise<unknown> =>
      ses.client.send(new PutSuppressedDestinationCommand({ EmailAddress, Reason }));
    const before = new Date(Date.now() - 60_000);
    await put("B+x@Example.net", "BOUNCE");
    await put("c@example.net", "COMPLAINT");
    await ses.restart();
    const get = { EmailAddress: "b+x@example.net" };
    const { SuppressedDestination: entry } = await ses.client.send(new GetSuppressedDestinationCommand(get));
    expect(entry).toMatchObject({ EmailAddress: "b+x@example.net", Reason: "BOUNCE" });
    expect(entry?.LastUpdateTime?.getTime()).toBeGreaterThan(before.getTime());
    const list = async (input: ListSuppressedDestinationsCommandInput): Promise<unknown> => {
      const { SuppressedDestinationSummaries: all } = await ses.client.send(
        new ListSuppressedDestinationsCommand(input),
      );
      return all?.map(({ EmailAddress }) => EmailAddress);
    };
    expect(await list({})).toEqual(["b+x@example.net", "c@example.net"]);
    expect(await list({ Reasons: ["COMPLAINT"] })).toEqual(["c@example.net"]);
    expect(await list({ Reasons: ["COMPLAINT", "BOUNCE"], PageSize: 1 })).toEqual(["b+x@example.net"]);
    expect(await list({ EndDate: before })).toEqual([]);
    expect(await list({ StartDate: before })).toHaveLength(2);
    await ses.client.send(new DeleteSuppressedDestinationCommand(get));
    await expect(ses.client.send(new DeleteSuppressedDestinationCommand(get))).rejects.toThrow(NotFoundException);
    expect(await list({})).toEqual(["c@example.net"]);
  });

  it("refuses the list of a tenant that does not exist", async () => {
    const list = new ListSuppressedDestinationsCommand({ TenantName: "none" });
    await expect(ses.client.send(list)).rejects.toThrow(NotFoundException);
  });
});
