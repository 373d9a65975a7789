/** The object store: PUT of objects and parts, presigned GET (sjtu-pan.md §6). */
import { type Call, ClientGone } from "./call.ts";
import { corruptedContent } from "./content.ts";
import { StoreError } from "./errors.ts";
import type { Fault } from "./faults.ts";
import { UNSIGNED } from "./presign.ts";
import { parseRange } from "./range.ts";
import { type Received, receive } from "./receive.ts";
import { ALGORITHM, credentialOf, parseAmzDate, parseAuthorization, signatureOf } from "./sigv4.ts";
import { isOpen } from "./upload.ts";
import type { SimReply } from "./wire.ts";
import type { StoredPart, UploadSession } from "./world.ts";

const LARGEST_PUT = 5 * 2 ** 30;
const LARGEST_PART = 10_000;

/** Headers that a client of the store may send beside the issued ones. Conditions are plain S3. */
const PLAIN_HEADERS = new Set([
  ...["host", "connection", "accept", "accept-encoding", "accept-language", "user-agent", "content-length"],
  ...["content-type", "cache-control", "expect", "range", "if-match", "if-range", "origin", "te", "keep-alive"],
  ...["sec-fetch-mode", "sec-fetch-site", "sec-fetch-dest", "pragma", "priority"],
]);

/** What a client that was sent here by a redirect brings along: rclone where it comes from and a header of WebDAV, ffmpeg a question to radio stations (webdav.md §7.1). */
const CLIENT_HEADERS = ["referer", "depth", "icy-metadata"];

/** Names the operation of a request in `call` and runs it. */
export function storeOperation(call: Call): (fault: Fault | undefined) => Promise<SimReply> {
  const { method, query } = call.request;
  if (method === "GET") {
    call.route = "store.get";
    return async (fault) => getObject(call, fault);
  }
  if (method === "PUT") {
    const isPart = query.has("uploadId") || query.has("partNumber");
    call.route = isPart ? "store.part" : "store.put";
    return (fault) => (isPart ? putPart(call, fault) : putObject(call, fault));
  }
  call.route = "store.other";
  return async () => {
    call.violate("method", `${method} is not used at the store; an address signed for GET serves only GET`);
    throw new StoreError(403, "SignatureDoesNotMatch", "The method is not the signed one.");
  };
}

async function putObject(call: Call, fault: Fault | undefined): Promise<SimReply> {
  call.expectQuery([]);
  const length = checkPut(call);
  const session = sessionOf(call, "simple");
  if (session.state === "confirmed") {
    call.violate("protocol", "bytes are sent for an upload that was confirmed");
    throw new StoreError(403, "AccessDenied", "The upload is closed.");
  }
  const part = await store(call, length, fault);
  if (isOpen(call.world, session)) session.simple = part;
  return stored(part, fault);
}

async function putPart(call: Call, fault: Fault | undefined): Promise<SimReply> {
  const { world, request } = call;
  call.expectQuery(["uploadId", "partNumber"]);
  const raw = request.query.rawValue("uploadId") ?? "";
  if (/[^A-Za-z0-9\-_.~%]/.test(raw)) call.violate("encoding", "uploadId is not percent-encoded (sjtu-pan.md §4.3)");
  const length = checkPut(call);
  const uploadId = request.query.get("uploadId");
  const session = sessionOf(call, "multipart");
  if (session.uploadId !== uploadId || !isOpen(world, session)) {
    throw new StoreError(404, "NoSuchUpload", "The upload does not exist.");
  }
  const number = Number(request.query.get("partNumber"));
  if (!Number.isInteger(number) || number < 1 || number > LARGEST_PART) {
    throw new StoreError(400, "InvalidArgument", "The part number is out of range.");
  }
  const part = await store(call, length, fault);
  if (session.uploadId === uploadId && isOpen(world, session)) session.parts.set(number, part);
  return stored(part, fault);
}

function getObject(call: Call, fault: Fault | undefined): SimReply {
  const { world, request } = call;
  checkPlainHeaders(call, CLIENT_HEADERS);
  checkPresigned(call);
  const object = world.object(request.rawPath);
  if (!object) throw new StoreError(404, "NoSuchKey", "The object does not exist.");
  const shown = fault?.kind === "wrong-etag" ? world.secret(32) : object.eTag;
  const eTag = `"${shown}"`;
  const condition = request.headers["if-match"];
  if (condition !== undefined && condition !== "*" && condition !== eTag) {
    throw new StoreError(412, "PreconditionFailed", "The object is another one.");
  }
  const { size } = object.content;
  const whole = request.headers["if-range"] !== undefined && request.headers["if-range"] !== eTag;
  const range = whole ? undefined : parseRange(request.headers.range, size);
  if (range === "unsatisfiable" || fault?.kind === "range-416") {
    throw new StoreError(416, "InvalidRange", "The range cannot be satisfied.");
  }
  const { offset, length } = range ?? { offset: 0, length: size };
  const content = fault?.kind === "corrupt" ? corruptedContent(object.content, fault.at) : object.content;
  return {
    status: range ? 206 : 200,
    headers: {
      "Content-Type": object.contentType,
      "Content-Length": String(length),
      ETag: eTag,
      "Last-Modified": new Date(object.modifiedAt).toUTCString(),
      "Accept-Ranges": "bytes",
      "Content-Disposition": request.query.get("response-content-disposition") ?? "inline",
      ...(range && { "Content-Range": `bytes ${offset}-${offset + length - 1}/${size}` }),
    },
    body: { content, offset, length },
  };
}

/** Signature, date, length: what comes before the body. */
function checkPut(call: Call): number {
  const { world, request } = call;
  const { headers } = request;
  if (headers["transfer-encoding"] !== undefined || headers["content-length"] === undefined) {
    call.violate("header", "a PUT to the store states its length (sjtu-pan.md §4.4)");
    throw new StoreError(411, "MissingContentLength", "Content-Length is missing.");
  }
  const given = parseAuthorization(headers.authorization ?? "");
  if (!given) {
    call.violate("header", "a PUT to the store needs the issued headers");
    throw new StoreError(403, "AccessDenied", "There are no credentials.");
  }
  checkPlainHeaders(call, [...given.signedHeaders, "authorization"]);
  const date = String(headers["x-amz-date"] ?? "");
  const expected = signatureOf(
    {
      method: request.method,
      path: request.rawPath,
      query: request.query.pairs,
      headers: { ...flat(headers), host: request.host },
      signedHeaders: given.signedHeaders,
      payloadHash: String(headers["x-amz-content-sha256"] ?? ""),
      date,
    },
    world.signingKey,
  );
  if (given.credential !== credentialOf(world.signingKey, date) || given.signature !== expected) mismatch(call);
  if (!(world.now() < parseAmzDate(date) + world.knobs.signedHeadersLifeMs + 1000)) {
    call.violate("stale-signature", "the signed headers had expired when the request came");
    throw new StoreError(403, "AccessDenied", "Request has expired");
  }
  const length = Number(headers["content-length"]);
  if (length > LARGEST_PUT) throw new StoreError(400, "EntityTooLarge", "One PUT takes 5 GiB.");
  return length;
}

function checkPresigned(call: Call): void {
  const { world, request } = call;
  const { query } = request;
  call.expectQuery([
    ...["X-Amz-Algorithm", "X-Amz-Content-Sha256", "X-Amz-Credential", "X-Amz-Date", "X-Amz-Expires"],
    ...["X-Amz-SignedHeaders", "X-Amz-Signature", "response-content-disposition"],
  ]);
  const signature = query.get("X-Amz-Signature");
  if (signature === undefined) {
    call.violate("signature", "a GET of the store needs the address that was given out");
    throw new StoreError(403, "AccessDenied", "There are no credentials.");
  }
  const date = query.get("X-Amz-Date") ?? "";
  const expected = signatureOf(
    {
      method: request.method,
      path: request.rawPath,
      query: query.pairs.filter(([name]) => name !== "X-Amz-Signature"),
      headers: { host: request.host },
      signedHeaders: ["host"],
      payloadHash: UNSIGNED,
      date,
    },
    world.signingKey,
  );
  const sameKey =
    query.get("X-Amz-Algorithm") === ALGORITHM &&
    query.get("X-Amz-Credential") === credentialOf(world.signingKey, date);
  if (!sameKey || signature !== expected) mismatch(call);
  if (world.now() > parseAmzDate(date) + Number(query.get("X-Amz-Expires")) * 1000) {
    throw new StoreError(403, "AccessDenied", "Request has expired");
  }
}

/** No cookie, no token, nothing that S3 would want signed (sjtu-pan.md §1.2, §4.2). */
function checkPlainHeaders(call: Call, issued: readonly string[] = []): void {
  for (const name of Object.keys(call.request.headers)) {
    if (PLAIN_HEADERS.has(name) || issued.includes(name)) continue;
    call.violate("header", `the header ${name} is not for the store`);
    if (name.startsWith("x-amz-")) throw new StoreError(403, "SignatureDoesNotMatch", `${name} is not signed.`);
  }
}

function mismatch(call: Call): never {
  call.violate("signature", "the signature is not that of the request");
  throw new StoreError(403, "SignatureDoesNotMatch", "The signature we calculated is another one.");
}

function sessionOf(call: Call, kind: UploadSession["kind"]): UploadSession {
  const key = /\/([0-9a-z]+)(?:\.[^/]*)?$/.exec(call.request.rawPath)?.[1] ?? "";
  const session = call.world.uploads.get(key);
  if (session?.kind === kind && session.object === call.request.rawPath) return session;
  throw kind === "multipart"
    ? new StoreError(404, "NoSuchUpload", "The upload does not exist.")
    : new StoreError(403, "SignatureDoesNotMatch", "Nothing was issued for this path.");
}

async function store(call: Call, length: number, fault: Fault | undefined): Promise<StoredPart> {
  const { world, request } = call;
  let received: Received;
  try {
    received = await receive(request.body, length, world.knobs);
  } catch {
    throw new ClientGone();
  }
  call.received = received.content.size;
  const content = fault?.kind === "corrupt" ? corruptedContent(received.content, fault.at) : received.content;
  return { content, md5: received.md5, storedAt: world.stamp(), corrupted: fault?.kind === "corrupt" };
}

function stored(part: StoredPart, fault: Fault | undefined): SimReply {
  const md5 = fault?.kind === "wrong-etag" ? "0".repeat(32) : part.md5;
  return { status: 200, headers: { ETag: `"${md5}"`, "Content-Length": "0" }, body: "" };
}

function flat(headers: Call["request"]["headers"]): Record<string, string> {
  return Object.fromEntries(Object.entries(headers).map(([name, value]) => [name, String(value ?? "")]));
}
