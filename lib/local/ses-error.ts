/**
 * The errors that the local SES answers, with the HTTP status that the service gives each.
 *
 * Status codes as in the SDK's schemas of SES v2; those that the SDK does not model (`AccessDeniedException`,
 * `ThrottlingException` and the like) as AWS's common errors have them.
 * See https://docs.aws.amazon.com/ses/latest/APIReference-V2/CommonErrors.html.
 */

const STATUS_BY_TYPE = {
  AccessDeniedException: 403,
  AlreadyExistsException: 400,
  BadRequestException: 400,
  InternalServiceErrorException: 500,
  InvalidNextTokenException: 400,
  InvalidSignatureException: 403,
  LimitExceededException: 400,
  MailFromDomainNotVerifiedException: 400,
  MessageRejected: 400,
  MissingAuthenticationTokenException: 403,
  NotFoundException: 404,
  RequestEntityTooLargeException: 413,
  SendingPausedException: 400,
  SerializationException: 400,
  ServiceUnavailable: 503,
  ThrottlingException: 400,
  TooManyRequestsException: 429,
  UnknownOperationException: 404,
} as const;

/** Name of an error as it stands in `x-amzn-errortype`, and as `name` of the exception that the SDK throws. */
export type SesErrorType = keyof typeof STATUS_BY_TYPE;

/** A refusal on its way to the caller. Its message is SES's own where that is known. */
export class SesError extends Error {
  readonly type: SesErrorType;
  readonly status: number;

  constructor(type: SesErrorType, message: string) {
    super(message);
    this.name = type;
    this.type = type;
    this.status = STATUS_BY_TYPE[type];
  }
}

/** A request that SES cannot take: 400. */
export function badRequest(message: string): SesError {
  return new SesError("BadRequestException", message);
}

/** Something named in the request does not exist: 404. */
export function notFound(message: string): SesError {
  return new SesError("NotFoundException", message);
}

/** Something of that name exists: 400 in SES v2. */
export function alreadyExists(message: string): SesError {
  return new SesError("AlreadyExistsException", message);
}
