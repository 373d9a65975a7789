/** The judgements on arguments that the layer `check` makes; each throws a StorageError. */
import { StorageError } from "#drivers/contract/errors.ts";
import type { ByteRange, Entry, UploadSource } from "#drivers/contract/mount.ts";
import { checkName } from "#drivers/contract/path.ts";
import type { Traits } from "#drivers/contract/traits.ts";

/** Throws `not-a-directory`. */
export function checkDirectory(entry: Entry): void {
  if (entry.kind !== "directory") throw new StorageError("not-a-directory", `${entry.name} is not a directory`);
}

/** Throws `is-a-directory`. */
export function checkFile(entry: Entry): void {
  if (entry.kind !== "file") throw new StorageError("is-a-directory", `${entry.name} is a directory`);
}

/** Throws `invalid-name` unless the text is one path segment that the service can hold. */
export function checkNameFor(name: string, traits: Traits): void {
  checkName(name);
  const { names } = traits;
  if (names.maxBytes !== undefined && Buffer.byteLength(name) > names.maxBytes) {
    throw new StorageError("invalid-name", `the name is longer than ${names.maxBytes} bytes`);
  }
  if (names.maxCharacters !== undefined && name.length > names.maxCharacters) {
    throw new StorageError("invalid-name", `the name is longer than ${names.maxCharacters} characters`);
  }
  const forbidden = [...(names.forbidden ?? "")].find((character) => name.includes(character));
  if (forbidden) throw new StorageError("invalid-name", `the storage allows no "${forbidden}" in names`);
  if (names.noTrailingDotOrSpace && /[. ]$/.test(name)) {
    throw new StorageError("invalid-name", "the storage allows no name that ends in a dot or a space");
  }
}

/** Throws `permission-denied` when a directory would end up in itself (RFC 4918 §9.9.4: 403). */
export function checkOutside(entries: readonly Entry[], parent: Entry, traits: Traits): void {
  for (const entry of entries) {
    if (entry.kind !== "directory") continue;
    const isInside =
      entry.id === parent.id || (traits.ids === "path" && (entry.id === "" || parent.id.startsWith(`${entry.id}/`)));
    if (isInside) throw new StorageError("permission-denied", `${entry.name} cannot be put into itself`);
  }
}

/** Throws `range-not-satisfiable`. */
export function checkRange(range: ByteRange | undefined): void {
  if (range && !(isByteCount(range.offset) && (range.length === undefined || isByteCount(range.length)))) {
    throw new StorageError("range-not-satisfiable", "the range is not made of whole, non-negative byte counts");
  }
}

/** Throws `too-large`, or `unsupported` when the source is not what the driver's traits ask for. */
export function checkUpload(source: UploadSource, traits: Traits): void {
  if (source.size === undefined) {
    if (traits.upload?.size === "required") {
      throw new StorageError("unsupported", "the storage needs the file's size before its first byte");
    }
    return;
  }
  if (!isByteCount(source.size)) throw new StorageError("unsupported", "the file's size is not a byte count");
  if (traits.maxFileSize !== undefined && source.size > traits.maxFileSize) {
    throw new StorageError("too-large", `the storage takes files of up to ${traits.maxFileSize} bytes`);
  }
  if (traits.upload?.source === "seekable" && source.kind === "stream") {
    throw new StorageError("unsupported", "the storage needs content that can be read more than once");
  }
}

function isByteCount(value: number): boolean {
  return Number.isSafeInteger(value) && value >= 0;
}
