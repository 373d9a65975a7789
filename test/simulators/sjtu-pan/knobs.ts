/** What the facts leave open or let differ between installations: the simulator's choice, and the other ones (sjtu-pan.md §11, §12.3). */

export interface Knobs {
  /** Added to the clock for all that the service says and checks: its clock is wrong by so much. */
  clockOffsetMs: number;

  // Login (§2.9)
  /** Life of a cookie, a user token and a one-time code. */
  cookieLifeMs: number;
  userTokenLifeMs: number;
  codeLifeMs: number;
  accessTokenLifeMs: number;
  /** An access token lives on when it is used. */
  slidingTokens: boolean;
  /** Answer to an unknown or expired access token. */
  tokenErrorStatus: 401 | 403;
  /** Answer to a missing access token. */
  emptyTokenStatus: 400 | 404;
  /** Successful replies carry `status: 0` and `message: "success"` as they once did (§1.4). */
  olderReplies: boolean;
  qr: QrKnobs;

  // Files (§12.3)
  /** `PUT directory` makes missing parents. */
  mkdirParents: boolean;
  /** The reply to it has no body (§3.4). */
  emptyMkdirBody: boolean;
  lenientNames: boolean;
  caseInsensitive: boolean;
  /** An overwritten file stays as a version. */
  versioning: boolean;
  numericSizes: boolean;
  /** The record of an upload has `isOverwritten` beside `isOverwrittened`. */
  bothOverwrittenSpellings: boolean;
  /** The listing of the root says `path: [""]`. */
  blankRootPath: boolean;
  markerPaging: boolean;
  searchEnabled: boolean;
  recycleBin: boolean;
  binCountsAsUsed: boolean;
  /** How long an overwritten or deleted file's bytes can still be fetched (§5.2). */
  objectsLingerMs: number;

  // Tasks
  /** A task is done when it is so old and was asked about so often. */
  taskDelayMs: number;
  taskPolls: number;
  asyncBatch: boolean;
  asyncEmptyBin: boolean;

  // Uploads
  startStatus: 200 | 201;
  signedHeadersLifeMs: number;
  uploadSessionLifeMs: number;
  /** Smallest part that is not the last, in bytes. */
  minPartSize: number;
  /** `"1-100"` is accepted as a range of part numbers. */
  rangeStrings: boolean;
  renewNewUploadId: boolean;
  /** Confirm says so many times that parts are missing although none is. */
  confirmIncompleteTimes: number;
  /** Another size than the announced one is refused. */
  strictSize: boolean;
  /** Upload ids consist of letters and digits only. */
  plainUploadIds: boolean;

  // Cost
  /** Uploaded bytes that follow no rule are kept in memory. */
  keepBytes: boolean;
  /** MD5 and CRC-64 of what is uploaded are computed; off for benchmarks. */
  digests: boolean;
}

/** How the socket of the QR login behaves (§2.9). */
export interface QrKnobs {
  /** A message that is not JSON every so many milliseconds of real time; 0: none. */
  heartbeatEveryMs: number;
  /** The socket is cut after so many messages to the client; 0: never. */
  dropAfter: number;
  /** Sent as `error` with every message. */
  errorCode: number;
  lowercaseTypes: boolean;
  /** Real milliseconds between the scan and the message about it. */
  delayLoginMs: number;
  neverLogin: boolean;
  /** Nothing is answered. */
  silent: boolean;
  /** How long a code can be scanned, by the clock. */
  codeLifeMs: number;
}

/** What to set otherwise; the rest is as `defaultKnobs` says. */
export type KnobSettings = Partial<Omit<Knobs, "qr">> & { readonly qr?: Partial<QrKnobs> };

const MINUTE = 60_000;
const DAY = 24 * 60 * MINUTE;

/** The simulator's own choices. */
export function defaultKnobs(set: KnobSettings = {}): Knobs {
  const { qr, ...others } = set;
  return {
    clockOffsetMs: 0,
    cookieLifeMs: 7 * DAY,
    userTokenLifeMs: 30 * DAY,
    codeLifeMs: 5 * MINUTE,
    accessTokenLifeMs: 30 * MINUTE,
    slidingTokens: false,
    tokenErrorStatus: 403,
    emptyTokenStatus: 400,
    olderReplies: false,
    mkdirParents: true,
    emptyMkdirBody: false,
    lenientNames: false,
    caseInsensitive: false,
    versioning: false,
    numericSizes: false,
    bothOverwrittenSpellings: false,
    blankRootPath: false,
    markerPaging: true,
    searchEnabled: true,
    recycleBin: true,
    binCountsAsUsed: true,
    objectsLingerMs: 120 * MINUTE,
    taskDelayMs: 0,
    taskPolls: 1,
    asyncBatch: false,
    asyncEmptyBin: true,
    startStatus: 201,
    signedHeadersLifeMs: 15 * MINUTE,
    uploadSessionLifeMs: 7 * DAY,
    minPartSize: 2 ** 20,
    rangeStrings: false,
    renewNewUploadId: false,
    confirmIncompleteTimes: 0,
    strictSize: false,
    plainUploadIds: false,
    keepBytes: true,
    digests: true,
    ...others,
    qr: {
      heartbeatEveryMs: 0,
      dropAfter: 0,
      errorCode: 0,
      lowercaseTypes: false,
      delayLoginMs: 0,
      neverLogin: false,
      silent: false,
      codeLifeMs: MINUTE,
      ...qr,
    },
  };
}
