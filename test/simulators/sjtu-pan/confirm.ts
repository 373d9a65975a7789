/** Confirm: the moment at which an upload becomes a file (sjtu-pan.md §4.7, §12.3). */
import { createHash } from "node:crypto";
import { type ApiCall, type ApiRoute, parentOf, strategyOf } from "./api-call.ts";
import { type Content, joinedContent } from "./content.ts";
import { ServiceError } from "./errors.ts";
import { itemOf } from "./items.ts";
import { addFile, replaceFile, storeObject } from "./spaces.ts";
import { type FileNode, isDirectory, isFile } from "./tree.ts";
import { pendingUpload } from "./upload.ts";
import { json } from "./wire.ts";
import type { UploadSession } from "./world.ts";

/** What the sizes of parts are multiples of (sjtu-pan.md §4.5). */
const PART_UNIT = 4 * 2 ** 20;

export const CONFIRM: ApiRoute = {
  name: "api.upload-confirm",
  query: ["confirm", "conflict_resolution_strategy", "crc64"],
  run(api) {
    const { world, space, call } = api;
    const body = call.members(["crc64"]);
    const claimed = body.crc64 ?? call.request.query.get("crc64");
    if (claimed !== undefined && (typeof claimed !== "string" || !/^(0|[1-9]\d{0,19})$/.test(claimed))) {
      return call.refuse("body", "crc64 is not a decimal string");
    }
    const session = pendingUpload(api);
    const strategy = strategyOf(api, session.strategy);
    const { content, eTag } = assembled(api, session);
    if (session.incompleteAnswers < world.knobs.confirmIncompleteTimes) {
      session.incompleteAnswers += 1;
      throw new ServiceError("MultipartUploadIncomplete");
    }
    if (world.knobs.strictSize && session.announcedSize !== undefined && session.announcedSize !== content.size) {
      throw new ServiceError("ParamInvalid", { message: "The size is not the announced one." });
    }
    const sum = claimed === undefined ? undefined : content.crc64();
    if (sum !== undefined && String(sum) !== claimed) {
      if (!wasCorrupted(session)) call.violate("body", "crc64 is not that of the bytes that were sent");
      throw new ServiceError("BadCrc64");
    }
    const parent = parentOf(space, session.path);
    const name = session.path.at(-1)!;
    const existing = space.tree.child(parent, name);
    if (existing && (strategy === "ask" || (strategy === "overwrite" && isDirectory(existing)))) {
      throw new ServiceError("SameNameDirectoryOrFileExists");
    }
    if (!world.fits(space, content.size)) throw new ServiceError("QuotaLimitReached");
    const data = storeObject(world, session.object, content, { eTag, contentType: session.contentType });
    session.state = "confirmed";
    session.confirmedAt = world.now();
    session.parts.clear();
    session.simple = undefined;
    const replaced = strategy === "overwrite" && isFile(existing) ? existing : undefined;
    if (replaced) replaceFile(world, space, replaced, data);
    const node = replaced ?? addFile(world, space, parent, space.tree.freeName(parent, name, true), data);
    return json(200, recordOf(api, node, replaced !== undefined));
  },
};

function recordOf({ world, space }: ApiCall, node: FileNode, replaced: boolean): Record<string, unknown> {
  const { userId: _userId, ...record } = itemOf(world, space, node);
  return {
    ...record,
    isOverwrittened: replaced,
    ...(world.knobs.bothOverwrittenSpellings && { isOverwritten: replaced }),
  };
}

function wasCorrupted({ simple, parts }: UploadSession): boolean {
  return [...parts.values(), ...(simple ? [simple] : [])].some(({ corrupted }) => corrupted);
}

/** The stored bytes as one content and the tag of the object that they make. */
function assembled(api: ApiCall, session: UploadSession): { readonly content: Content; readonly eTag: string } {
  const { world, call } = api;
  if (session.kind === "simple") {
    if (!session.simple) {
      call.violate("protocol", "confirm comes before the bytes");
      throw new ServiceError("UploadIncomplete");
    }
    return { content: session.simple.content, eTag: session.simple.md5 };
  }
  const numbers = [...session.parts.keys()].sort((a, b) => a - b);
  if (numbers.some((n, i) => n !== i + 1) || numbers.length === 0) {
    call.violate("protocol", "confirm comes before all parts are stored");
    throw new ServiceError(numbers.length === 0 ? "UploadIncomplete" : "MultipartUploadIncomplete");
  }
  const parts = numbers.map((n) => session.parts.get(n)!);
  const sizes = new Set(parts.slice(0, -1).map(({ content }) => content.size));
  if (sizes.size > 1) call.violate("protocol", "parts have different sizes (sjtu-pan.md §4.5)");
  if ([...sizes].some((size) => size % PART_UNIT !== 0)) {
    call.violate("protocol", "a part that is not the last is no multiple of 4 MiB (sjtu-pan.md §4.5)");
  }
  if ([...sizes].some((size) => size < world.knobs.minPartSize)) {
    throw new ServiceError("MultipartUploadPartTooSmall");
  }
  const digests = createHash("md5");
  for (const { md5 } of parts) digests.update(md5, "hex");
  return {
    content: joinedContent(parts.map(({ content }) => content)),
    eTag: `${digests.digest("hex")}-${parts.length}`,
  };
}
