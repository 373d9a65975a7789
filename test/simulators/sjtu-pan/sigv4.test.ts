import { describe, expect, it } from "vitest";
import { ALGORITHM, amzDate, EMPTY_SHA256, parseAmzDate, parseAuthorization, signatureOf } from "./sigv4.ts";

const KEY = { id: "AKIAIOSFODNN7EXAMPLE", secret: "wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY", region: "us-east-1" };
const DATE = "20130524T000000Z";
const HOST = "examplebucket.s3.amazonaws.com";

describe("signature version 4", () => {
  it("signs the presigned GET of the vectors (sjtu-pan.md §6)", () => {
    const query: [string, string][] = [
      ["X-Amz-Algorithm", ALGORITHM],
      ["X-Amz-Credential", "AKIAIOSFODNN7EXAMPLE/20130524/us-east-1/s3/aws4_request"],
      ["X-Amz-Date", DATE],
      ["X-Amz-Expires", "86400"],
      ["X-Amz-SignedHeaders", "host"],
    ];
    const common = { method: "GET", path: "/test.txt", headers: { host: HOST }, signedHeaders: ["host"], date: DATE };
    expect(signatureOf({ ...common, query, payloadHash: "UNSIGNED-PAYLOAD" }, KEY)).toBe(
      "aeeed9bbccd4d02ee5c0109b86d86835f995330da4c265957d157751f604d404",
    );
  });

  it("signs the GET with a range of the vectors (sjtu-pan.md §6)", () => {
    const headers = { host: HOST, range: "bytes=0-9", "x-amz-content-sha256": EMPTY_SHA256, "x-amz-date": DATE };
    const signedHeaders = ["host", "range", "x-amz-content-sha256", "x-amz-date"];
    const request = { method: "GET", path: "/test.txt", query: [], headers, signedHeaders, date: DATE };
    expect(signatureOf({ ...request, payloadHash: EMPTY_SHA256 }, KEY)).toBe(
      "f0e8bdb87c964420e857bd35b5d6ed310bd44f0170aba48dd91039c6036bdb41",
    );
  });

  it("sorts the query and encodes all but the unreserved characters (sjtu-pan.md §6)", () => {
    const common = { method: "PUT", path: "/k", headers: {}, signedHeaders: [], payloadHash: "", date: DATE };
    const one = signatureOf({ ...common, query: [["uploadId", "2~a/+="], ["partNumber", "1"]] }, KEY); // biome-ignore format: a pair a line
    const other = signatureOf({ ...common, query: [["partNumber", "1"], ["uploadId", "2~a/+="]] }, KEY); // biome-ignore format: a pair a line
    expect(one).toBe(other);
    expect(signatureOf({ ...common, query: [["partNumber", "2"], ["uploadId", "2~a/+="]] }, KEY)).not.toBe(one); // biome-ignore format: a pair a line
  });

  it("reads and writes dates, and takes an Authorization header apart", () => {
    expect(amzDate(Date.UTC(2025, 9, 11, 2, 58, 0, 569))).toBe("20251011T025800Z");
    expect(parseAmzDate("20251011T025800Z")).toBe(Date.UTC(2025, 9, 11, 2, 58));
    expect(parseAmzDate("yesterday")).toBeNaN();
    const signature = "a".repeat(64);
    expect(
      parseAuthorization(`${ALGORITHM} Credential=c/d, SignedHeaders=host;x-amz-date, Signature=${signature}`),
    ).toEqual({
      credential: "c/d",
      signedHeaders: ["host", "x-amz-date"],
      signature,
    });
    expect(parseAuthorization("Bearer x")).toBeUndefined();
  });
});
