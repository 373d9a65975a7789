/** A caller who is not who he says, or may not do what he asks. */

/** 400: wrong user or password at a login; 401: who are you; 402: the code of the second factor is missing or wrong; 403: you may not; 429: too many guesses. AList's codes (alist-api.md §3), and HTTP's for the other fronts. */
export type AuthCode = 400 | 401 | 402 | 403 | 429;

/** A refusal of the caller himself. The message is for the caller and holds no secret. */
export class AuthError extends Error {
  readonly code: AuthCode;
  /** How long to wait before the next try, in milliseconds; with 429 only. */
  readonly retryAfterMs: number | undefined;

  constructor(code: AuthCode, message: string, retryAfterMs?: number) {
    super(message);
    this.name = "AuthError";
    this.code = code;
    this.retryAfterMs = retryAfterMs;
  }
}
