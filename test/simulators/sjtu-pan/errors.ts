/** The service's errors and their statuses (sjtu-pan.md §1.6). */

const STATUS = {
  EmptyAccessToken: 400,
  InvalidAccessToken: 403,
  AccessTokenNotMatchSpace: 403,
  NoPermission: 403,
  EmptyUserToken: 400,
  InvalidUserToken: 401,
  AuthorizationCodeExpired: 403,
  AuthorizationCodeHasBeenUsed: 403,
  DeviceIdLengthExceed: 400,
  InvalidOrganizationId: 400,
  InvalidUserId: 400,
  PersonalSpaceNotAllowed: 400,
  UserDisabled: 403,
  EmptyPath: 400,
  DirectoryNameLengthExceed: 400,
  FileNameLengthExceed: 400,
  DirectoryLevelExceed: 400,
  DirectoryNameNotAvailable: 400,
  RootDirectoryNotAllowed: 400,
  DirectoryNotFound: 404,
  FileNotFound: 404,
  PathNotFound: 404,
  SourceDirectoryNotFound: 404,
  SourceFileNotFound: 404,
  SourcePathNotFound: 404,
  SourceDirectoryIsParentOfDestination: 400,
  SameNameDirectoryOrFileExists: 409,
  InvalidConflictResolutionStrategy: 400,
  OrderByNotAllowed: 400,
  OrderByTypeNotAllowed: 400,
  ParamInvalid: 400,
  NotFound: 404,
  UploadNotFound: 404,
  UploadIncomplete: 404,
  MultipartUploadIncomplete: 400,
  MultipartUploadPartTooSmall: 400,
  NotMultipartUpload: 404,
  UploadNotBelongYou: 403,
  BadCrc64: 400,
  QuotaLimitReached: 400,
  FileContentNotAvailable: 403,
  FileContentIsLoading: 400,
  VirusFileNotAvailable: 403,
  SensitiveContentRecognized: 451,
  RecycleBinNotEnabled: 400,
  RecycledItemNotFound: 404,
  SearchNotEnabled: 400,
  SearchIdNotFound: 404,
  DirectoryHistoryNotFound: 400,
  DirectoryHistoryNotBeDeleted: 400,
  LibraryNotFound: 404,
  SpaceNotFound: 404,
  TooManyRequests: 429,
  InternalServerError: 500,
} as const;

export type ErrorCode = keyof typeof STATUS;

/** A refusal in the service's words. */
export class ServiceError extends Error {
  readonly code: ErrorCode;
  readonly status: number;

  constructor(code: ErrorCode, options: { readonly status?: number; readonly message?: string } = {}) {
    super(options.message ?? `${code.replace(/(?<=[a-z])(?=[A-Z])/g, " ")}.`);
    this.code = code;
    this.status = options.status ?? STATUS[code];
  }
}

/** A refusal as a row of a batch or a task. Throws what is none. */
export function refusalRow(error: unknown): { status: number; code: string; message: string } {
  if (!(error instanceof ServiceError)) throw error;
  return { status: error.status, code: error.code, message: error.message };
}

/** A refusal of the store, in XML (sjtu-pan.md §6). */
export class StoreError extends Error {
  readonly code: string;
  readonly status: number;

  constructor(status: number, code: string, message: string) {
    super(message);
    this.status = status;
    this.code = code;
  }
}
