/** Addresses and headers that the API signs for the store (sjtu-pan.md §4.2–4.4, §5.2, §6). */
import type { ApiCall } from "./api-call.ts";
import { ServiceError } from "./errors.ts";
import { historyId } from "./history.ts";
import { ALGORITHM, amzDate, credentialOf, EMPTY_SHA256, encodeStrictly, signatureOf } from "./sigv4.ts";
import type { FileNode } from "./tree.ts";
import type { World } from "./world.ts";

/** Life of a download address, in seconds. */
const GET_LIFE_S = 7200;

export const UNSIGNED = "UNSIGNED-PAYLOAD";

/** What the sample of a part's headers signs. */
const PART_HEADERS = ["host", "x-amz-content-sha256", "x-amz-date"];

/** An address from which a file's bytes can be fetched without any header. */
export function presign(api: ApiCall, node: FileNode): { readonly url: string; readonly expiresAt: number } {
  const { world, call } = api;
  const disposition = call.request.query.get("content_disposition") ?? "inline";
  if (disposition !== "inline" && disposition !== "attachment") {
    call.refuse("query", "content_disposition is neither attachment nor inline");
  }
  const file = historic(api, node);
  const date = amzDate(world.now());
  const query: [string, string][] = [
    ["X-Amz-Algorithm", ALGORITHM],
    ["X-Amz-Content-Sha256", UNSIGNED],
    ["X-Amz-Credential", credentialOf(world.signingKey, date)],
    ["X-Amz-Date", date],
    ["X-Amz-Expires", String(GET_LIFE_S)],
    ["X-Amz-SignedHeaders", "host"],
    ["response-content-disposition", `${disposition}; filename*=UTF-8''${encodeStrictly(node.name)}`],
  ];
  const signature = signatureOf(
    {
      method: "GET",
      path: file.object,
      query,
      headers: { host: world.storeHost },
      signedHeaders: ["host"],
      payloadHash: UNSIGNED,
      date,
    },
    world.signingKey,
  );
  query.splice(6, 0, ["X-Amz-Signature", world.signed(signature)]);
  const text = query.map(([name, value]) => `${name}=${encodeStrictly(value)}`).join("&");
  return { url: `https://${world.storeHost}${file.object}?${text}`, expiresAt: world.now() + GET_LIFE_S * 1000 };
}

/** Headers for one PUT of a whole object. */
export function objectHeaders(world: World, object: string, contentType: string): Record<string, string> {
  const date = amzDate(world.now());
  const headers = {
    "cache-control": "max-age=0",
    "content-type": contentType,
    "x-amz-acl": "private",
    "x-amz-content-sha256": UNSIGNED,
    "x-amz-date": date,
  };
  const signedHeaders = ["cache-control", "content-type", "host", "x-amz-acl", "x-amz-content-sha256", "x-amz-date"];
  return { authorization: authorization(world, object, [], { ...headers }, signedHeaders, UNSIGNED, date), ...headers };
}

/** Headers for one part. */
export function partHeaders(world: World, object: string, uploadId: string, part: number): Record<string, string> {
  const date = amzDate(world.now());
  const headers = { "x-amz-date": date, "x-amz-content-sha256": EMPTY_SHA256 };
  const query: [string, string][] = [
    ["partNumber", String(part)],
    ["uploadId", uploadId],
  ];
  return {
    ...headers,
    authorization: authorization(world, object, query, headers, PART_HEADERS, EMPTY_SHA256, date),
  };
}

function authorization(
  world: World,
  path: string,
  query: [string, string][],
  headers: Record<string, string>,
  signedHeaders: string[],
  payloadHash: string,
  date: string,
): string {
  const signature = signatureOf(
    { method: "PUT", path, query, headers: { ...headers, host: world.storeHost }, signedHeaders, payloadHash, date },
    world.signingKey,
  );
  const credential = credentialOf(world.signingKey, date);
  return `${ALGORITHM} Credential=${credential}, SignedHeaders=${signedHeaders.join(";")}, Signature=${world.signed(signature)}`;
}

function historic({ call }: ApiCall, node: FileNode) {
  const id = call.request.query.get("history_id");
  if (id === undefined || id === String(historyId(node, node.file.versionId))) return node.file;
  const version = node.versions.find(({ versionId }) => String(historyId(node, versionId)) === id);
  if (!version) throw new ServiceError("DirectoryHistoryNotFound");
  return version;
}
