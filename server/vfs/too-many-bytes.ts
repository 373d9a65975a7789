/** What is refused to who would wait for it, and is a task for the server. */
import { StorageError } from "#drivers/contract/errors.ts";

/** More bytes than somebody should wait for would pass through this server. All else that a copy or move needs was found to be so: a task may begin at once. */
export class TooManyBytes extends StorageError {
  constructor(path: string, limit: number) {
    super(
      "permission-denied",
      `${path} holds more than ${limit} bytes, which would all pass through this server: copy it as a task (POST /api/fs/copy)`,
      { path },
    );
  }
}
