/** What the SDK throws, as a failure: each exception of SES, the errors of all services, and anything else. */

import * as ses from "@aws-sdk/client-sesv2";
import { describe, expect, it } from "vitest";
import { failureFromSdk } from "../../lib/aws/failure-from-sdk.ts";
import type { FailureClass } from "../../lib/core/failure.ts";

type Exception = new (options: { message: string; $metadata: { httpStatusCode: number } }) => Error;

function thrown(type: Exception, httpStatusCode: number, message: string): Error {
  return new type({ message, $metadata: { httpStatusCode } });
}

/** An error of a service for which the SDK has no class of its own. */
function serviceError(name: string, httpStatusCode: number, message = "x"): Error {
  return new ses.SESv2ServiceException({ name, $fault: "client", message, $metadata: { httpStatusCode } });
}

describe("an exception of SES", () => {
  it.each<[Exception, number, string, FailureClass, string, boolean]>([
    [
      ses.MessageRejected,
      400,
      "Email address is not verified. The following identities failed the check in region US-EAST-1: a@example.com",
      "configuration",
      "5.7.1",
      false,
    ],
    [ses.MessageRejected, 400, "Sending is paused for this tenant", "transient", "4.3.0", false],
    [ses.MessageRejected, 400, "Sending has been suspended", "transient", "4.3.0", false],
    [ses.MessageRejected, 400, "Message length is more than 41943040 bytes long", "permanent", "5.3.4", false],
    [ses.MessageRejected, 400, "Missing required header 'From'.", "permanent", "5.6.0", false],
    [ses.BadRequestException, 400, "Duplicate header 'Subject'.", "permanent", "5.6.0", false],
    [ses.BadRequestException, 400, "Missing final '@domain'", "permanent", "5.1.3", false],
    [ses.BadRequestException, 400, "Invalid recipient address", "permanent", "5.1.3", false],
    [ses.BadRequestException, 400, "Message size exceeds the limit", "permanent", "5.3.4", false],
    [ses.BadRequestException, 400, "Daily message quota exceeded.", "transient", "4.3.2", true],
    [ses.BadRequestException, 400, "The request exceeds your sending quota", "transient", "4.3.2", true],
    [ses.TooManyRequestsException, 429, "Maximum sending rate exceeded.", "transient", "4.3.2", true],
    [ses.SendingPausedException, 400, "x", "transient", "4.3.0", true],
    [ses.AccountSuspendedException, 400, "x", "configuration", "4.3.0", true],
    [ses.MailFromDomainNotVerifiedException, 400, "x", "configuration", "5.7.1", false],
    [ses.NotFoundException, 404, "Configuration set <x> does not exist.", "configuration", "4.3.5", false],
    [ses.LimitExceededException, 400, "x", "transient", "4.3.2", false],
  ])("%o (%s: %s) is %s", (type, httpStatus, message, failureClass, status, accountWide) => {
    const error = thrown(type, httpStatus, message);
    expect(failureFromSdk(error)).toEqual({
      class: failureClass,
      code: error.name,
      text: message,
      status,
      ambiguous: false,
      accountWide,
    });
  });

  it("of every kind the SDK knows is tried again or ends, and none but content and address ends for good", () => {
    const types = Object.values(ses as Record<string, unknown>).filter(
      (value): value is Exception =>
        typeof value === "function" && value.prototype instanceof ses.SESv2ServiceException,
    );
    expect(types.length).toBeGreaterThan(10);
    const errors = types.map((type) => thrown(type, 400, "x"));
    const permanent = errors.filter((error) => failureFromSdk(error).class === "permanent");
    expect(permanent.map((error) => error.name).toSorted()).toEqual(["BadRequestException", "MessageRejected"]);
  });

  it("without an answer worth its name may have been accepted", () => {
    const internal = thrown(ses.InternalServiceErrorException, 500, "x");
    expect(failureFromSdk(internal)).toMatchObject({ class: "transient", status: "4.3.0", ambiguous: true });
  });
});

describe("an error of any service", () => {
  it.each<[string, number, FailureClass, boolean]>([
    ["ThrottlingException", 400, "transient", false],
    ["Throttling", 400, "transient", false],
    ["RequestEntityTooLargeException", 413, "permanent", false],
    ["AccessDeniedException", 403, "configuration", false],
    ["AccessDenied", 403, "configuration", false],
    ["UnrecognizedClientException", 403, "configuration", false],
    ["InvalidClientTokenId", 403, "configuration", false],
    ["ExpiredTokenException", 403, "configuration", false],
    ["SomethingNewException", 400, "transient", false],
    ["InternalFailure", 500, "transient", true],
    ["ServiceUnavailable", 503, "transient", true],
    ["RequestTimeout", 408, "transient", true],
  ])("%s (%s) is %s, maybe done: %s", (name, httpStatus, failureClass, ambiguous) => {
    expect(failureFromSdk(serviceError(name, httpStatus))).toMatchObject({
      class: failureClass,
      code: name,
      ambiguous,
    });
  });
});

describe("no answer at all", () => {
  const system = (code: string): Error => Object.assign(new Error(`connect ${code}`), { code });

  it.each(["ECONNREFUSED", "ENOTFOUND", "EAI_AGAIN", "EHOSTUNREACH", "ENETUNREACH"])(
    "with %s: nothing was sent",
    (code) => {
      expect(failureFromSdk(system(code))).toMatchObject({
        class: "transient",
        code,
        status: "4.4.1",
        ambiguous: false,
      });
    },
  );

  it.each(["ECONNRESET", "EPIPE", "ETIMEDOUT"])("with %s: it may have been sent", (code) => {
    expect(failureFromSdk(system(code))).toMatchObject({ class: "transient", code, status: "4.4.1", ambiguous: true });
  });

  it("by a real client without a server is a refused connection, with nothing sent", async () => {
    const client = new ses.SESv2Client({
      endpoint: "http://127.0.0.1:1",
      region: "us-east-1",
      credentials: { accessKeyId: "x", secretAccessKey: "x" },
      maxAttempts: 1,
    });
    const error: unknown = await client.send(new ses.GetAccountCommand({})).catch((reason: unknown) => reason);
    client.destroy();
    expect(failureFromSdk(error)).toMatchObject({ class: "transient", code: "ECONNREFUSED", ambiguous: false });
  });

  it("by a real client without credentials is nothing sent", async () => {
    const client = new ses.SESv2Client({
      endpoint: "http://127.0.0.1:1",
      region: "us-east-1",
      maxAttempts: 1,
      credentials: async () => {
        throw Object.assign(new Error("Could not load credentials from any providers"), {
          name: "CredentialsProviderError",
        });
      },
    });
    const error: unknown = await client.send(new ses.GetAccountCommand({})).catch((reason: unknown) => reason);
    client.destroy();
    expect(failureFromSdk(error)).toMatchObject({
      class: "transient",
      code: "CredentialsProviderError",
      ambiguous: false,
    });
  });
});

describe("anything else", () => {
  it.each([
    ["a text", "boom", "boom"],
    ["nothing", undefined, "undefined"],
    ["an object that has no words", Object.create(null), "an error without words"],
    ["an object with an odd status", { $metadata: { httpStatusCode: "400" }, code: 5 }, "[object Object]"],
    ["an error of our own", new TypeError("x is not a function"), "x is not a function"],
  ])("that is thrown (%s) is tried again", (_, error, text) => {
    expect(failureFromSdk(error)).toMatchObject({ class: "transient", text, ambiguous: true, accountWide: false });
  });
});
