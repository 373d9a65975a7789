/** What a failed download means. */
import type { Dispatcher } from "undici";
import { StorageError } from "#drivers/contract/errors.ts";
import type { Link } from "#drivers/contract/mount.ts";

/** As much of a refusal as `explain` gets to see, in bytes. */
const HEAD_BYTES = 4096;

/** Longest `Retry-After` believed, in seconds. */
const MAX_RETRY_AFTER_S = 86_400;

/** The error of a refused download, by the driver's `explain` where it knows, else by status. Drains or closes the answer. */
export async function explainRefusal(link: Link, answer: Dispatcher.ResponseData): Promise<StorageError> {
  const head = await firstBytes(answer);
  const headers = Object.fromEntries(
    Object.entries(answer.headers).map(([name, value]) => [
      name,
      Array.isArray(value) ? value.join(", ") : (value ?? ""),
    ]),
  );
  const status = answer.statusCode;
  const details = { upstream: { status }, ...retryAfter(headers["retry-after"]) };
  switch (link.explain?.(status, headers, head)) {
    // A new try takes a new link.
    case "expired":
      return new StorageError("upstream", "the download link expired", { ...details, retryable: true });
    case "busy":
      return new StorageError("unavailable", "the storage is busy", { ...details, reason: "busy", retryable: true });
    case "refused":
      return new StorageError("permission-denied", "the storage refused the download", {
        ...details,
        reason: "refused",
      });
    case "changed":
      return new StorageError("precondition-failed", "the file changed since it was listed", details);
    default:
      return byStatus(status, details);
  }
}

/** A transport failure as a StorageError; an abort as its reason. Other errors pass. */
export function toTransportError(error: unknown, signal: AbortSignal): unknown {
  if (signal.aborted) return signal.reason;
  if (error instanceof StorageError) return error;
  const code = (error as { code?: unknown } | null)?.code;
  if (typeof code !== "string") return error;
  const kind = code.includes("TIMEOUT") || code === "ETIMEDOUT" ? "timeout" : "unavailable";
  return new StorageError(kind, `the download could not begin (${code})`, { retryable: true, cause: error });
}

function byStatus(status: number, details: { upstream: { status: number }; retryAfterMs?: number }): StorageError {
  // A download's 404 is no proof that the file is gone: only a listing is (architecture.md §4).
  if (status === 429) return new StorageError("rate-limited", "too many downloads", { ...details, retryable: true });
  if (status >= 500) {
    return new StorageError("unavailable", `the download failed with status ${status}`, {
      ...details,
      retryable: true,
    });
  }
  return new StorageError("upstream", `the download was answered with status ${status}`, details);
}

function retryAfter(text: string | undefined): { retryAfterMs?: number } {
  return text && /^\d+$/.test(text) ? { retryAfterMs: Math.min(Number(text), MAX_RETRY_AFTER_S) * 1000 } : {};
}

async function firstBytes(answer: Dispatcher.ResponseData): Promise<Uint8Array> {
  const chunks: Buffer[] = [];
  let size = 0;
  try {
    for await (const chunk of answer.body) {
      chunks.push(chunk as Buffer);
      size += (chunk as Buffer).length;
      if (size >= HEAD_BYTES) break;
    }
  } catch {
    // The status alone says enough when the body breaks.
  }
  answer.body.on("error", () => {}).destroy();
  return Buffer.concat(chunks).subarray(0, HEAD_BYTES);
}
