/** Failures of a driver under test. */
import { expect } from "vitest";
import { StorageError } from "#drivers/contract/errors.ts";

/** The StorageError with which a call fails. */
export async function failureOf(call: Promise<unknown>): Promise<StorageError> {
  const error = await call.then(
    () => undefined,
    (reason: unknown) => reason,
  );
  expect(error).toBeInstanceOf(StorageError);
  return error as StorageError;
}
