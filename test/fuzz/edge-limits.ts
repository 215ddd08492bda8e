/** What a fuzzed edge is held to, and what it tells of itself: known to the test and to the edge's process. */

/** What the edge holds. Octets, and a count for each kind of handle or request. */
export type Holdings = {
  readonly heapBytes: number;
  readonly externalBytes: number;
  readonly residentBytes: number;
  readonly resources: Readonly<Record<string, number>>;
};

/** The limits of a fuzzed edge. */
export const FUZZ_LIMITS = {
  messageSizeBytesMax: 256 * 1024,
  memoryPerMessageBytesMax: 16 * 1024,
  headerBytesMax: 8 * 1024,
  recipientsMax: 100,
  dotLinesMax: 2_000,
  connectionsPerAddressMax: 24,
  commandMs: 3_000,
  afterFailedAuthMs: 2_000,
  authDelayMs: 100,
  tlsHandshakeMs: 3_000,
  dataGraceMs: 3_000,
  socketIdleMs: 5_000,
  // Not to be met: what is sent here comes from one sender.
  tenantMessagesPerMinute: 1_000_000,
  tenantRecipientsPerMinute: 1_000_000,
  credentialMessagesPerMinute: 1_000_000,
  credentialRecipientsPerMinute: 1_000_000,
  senderMessagesPerMinute: 1_000_000,
  senderRecipientsPerMinute: 1_000_000,
} as const;
