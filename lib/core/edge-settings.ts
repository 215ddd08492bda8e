/**
 * What the SMTP edge is told: every choice and limit of one edge process, as one value read once at its start.
 *
 * `lib/config/edge-config.ts` makes it from the environment. Times are milliseconds, sizes octets.
 */

/** Settings of an edge process. */
export interface EdgeSettings {
  /** The name the edge gives itself in its greeting, its `Received` field and its certificate. */
  readonly hostName: string;
  readonly bindAddress: string;
  /** STARTTLS port; 0 takes any free one. */
  readonly smtpPort: number;
  /** Implicit TLS port; 0 takes any free one. */
  readonly smtpsPort: number;
  /** HTTP health check; undefined: none. 0 takes any free one. */
  readonly healthPort: number | undefined;
  /** PEM files. Without them and a secret, a self-signed certificate is made in `dataDir` and kept there. */
  readonly tls: { readonly certificateFile: string; readonly keyFile: string } | undefined;
  /** Certificate and key in AWS Secrets Manager instead. */
  readonly tlsSecretArn: string | undefined;
  /** True: the secret is filled by somebody else, maybe later; until then a self-signed certificate is shown. */
  readonly tlsAwaitSecret: boolean;
  /** How often the certificate is read again, */
  readonly certificateCheckMs: number;
  /** and how often as long as it is awaited. */
  readonly certificateAwaitMs: number;
  /** Holds the self-signed certificate. */
  readonly dataDir: string;
  /** Holds what is too big for memory, while it is received. */
  readonly temporaryDir: string;

  /** True: RFC 4954's 530 and 535. False: 4xx, so that a wrong set-up leaves mail in the sender's queue. */
  readonly strictAuthentication: boolean;
  /** True: AUTH is offered without TLS too. */
  readonly clearTextAuth: boolean;
  /** True: senders and recipients stand in the log. */
  readonly logAddresses: boolean;
  /** Tells the relays of an account apart in metrics. */
  readonly environment: string;
  /** How often metrics are written into the log; 0: never. */
  readonly metricsEveryMs: number;

  readonly messageSizeBytesMax: number;
  readonly memoryPerMessageBytesMax: number;
  readonly headerBytesMax: number;
  readonly recipientsMax: number;
  readonly hopsMax: number;
  readonly dotLinesMax: number;

  readonly connectionsMax: number;
  readonly connectionsPerAddressMax: number;

  /** Edge processes that share the limits per tenant, credential and sender below; each enforces its part. */
  readonly tasks: number;
  readonly connectionsPerTenantMax: number;
  /** Of whoever has no limit of his own in the directory. */
  readonly tenantMessagesPerMinute: number;
  readonly tenantRecipientsPerMinute: number;
  readonly credentialMessagesPerMinute: number;
  readonly credentialRecipientsPerMinute: number;
  readonly senderMessagesPerMinute: number;
  readonly senderRecipientsPerMinute: number;

  readonly junkCommandsMax: number;
  readonly authFailuresMax: number;
  readonly commandLineBytesMax: number;

  /**
   * How long a session may last before it has to begin anew; a transaction that is open then may take as long again.
   */
  readonly sessionMs: number;
  /** Pause before the greeting, to catch clients that talk first; 0: none. */
  readonly greetingPauseMs: number;
  readonly tlsHandshakeMs: number;
  readonly commandMs: number;
  readonly afterFailedAuthMs: number;
  /** What the answer to a failed AUTH waits when its address has failed often. */
  readonly authDelayMs: number;
  readonly dataGraceMs: number;
  readonly dataBytesPerSecondMin: number;
  readonly socketIdleMs: number;
  /** How often the deadlines above are looked at. */
  readonly deadlineCheckMs: number;

  readonly directoryDeadlineMs: number;
  readonly directoryCacheMs: number;
  /** From the end of data, a wait for one of `storesFromFileMax` turns included. */
  readonly storeDeadlineMs: number;
  readonly storesFromFileMax: number;
  readonly closeTimeoutMs: number;
}
