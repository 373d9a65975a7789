/** What the service's error codes mean (sjtu-pan.md §1.6). */
import type { ErrorKind, Reason } from "../contract/errors.ts";

export interface Meaning {
  readonly kind: ErrorKind;
  readonly reason?: Reason;
  readonly retryable?: boolean;
  /** For people, in place of the service's own words. */
  readonly says?: string;
}

/** Codes after which the access token is renewed once and the call made again (sjtu-pan.md §1.7). */
export const STALE_ACCESS: ReadonlySet<string> = new Set([
  "InvalidAccessToken",
  "AccessTokenNotMatchSpace",
  "EmptyAccessToken",
]);

/** Codes of a userToken that is over. */
export const STALE_USER: ReadonlySet<string> = new Set(["InvalidUserToken", "EmptyUserToken"]);

/** Codes of a sign-in code that is over: the sign-in begins again. */
export const STALE_SIGN_IN: ReadonlySet<string> = new Set(["AuthorizationCodeExpired", "AuthorizationCodeHasBeenUsed"]);

const loginOver: Meaning = { kind: "unauthenticated", reason: "expired", says: "the login has expired: sign in again" };
const noName = (says: string): Meaning => ({ kind: "invalid-name", says });
const notThere: Meaning = { kind: "not-found", says: "there is no such file or folder" };
const full: Meaning = { kind: "quota-exceeded", says: "the drive is full: its quota is used up" };
const closed = (says: string): Meaning => ({ kind: "permission-denied", reason: "disabled", says });
const moderated = (says: string): Meaning => ({ kind: "permission-denied", reason: "moderated", says });
const metered: Meaning = { kind: "permission-denied", reason: "refused", says: "the download limit is reached" };
const locked: Meaning = { kind: "locked", says: "the entry is in use" };
const tenant: Meaning = { kind: "unavailable", says: "the drive service is not available to this account now" };
const lostSession: Meaning = { kind: "incomplete", says: "the service does not know this upload any more" };
const notHere: Meaning = { kind: "upstream", says: "the service does not know this account's drive" };

const MEANINGS: Readonly<Record<string, Meaning>> = {
  EmptyAccessToken: { kind: "unauthenticated" },
  InvalidAccessToken: { kind: "unauthenticated" },
  AccessTokenNotMatchSpace: { kind: "unauthenticated" },
  EmptyUserToken: loginOver,
  InvalidUserToken: loginOver,
  AuthorizationCodeExpired: { kind: "unauthenticated", reason: "expired" },
  AuthorizationCodeHasBeenUsed: { kind: "unauthenticated", reason: "expired" },
  NoPermission: { kind: "permission-denied", says: "the account may not do that here" },
  UserDisabled: closed("the account is disabled"),
  UserNotAllowed: closed("the account may not use the drive"),
  OrganizationUserInactive: closed("the account is not active"),
  UserNotInOrganization: closed("the account does not belong to the university's drive"),
  PersonalSpaceNotAllowed: closed("the account has no personal drive"),
  LibraryServiceTimeExpired: tenant,
  OrganizationServiceTimeExpired: tenant,
  LibraryInitializing: { ...tenant, retryable: true },
  LibraryRecycled: tenant,
  LibraryNotFound: notHere,
  SpaceNotFound: notHere,
  OrganizationNotFound: notHere,

  EmptyPath: noName("the path is empty"),
  EmptyFileName: noName("the name is empty"),
  DirectoryNameLengthExceed: noName("the folder's name is too long"),
  FileNameLengthExceed: noName("the file's name is too long"),
  DirectoryLevelExceed: noName("the folders are nested too deeply"),
  DirectoryNameNotAvailable: noName("the service does not allow this name"),
  ExtnameNotAllowed: noName("the service does not allow this file extension"),
  InvalidSourceDirectory: noName("the path is not one that the service takes"),
  InvalidSourceFile: noName("the path is not one that the service takes"),
  InvalidSourcePath: noName("the path is not one that the service takes"),
  InvalidDestinationPath: noName("the path is not one that the service takes"),
  InvalidTargetFile: noName("the path is not one that the service takes"),
  DirectoryNotAllowed: { kind: "permission-denied" },
  UploadToRootDirectoryNotAllowed: { kind: "permission-denied" },
  RootDirectoryNotAllowed: { kind: "permission-denied", says: "that cannot be done with the drive's root" },
  DirectoryNotFound: notThere,
  FileNotFound: notThere,
  PathNotFound: notThere,
  SourceDirectoryNotFound: notThere,
  SourceFileNotFound: notThere,
  SourcePathNotFound: notThere,
  NotFound: notThere,
  SourceDirectoryIsParentOfDestination: {
    kind: "permission-denied",
    says: "a folder cannot be put into itself",
  },
  FileTypeNotMatched: { kind: "permission-denied", says: "the service does not allow this change of type" },
  SameNameDirectoryOrFileExists: { kind: "already-exists", says: "the name is taken" },

  UploadNotFound: lostSession,
  NotMultipartUpload: lostSession,
  UploadIncomplete: { kind: "incomplete", says: "the service misses the upload's content" },
  MultipartUploadIncomplete: { kind: "incomplete", says: "the service misses parts of the upload" },
  MultipartUploadPartTooSmall: { kind: "upstream", says: "the service wants larger parts" },
  UploadNotBelongYou: { kind: "permission-denied", says: "the upload belongs to another account" },
  BadCrc64: {
    kind: "incomplete",
    reason: "verification-failed",
    says: "what arrived is not what was sent: its checksum is another one",
  },
  QuotaLimitReached: full,
  LibraryQuotaLimitReached: full,
  DestUserSpaceQuotaLimited: full,
  NoQuota: { kind: "upstream" },
  FileRemovedByQuota: { kind: "quota-exceeded", says: "the service removed the content because the quota was used up" },
  ContentCasConflict: { kind: "already-exists", says: "another change came first" },
  SensitiveContentRecognized: moderated("the service's content review refused this file"),
  FileContentNotAvailable: moderated("the service's content review blocked this file"),
  FileContentIsLoading: {
    kind: "permission-denied",
    reason: "under-review",
    says: "the service is still reviewing this file: try again later",
  },
  VirusFileNotAvailable: moderated("the service's virus scan blocked this file"),
  NoEnoughRemainingTrafficQuota: metered,
  FileDownloadCountLimitReached: metered,
  FilePreviewCountLimitReached: metered,
  SyncFolderLocked: locked,
  TargetBeingCoEdited: locked,

  RecycleBinNotEnabled: { kind: "unsupported", says: "the drive's recycle bin is switched off" },
  RecycledItemNotFound: { kind: "not-found", says: "it is not in the recycle bin" },
  RecoveryTimeExceeded: { kind: "permission-denied", says: "it has been in the recycle bin for too long" },
  SearchNotEnabled: { kind: "unsupported" },
  ProcessTimeout: { kind: "timeout", retryable: true },
  InternalServerError: { kind: "unavailable", retryable: true, says: "the service failed" },
};

/** Codes that come in several forms, such as `VirusFileNotAvailableDownload` (sjtu-pan.md §1.6). */
const FAMILIES = ["FileContentNotAvailable", "FileContentIsLoading", "VirusFileNotAvailable"];

/** What a code means; an unknown one by its ending, else by the HTTP status. */
export function meaningOf(code: string, status: number): Meaning {
  const family = FAMILIES.find((name) => code.startsWith(name));
  const known = Object.hasOwn(MEANINGS, code) ? MEANINGS[code] : family && MEANINGS[family];
  if (known) return known;
  if (status === 429) return { kind: "rate-limited", retryable: true, says: "the service asks for a pause" };
  if (status >= 500) return { kind: "unavailable", retryable: true, says: "the service failed" };
  if (code.endsWith("NotFound")) return { kind: "not-found" };
  if (status === 401) return { kind: "unauthenticated" };
  if (status === 403) return { kind: "permission-denied" };
  if (status === 413) return { kind: "too-large", says: "the service does not take files of this size" };
  if (status === 451) return moderated("the service's content review refused this file");
  return { kind: "upstream" };
}
