import { describe, expect, it } from "vitest";
import { StorageError } from "#drivers/contract/errors.ts";
import { cookieOf, userTokenOf } from "#drivers/sjtu-pan/credential.ts";
import { toLink } from "#drivers/sjtu-pan/link.ts";
import { checkNewName, createPaths } from "#drivers/sjtu-pan/paths.ts";
import { payloadOf } from "#drivers/sjtu-pan/reply.ts";
import { lengthOf, planOf } from "#drivers/sjtu-pan/upload/plan.ts";

const reply = (status: number, body: unknown, headers: Record<string, string> = {}) => ({
  status,
  headers,
  text: typeof body === "string" ? body : JSON.stringify(body),
});

function failureOf(status: number, body: unknown, headers: Record<string, string> = {}): StorageError {
  try {
    payloadOf(reply(status, body, headers));
  } catch (error) {
    if (error instanceof StorageError) return error;
    throw error;
  }
  throw new Error("no failure");
}

describe("an answer of SJTU Pan", () => {
  it.each([
    ["without a body", 204, "", undefined],
    ["of the new form", 200, { path: [] }, { path: [] }],
    ["of the old form", 200, { status: 0, message: "success", a: 1 }, { status: 0, message: "success", a: 1 }],
    ["that repeats the status", 200, { status: 200, message: "ok" }, { status: 200, message: "ok" }],
    ["that is a list with failures in it", 200, [{ status: 404, code: "X" }], [{ status: 404, code: "X" }]],
    ["of a batch with failures in it", 207, { result: [{ status: 404 }] }, { result: [{ status: 404 }] }],
    ["that is no JSON", 200, "deleted", undefined],
  ] as const)("%s is a success (sjtu-pan.md §1.4)", (_, status, body, payload) => {
    expect(payloadOf(reply(status, body))).toEqual(payload);
  });

  it.each([
    [200, { status: 403, code: "NoPermission" }, "permission-denied"],
    [403, { status: 403, code: "InvalidAccessToken" }, "unauthenticated"],
    [404, { status: 404, code: "EmptyAccessToken" }, "unauthenticated"],
    [404, { code: "SourceFileNotFound" }, "not-found"],
    [404, { code: "SomethingNewNotFound" }, "not-found"],
    [404, { code: "SpaceNotFound" }, "upstream"],
    [404, { code: "UploadNotFound" }, "incomplete"],
    [404, "<html>", "upstream"],
    [409, { code: "SameNameDirectoryOrFileExists" }, "already-exists"],
    [400, { code: "FileNameLengthExceed" }, "invalid-name"],
    [400, { code: "QuotaLimitReached" }, "quota-exceeded"],
    [413, "", "too-large"],
    [451, { code: "SensitiveContentRecognized" }, "permission-denied"],
    [509, "", "unavailable"],
    [400, { code: "NeverSeen" }, "upstream"],
    [400, { code: "constructor" }, "upstream"],
  ] as const)("%i %j is %s (sjtu-pan.md §1.6)", (status, body, kind) => {
    expect(failureOf(status, body).kind).toBe(kind);
  });

  it("of 429 waits as long as it says, or a minute (sjtu-pan.md §1.5)", () => {
    const body = { code: "TooManyRequests" };
    expect(failureOf(429, body, { "retry-after": "7" })).toMatchObject({
      kind: "rate-limited",
      retryAfterMs: 7000,
      retryable: true,
    });
    expect(failureOf(429, body).retryAfterMs).toBe(60_000);
  });

  it("names code and request, and repeats no token that the service repeats (sjtu-pan.md §1.4)", () => {
    const token = `acctk${"0a".repeat(60)}`;
    const error = failureOf(400, { code: "NeverSeen", message: `bad ${token} ${"f".repeat(128)}`, requestId: "9f0c" });
    expect(error.message).toBe("bad [secret] [secret] (SJTU Pan: NeverSeen, request 9f0c)");
    expect(error.upstream).toEqual({ status: 400, code: "NeverSeen", requestId: "9f0c" });
    expect(failureOf(500, "", { "x-request-id": "77aa" }).message).toContain("77aa");
  });
});

describe("paths", () => {
  it("are encoded by segment, and never lead elsewhere (sjtu-pan.md §7, P-13, P-37)", () => {
    const paths = createPaths("/a b/");
    expect(paths.encoded("c/d#?%+&")).toBe("a%20b/c/d%23%3F%25%2B%26");
    expect(paths.plain("c/d#")).toBe("a b/c/d#");
    expect(paths.encoded("")).toBe("a%20b");
    expect(createPaths("/").encoded("")).toBe("");
    for (const id of ["../x", "a/./b", "a//b", "a/\0"]) expect(() => paths.encoded(id)).toThrow(StorageError);
    expect(() => createPaths("/a/../b")).toThrow(StorageError);
    expect(paths.idOf(["", "a b", "c"])).toBe("c");
    expect(paths.idOf(["other"])).toBeUndefined();
  });

  it.each(["a:b", "a|b", "q?", '"', "\ud800", "x".repeat(256), "..", ""])(
    "%j is no new name (sjtu-pan.md §7)",
    (name) => {
      expect(() => checkNewName(name)).toThrow(StorageError);
    },
  );
});

describe("what people paste", () => {
  it("is a cookie with or without its name (sjtu-pan.md §2.3)", () => {
    expect(cookieOf(" abc\n def ")).toBe("abcdef");
    expect(cookieOf("JAAuthCookie=abc")).toBe("abc");
    expect(cookieOf("Cookie: x=1; JAAuthCookie=abc; y=2")).toBe("abc");
    for (const text of ["", "https://jaccount.sjtu.edu.cn/", 'a"b', "a=1; b=2"]) expect(cookieOf(text)).toBeUndefined();
  });

  it("is a userToken of 128 characters (sjtu-pan.md §0.2, §2.7)", () => {
    const token = "f".repeat(128);
    expect(userTokenOf(`https://pan.sjtu.edu.cn/user/v1/space/1?a=1&user_token=${token}#x`)).toBe(token);
    expect(userTokenOf("f".repeat(127))).toBeUndefined();
  });
});

describe("a link", () => {
  const to = (location: string) => toLink({ status: 302, headers: { location }, payload: undefined }, (ms) => ms);

  it("ends when its signature does (sjtu-pan.md §5.2)", () => {
    const url = "https://s3pan7.jcloud.sjtu.edu.cn/b/k?X-Amz-Date=20251011T025800Z&X-Amz-Expires=7200";
    expect(to(url)).toMatchObject({ url, expiresAt: Date.UTC(2025, 9, 11, 4, 58) });
  });

  it.each([
    "http://s3pan.jcloud.sjtu.edu.cn/b",
    "https://example.com/b",
    "https://sjtu.edu.cn.example.com/b",
    "/relative",
    "undefined",
  ])("to %s is refused (sjtu-pan.md §5.2)", (location) => {
    expect(() => to(location)).toThrow(StorageError);
  });
});

describe("the plan of an upload", () => {
  it("has parts of 4 MiB, doubled where 10,000 are not enough (sjtu-pan.md §4.5)", () => {
    const MiB = 2 ** 20;
    expect(planOf(4 * MiB + 1)).toEqual({ size: 4 * MiB + 1, partSize: 4 * MiB, count: 2 });
    expect(planOf(40_000 * MiB)).toMatchObject({ partSize: 4 * MiB, count: 10_000 });
    expect(planOf(40_000 * MiB + 1)).toMatchObject({ partSize: 8 * MiB, count: 5001 });
    expect(planOf(1024 * 1024 * MiB)).toMatchObject({ partSize: 128 * MiB, count: 8192 });
    const plan = planOf(9 * MiB);
    expect([1, 2, 3].map((part) => lengthOf(plan, part))).toEqual([4 * MiB, 4 * MiB, MiB]);
  });
});
