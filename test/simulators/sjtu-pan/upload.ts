/** Uploads: start, renew, status, abort, confirm (sjtu-pan.md §4). */
import mime from "mime-types";
import { type ApiCall, type ApiRoute, checkNames, numberOf, parentOf, strategyOf } from "./api-call.ts";
import { ServiceError } from "./errors.ts";
import { isoTime } from "./items.ts";
import { partNumbersOf } from "./part-numbers.ts";
import { objectHeaders, partHeaders } from "./presign.ts";
import { newObjectKey } from "./spaces.ts";
import { isDirectory } from "./tree.ts";
import { json } from "./wire.ts";
import type { UploadSession, World } from "./world.ts";

/** Most part numbers in a start and in a renewal (sjtu-pan.md §4.3, §11). */
const START_LIMIT = 100;
const RENEW_LIMIT = 50;

/** How long a finished upload can be asked about, by the clock (sjtu-pan.md §12.3). */
const CONFIRMED_LIFE_MS = 60 * 60_000;

const START_QUERY = ["conflict_resolution_strategy", "filesize"];
const START_BODY = [
  "size",
  "fullHash",
  "beginningHash",
  "labels",
  "category",
  "localCreationTime",
  "localModificationTime",
];

export const START_SIMPLE: ApiRoute = {
  name: "api.upload-simple",
  query: START_QUERY,
  run(api) {
    const body = api.call.members(START_BODY);
    const inBody = typeof body.size === "string" ? Number(body.size) : body.size;
    const session = startUpload(
      api,
      "simple",
      numberOf(api, "filesize") ?? (typeof inBody === "number" ? inBody : undefined),
    );
    const { world } = api;
    return json(world.knobs.startStatus, {
      confirmKey: session.confirmKey,
      domain: world.storeHost,
      path: session.object,
      headers: objectHeaders(world, session.object, session.contentType),
      expiration: expiration(world),
    });
  },
};

export const START_MULTIPART: ApiRoute = {
  name: "api.upload-multipart",
  query: ["multipart", ...START_QUERY],
  run(api) {
    const { world, call, path } = api;
    const body = call.members(["partNumberRange", ...START_BODY]);
    if (world.uploads.has(path.at(-1) ?? "")) {
      call.violate("protocol", "multipart on a confirmKey starts a new upload: renew was meant (sjtu-pan.md §4.6)");
    }
    const numbers = partNumbersOf(call, body.partNumberRange, START_LIMIT);
    const session = startUpload(api, "multipart", numberOf(api, "filesize"));
    return json(world.knobs.startStatus, partsReply(world, session, numbers));
  },
};

export const START_FORM: ApiRoute = {
  name: "api.upload-form",
  query: START_QUERY,
  run(api) {
    api.call.violate(
      "protocol",
      "a POST without a flag starts a form upload, which no client means (sjtu-pan.md §3.5)",
    );
    const session = startUpload(api, "simple", numberOf(api, "filesize"));
    return json(200, {
      confirmKey: session.confirmKey,
      domain: api.world.storeHost,
      form: { key: session.object.slice(1), policy: api.world.secret(64), signature: api.world.secret(64) },
    });
  },
};

export const RENEW: ApiRoute = {
  name: "api.upload-renew",
  query: ["renew"],
  run(api) {
    const { world, call } = api;
    const body = call.members(["partNumberRange"]);
    const numbers = partNumbersOf(call, body.partNumberRange, RENEW_LIMIT);
    const session = pendingUpload(api);
    if (session.kind !== "multipart") throw new ServiceError("NotMultipartUpload");
    if (world.knobs.renewNewUploadId) {
      session.retired.add(session.uploadId);
      session.uploadId = newUploadId(world);
      session.parts.clear();
    }
    return json(200, partsReply(world, session, numbers));
  },
};

export const UPLOAD_STATUS: ApiRoute = {
  name: "api.upload-status",
  query: ["upload", "no_upload_part_info"],
  run(api) {
    const session = findUpload(api);
    const shown = session.kind === "multipart" && !api.call.request.query.has("no_upload_part_info");
    return json(200, {
      confirmed: session.state === "confirmed",
      path: session.path,
      type: "file",
      creationTime: isoTime(session.createdAt),
      conflictResolutionStrategy: session.strategy,
      force: false,
      ...(session.kind === "multipart" && { uploadId: session.uploadId }),
      ...(shown && {
        parts: [...session.parts]
          .sort(([a], [b]) => a - b)
          .map(([number, part]) => ({
            PartNumber: number,
            LastModified: isoTime(part.storedAt),
            ETag: `"${part.md5}"`,
            Size: part.content.size,
          })),
      }),
    });
  },
};

export const UPLOAD_ABORT: ApiRoute = {
  name: "api.upload-abort",
  query: ["upload"],
  run(api) {
    const session = pendingUpload(api);
    session.state = "aborted";
    session.parts.clear();
    session.simple = undefined;
    return json(204);
  },
};

/** The session of the call's confirmKey, confirmed ones for an hour. Throws `UploadNotFound`. */
function findUpload({ world, space, path, call }: ApiCall): UploadSession {
  const session = path.length === 1 ? world.uploads.get(path[0]!) : undefined;
  if (path.length !== 1) call.violate("path", "a confirmKey is one segment (sjtu-pan.md §0.2)");
  if (!session || session.state === "aborted") throw new ServiceError("UploadNotFound");
  if (session.space !== space) throw new ServiceError("UploadNotBelongYou");
  const since = session.state === "confirmed" ? session.confirmedAt + CONFIRMED_LIFE_MS : sessionEnd(world, session);
  if (world.now() >= since) throw new ServiceError("UploadNotFound");
  return session;
}

/** The session of the call's confirmKey if it still takes bytes. Throws `UploadNotFound`. */
export function pendingUpload(api: ApiCall): UploadSession {
  const session = findUpload(api);
  if (session.state !== "pending") throw new ServiceError("UploadNotFound");
  return session;
}

/** True while the store takes bytes for a session. */
export function isOpen(world: World, session: UploadSession): boolean {
  return session.state === "pending" && world.now() < sessionEnd(world, session);
}

function sessionEnd(world: World, session: UploadSession): number {
  return session.createdAt + world.knobs.uploadSessionLifeMs;
}

function startUpload(api: ApiCall, kind: UploadSession["kind"], announcedSize: number | undefined): UploadSession {
  const { world, space, path } = api;
  const strategy = strategyOf(api, "rename");
  if (path.length === 0) throw new ServiceError("EmptyPath");
  checkNames(api, path, "file");
  const parent = parentOf(space, path);
  const name = path.at(-1)!;
  const existing = space.tree.child(parent, name);
  if (existing && (strategy === "ask" || (strategy === "overwrite" && isDirectory(existing)))) {
    throw new ServiceError("SameNameDirectoryOrFileExists");
  }
  if (announcedSize !== undefined && !world.fits(space, announcedSize)) throw new ServiceError("QuotaLimitReached");
  const confirmKey = `k${world.secret(23)}`;
  const session: UploadSession = {
    confirmKey,
    space,
    path,
    strategy,
    kind,
    object: newObjectKey(world, name, confirmKey),
    contentType: mime.lookup(name) || "application/octet-stream",
    announcedSize,
    createdAt: world.stamp(),
    uploadId: kind === "multipart" ? newUploadId(world) : "",
    retired: new Set(),
    parts: new Map(),
    simple: undefined,
    state: "pending",
    confirmedAt: 0,
    incompleteAnswers: 0,
  };
  world.uploads.set(confirmKey, session);
  return session;
}

function partsReply(world: World, session: UploadSession, numbers: readonly number[]) {
  const { confirmKey, object, uploadId } = session;
  return {
    confirmKey,
    domain: world.storeHost,
    path: object,
    uploadId,
    parts: Object.fromEntries(numbers.map((n) => [String(n), { headers: partHeaders(world, object, uploadId, n) }])),
    expiration: expiration(world),
  };
}

/** Ids have characters that a query must encode (sjtu-pan.md §0.2). */
function newUploadId(world: World): string {
  return world.knobs.plainUploadIds ? `2~${world.secret(30)}` : `2~${world.secret(30)}/+=`;
}

function expiration(world: World): string {
  return isoTime(world.now() + world.knobs.signedHeadersLifeMs);
}
