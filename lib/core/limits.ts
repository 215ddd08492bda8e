/**
 * Every number of the relay with its unit, and the relations between them that keep mail safe.
 *
 * Infra and runtime read the same constants; `limitProblems()` states the relations and a test calls it.
 */

const KiB = 1024;
const MiB = 1024 * KiB;

/** The numbers; the last word of a name is its unit. */
export const LIMITS = {
  edge: {
    /** Default of the SIZE setting: octets of one message as received (reference: SES takes 40 MB after base64). */
    messageSizeBytesMax: 28 * MiB,
    /** What one message may hold in memory before it goes to a temporary file. */
    memoryPerMessageBytesMax: 256 * KiB,
    headerBytesMax: 1 * MiB,
    recipientsMax: 1000,
    hopsMax: 30,
    storeDeadlineMs: 30_000,
    /** Messages from temporary files that are stored at a time; all at once, none would be done before its deadline. */
    storesFromFileMax: 8,
    directoryDeadlineMs: 5_000,
    directoryCacheMs: 60_000,
    socketIdleMs: 300_000,
    /** One command line: room for AUTH's initial response (RFC 4954 §4) and for ENVID and ORCPT (RFC 3461 §10.4). */
    commandLineBytesMax: 12_288,
    /** RFC 5321 §4.5.3.2.7: how long a client may take for one command, however its bytes trickle in. */
    commandMs: 300_000,
    /** A client that stays silent after a failed AUTH is let go after this long (patched qmail-remote just waits). */
    afterFailedAuthMs: 12_000,
    /** Failed AUTH commands on one connection: the last of them ends it (RFC 4954 §9). */
    authFailuresMax: 3,
    /** Failed AUTH commands from one address: from here on each answer waits, and from there on connections are refused. */
    authSlowAfter: 10,
    authBlockAfter: 60,
    authDelayMs: 2_000,
    /** That many of them are forgotten a minute; a success forgets half. */
    authForgottenPerMinute: 6,
    /** DATA may take this long, and a second more for every `dataBytesPerSecondMin` octets that have come. */
    dataGraceMs: 60_000,
    dataBytesPerSecondMin: 500,
    tlsHandshakeMs: 30_000,
    sessionMs: 3_600_000,
    /** A renewed certificate is taken up within this time. */
    certificateCheckMs: 3_600_000,
    /** While a certificate is awaited for the first time, it is looked for this often. */
    certificateAwaitMs: 30_000,
    metricsEveryMs: 60_000,
    /** Commands that bring no mail, since the last message or the start. */
    junkCommandsMax: 100,
    /** Lines with a stuffed dot and little else: each costs a turn of the event loop. */
    dotLinesMax: 20_000,
    connectionsMax: 5_000,
    connectionsPerAddressMax: 100,
    /** Limits of one tenant, credential or envelope sender over all edge tasks, where the directory gives it no other. */
    connectionsPerTenantMax: 500,
    tenantMessagesPerMinute: 1_800,
    tenantRecipientsPerMinute: 12_000,
    credentialMessagesPerMinute: 1_200,
    credentialRecipientsPerMinute: 8_000,
    senderMessagesPerMinute: 300,
    /** Room for a full message (`recipientsMax`) on each of four tasks. */
    senderRecipientsPerMinute: 4_000,
    /** Envelope senders that are counted at one time. */
    rateSendersMax: 10_000,
    /** Of one From field, or another of those that are compared: Subject, Content-Type and the like. */
    fromBytesMax: 64 * KiB,
    /** Answers of the directory kept at once, and password checks remembered. */
    cacheEntriesMax: 20_000,
    /** scrypt runs in Node's thread pool, which files need too. */
    passwordChecksAtOnce: 2,
    passwordChecksWaitingMax: 200,
    /** After SIGTERM: how long transactions in flight may take; must exceed the store deadline. */
    closeTimeoutMs: 60_000,
    containerStopSeconds: 90,
    /** A task that is to go keeps its sessions this long after the load balancer gave it the last new one. */
    deregistrationSeconds: 120,
  },
  forward: {
    timeoutSeconds: 60,
    memoryMiB: 512,
    batchSize: 10,
    /** AWS: at least six times the function timeout. */
    visibilityTimeoutSeconds: 360,
    /** A message that is retried in good order is received often; poison is told apart by the handler. */
    maxReceiveCount: 200,
    sesCallTimeoutMs: 20_000,
    /** A claim ends this long after the invocation that made it must have ended. */
    claimMarginMs: 5_000,
    /** Default of a setting. One: events, complaints above all, then speak of nobody else. */
    recipientsPerCall: 1,
    giveUpAfterHours: 48,
    retryFirstMs: 30_000,
    retryMaxMs: 3_600_000,
    /** How often a held message is looked at again. */
    holdCheckMs: 15 * 60_000,
    /** From this receipt on it is counted how often an invocation begins without ending in order, */
    countStartsFromReceipt: 2,
    /** from this count on it is handled apart from others, */
    suspectFromStart: 2,
    /** the others of its kind coming back so many seconds later, one after the other, */
    suspectWaitSeconds: 5,
    /** and after this many the message is put aside as one that crashes its handler. */
    startsMax: 5,
    /** Invocations at the same time; each has its share of the account's rate. */
    concurrency: 2,
    /** Recipients of one message under way at the same time, unless one call has more. */
    recipientsInFlight: 10,
    /** Octets of a message's calls to SES on their way at the same time, unless one call has more. */
    requestBytesInFlight: 80 * MiB,
    /** The same mail from the same client within this time is sent once. */
    duplicateWindowMs: 15 * 60_000,
  },
  thread: {
    /** Message-IDs that are looked up for a reply: the last ones it names. */
    idsMax: 4,
    /** Messages with such an id that are looked at, the newest first, */
    copiesMax: 3,
    /** Recipients of the earlier mail that are looked at, */
    recipientsMax: 20,
    /** and ids of SES that are added for each id. */
    sesIdsMax: 5,
  },
  functions: {
    /** Half of where V8 puts what is new. With its own choice, 16 MiB and more, garbage fills a third of a function. */
    semiSpaceMiB: 8,
  },
  ses: {
    /** SES's own limit, fixed (quotas page of its developer guide). */
    recipientsPerCallMax: 50,
  },
  account: {
    /** Of `MaxSendRate`: below it, since SES counts in its own seconds. */
    rateShare: 0.97,
    /** Recipients per second until the quota is known: the sandbox's. */
    rateUnknownPerSecond: 1,
    quotaReadEveryMs: 5 * 60_000,
    /** From this share of the daily quota on it stands in the log how much is used; an alarm reads that. */
    quotaToldShare: 0.5,
    /** Until the first answer it is asked this often, */
    quotaRetryMs: 30_000,
    /** and a call waits this long for it at most. */
    quotaWaitMs: 3_000,
    /** How long nothing is sent once SES takes nothing; doubles up to the maximum. */
    breakerFirstMs: 60_000,
    breakerMaxMs: 20 * 60_000,
  },
  feedback: {
    timeoutSeconds: 30,
    memoryMiB: 256,
    batchSize: 10,
    visibilityTimeoutSeconds: 180,
    maxReceiveCount: 20,
    /** How long a transient bounce without a status waits for a delivery that shows it to be an auto-reply. */
    doubtfulBounceMs: 10 * 60_000,
    /** What is read of an original for a report; a longer one is returned as its header only. */
    originalBytesMax: 2 * MiB,
  },
  breaker: {
    /** Rates are of this window. */
    windowHours: 24,
    /** From these shares of hard bounces and of complaints on SES reviews an account, */
    bounceReviewRate: 0.05,
    complaintReviewRate: 0.001,
    /** and before, from these on, a tenant is paused. Defaults of settings, as is `messagesMin`. */
    bounceRateMax: 0.04,
    complaintRateMax: 0.0008,
    /** Fewer mails than this say nothing, */
    messagesMin: 100,
    /** and neither do fewer bounces or complaints than these, whatever their share. */
    bouncesMin: 10,
    complaintsMin: 3,
    /** From this share of a maximum on it warns. */
    warnShare: 0.6,
  },
  webhook: {
    timeoutSeconds: 60,
    memoryMiB: 256,
    batchSize: 10,
    visibilityTimeoutSeconds: 360,
    /** Waits make a message come back often; when it has had its time, the handler puts it aside. */
    maxReceiveCount: 500,
    /** Batches at the same time (AWS's lower bound). */
    concurrency: 2,
    /** What a tenant's server may take for its answer. */
    requestTimeoutMs: 10_000,
    /** Waits between tries grow from the one to the other, until the event is too old. */
    waitMinMs: 5_000,
    waitMaxMs: 6 * 3_600_000,
    giveUpAfterMs: 72 * 3_600_000,
    /** A server that did not answer is left alone this long. */
    silenceMs: 30_000,
  },
  address: {
    timeoutSeconds: 30,
    memoryMiB: 256,
    /** What an event did not say is seen this much later, */
    scheduleMinutes: 1,
    /** and while the environment stands by, where nothing changes. */
    standbyScheduleMinutes: 60,
  },
  certificate: {
    timeoutSeconds: 300,
    memoryMiB: 256,
    scheduleHours: 6,
    /** It is renewed when this share of its life is left, */
    renewShare: 1 / 3,
    /** and its end is warned of when this share is left, or these days if they are fewer. */
    warnShare: 1 / 4,
    warnDays: 21,
    /** How long the certificate authority may take for one answer. */
    requestTimeoutMs: 20_000,
    /** It is asked whether it is done yet this often, with waits that double from the first to the last. */
    pollsMax: 10,
    pollMinMs: 1_000,
    pollMaxMs: 10_000,
  },
  erasure: {
    /** A tenant must have been unable to send for this long: every edge has read its row again by then. */
    afterStopMs: 5 * 60_000,
  },
  sweep: {
    timeoutSeconds: 300,
    memoryMiB: 256,
    scheduleMinutes: 5,
    /** A spool object without a record is re-driven when it is older than this. */
    forgottenAfterMs: 10 * 60_000,
    /** A record whose claim or wait ran out is re-driven after this much more. */
    overdueAfterMs: 10 * 60_000,
    /** A message is not put back again before this has passed: it may only wait behind a long queue. */
    redriveAgainAfterMs: 60 * 60_000,
    /** How long after `giveUpAfterHours` the sweep ends a message itself. */
    endAfterGiveUpMs: 3 * 3_600_000,
    /** Dead letters looked at in one run. */
    deadLettersMax: 200,
    /** Domains of which SES is asked one by one in a run, because they seem to have lost their verification. */
    domainsAskedMax: 20,
    /** Events of unknown messages looked at in one run. */
    keptEventsMax: 200,
  },
  watch: {
    timeoutSeconds: 600,
    memoryMiB: 256,
    scheduleHours: 24,
    /** Default of a watch: so many clear days in a row, and the contact is told. */
    clearDays: 7,
    clearDaysMax: 90,
    /** Every address of a network of this size is asked for; of a wider one those that the tenant's mail came from. */
    wholeNetworkMax: 256,
    /** Addresses of one tenant that are asked for in a day. */
    addressesMax: 512,
    /** Between one address and the next: lists take few questions a second from one client. */
    pauseMs: 100,
    /** Where the tenant's mail came from is looked up in so many of its newest messages of a day, for so many days. */
    knownMessagesADay: 100,
    knownDays: 30,
    /** How often local mode looks whether it is a new day. */
    localEveryMs: 3_600_000,
  },
  queue: { retentionDays: 14 },
  spool: { retentionDays: 14 },
  ledger: { recordDays: 90, unknownEventDays: 14 },
} as const;

/** Returns one sentence per broken relation; empty when all hold. */
export function limitProblems(limits: typeof LIMITS = LIMITS): string[] {
  const problems: string[] = [];
  const must = (holds: boolean, sentence: string): void => {
    if (!holds) problems.push(sentence);
  };
  const {
    edge,
    forward,
    ses,
    account,
    feedback,
    breaker,
    webhook,
    certificate,
    sweep,
    erasure,
    watch,
    queue,
    spool,
    ledger,
  } = limits;
  must(forward.visibilityTimeoutSeconds >= 6 * forward.timeoutSeconds, "forward visibility is under six timeouts");
  must(feedback.visibilityTimeoutSeconds >= 6 * feedback.timeoutSeconds, "feedback visibility is under six timeouts");
  must(webhook.visibilityTimeoutSeconds >= 6 * webhook.timeoutSeconds, "webhook visibility is under six timeouts");
  must(2 * webhook.requestTimeoutMs < webhook.timeoutSeconds * 1000, "a webhook can outlive its invocation");
  must(webhook.waitMaxMs <= 12 * 3_600_000, "SQS hides a message for 12 hours at most");
  must(webhook.giveUpAfterMs < queue.retentionDays * 86_400_000, "the queue forgets a webhook before it is given up");
  must(forward.sesCallTimeoutMs + 5_000 < forward.timeoutSeconds * 1000, "an SES call can outlive its invocation");
  must(edge.storeDeadlineMs < edge.closeTimeoutMs, "the listener closes before a store may end");
  must(edge.directoryDeadlineMs < edge.storeDeadlineMs, "a directory look-up may outlast a store");
  must(edge.headerBytesMax < edge.messageSizeBytesMax, "the header limit exceeds the message size");
  must(edge.authSlowAfter < edge.authBlockAfter, "an address is blocked before it is slowed down");
  must(edge.fromBytesMax <= edge.headerBytesMax, "a From field may be longer than the header");
  must(edge.connectionsPerAddressMax <= edge.connectionsMax, "one address may use up all connections");
  must(edge.connectionsPerTenantMax <= edge.connectionsMax, "one tenant may use up all connections");
  must(edge.senderMessagesPerMinute < edge.credentialMessagesPerMinute, "one sender may use up its credential");
  must(
    edge.senderRecipientsPerMinute < edge.credentialRecipientsPerMinute,
    "a sender's recipients exceed a credential's",
  );
  must(edge.credentialMessagesPerMinute < edge.tenantMessagesPerMinute, "one credential may use up its tenant");
  must(
    edge.credentialRecipientsPerMinute < edge.tenantRecipientsPerMinute,
    "a credential's recipients exceed a tenant's",
  );
  must(edge.recipientsMax <= edge.senderRecipientsPerMinute, "a full message exceeds its sender's minute");
  must(edge.commandMs < edge.sessionMs, "a session ends before one command may");
  must(
    edge.certificateCheckMs < certificate.warnDays * 86_400_000,
    "a certificate may end before its warning is looked for",
  );
  must(certificate.warnShare < certificate.renewShare, "a certificate is warned of before it is renewed");
  // Order and download are waited for like the challenge, and Route 53 for up to a minute and a half.
  must(
    2 * certificate.pollsMax * certificate.pollMaxMs + 90_000 < certificate.timeoutSeconds * 1000,
    "waiting for a certificate outlives its invocation",
  );
  must(edge.closeTimeoutMs < edge.containerStopSeconds * 1000, "the container stops before the listener has closed");
  must(edge.messageSizeBytesMax * (4 / 3) < 40_000_000, "a full-size message exceeds SES's 40 MB after base64");
  must(edge.memoryPerMessageBytesMax <= edge.messageSizeBytesMax, "memory per message exceeds the message size");
  const heldMs = forward.giveUpAfterHours * 3_600_000 + sweep.endAfterGiveUpMs;
  const receiptsMax = forward.maxReceiveCount * 0.9;
  must(heldMs / account.breakerMaxMs < receiptsMax, "a closed account makes dead letters before messages end");
  must(account.rateShare >= 0.9 && account.rateShare < 1, "forward must use nine tenths of the rate, and not all");
  must(
    breaker.bounceRateMax < breaker.bounceReviewRate,
    "a tenant is paused after SES has put the account under review for bounces",
  );
  must(
    breaker.complaintRateMax < breaker.complaintReviewRate,
    "a tenant is paused after SES has put the account under review for complaints",
  );
  must(erasure.afterStopMs > 2 * edge.directoryCacheMs, "a tenant is erased while an edge still takes its mail");
  must(watch.wholeNetworkMax <= watch.addressesMax, "a network that is asked for whole has too many addresses");
  must(
    watch.addressesMax * watch.pauseMs * 2 < watch.timeoutSeconds * 1000,
    "one tenant's watch outlives its invocation",
  );
  must(watch.knownMessagesADay <= 100, "DynamoDB takes a hundred keys in one BatchGetItem");
  must(queue.retentionDays * 24 > forward.giveUpAfterHours, "the queue forgets before we give up");
  must(queue.retentionDays <= 14, "SQS keeps a message 14 days at most");
  must(forward.retryMaxMs <= 12 * 3_600_000, "SQS hides a message for 12 hours at most");
  must(spool.retentionDays * 24 > forward.giveUpAfterHours, "the original is gone before its last DSN");
  must(ledger.recordDays >= spool.retentionDays, "a record vanishes before its message");
  must(
    forward.recipientsPerCall >= 1 && forward.recipientsPerCall <= ses.recipientsPerCallMax,
    "SES takes 1 to 50 recipients a call",
  );
  return problems;
}
