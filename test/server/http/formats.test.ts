import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { ERROR_KINDS, StorageError } from "#drivers/contract/errors.ts";
import { PathError, parsePath } from "#drivers/contract/path.ts";
import { contentTypeOf } from "#server/http/content-type.ts";
import { ERROR_FORMS, errorReply, HttpError } from "#server/http/errors.ts";
import { formatHttpDate, formatIsoDate, parseHttpDate } from "#server/http/http-date.ts";

describe("dates", () => {
  it("are what Date itself writes, cut to the second (RFC 9110 §5.6.7, RFC 3339)", () => {
    fc.assert(
      fc.property(fc.integer({ min: -8.64e15, max: 8.64e15 }), (ms) => {
        const cut = new Date(Math.floor(ms / 1000) * 1000);
        expect(formatHttpDate(ms)).toBe(cut.toUTCString());
        expect(formatIsoDate(ms)).toBe(cut.toISOString().replace(".000", ""));
      }),
    );
  });

  it("that no calendar holds are clamped rather than `Invalid Date`", () => {
    expect(formatHttpDate(1e300)).toBe("Sat, 13 Sep 275760 00:00:00 GMT");
  });

  it("are read back, and what is none is undefined", () => {
    expect(parseHttpDate("Sun, 06 Nov 1994 08:49:37 GMT")).toBe(784_111_777_000);
    for (const text of ["", "5", "1994-11-06T08:49:37Z", "Sun, 99 Nov 1994 08:49:37 GMT"]) {
      expect(parseHttpDate(text)).toBeUndefined();
    }
  });
});

describe("contentTypeOf", () => {
  it.each([
    ["film.mkv", "video/x-matroska"],
    ["NOTE.TXT", "text/plain"],
    ["a.tar.gz", "application/gzip"],
    ["html", "application/octet-stream"],
    [".html", "application/octet-stream"],
    ["x.nosuchtype", "application/octet-stream"],
    ["x.", "application/octet-stream"],
    ["", "application/octet-stream"],
  ])("%s is %s, without a guessed charset", (name, type) => {
    expect(contentTypeOf(name)).toBe(type);
  });
});

describe("errorReply", () => {
  it.each(ERROR_KINDS)("shows %s by the one table", (kind) => {
    const reply = errorReply(new StorageError(kind, "why"));
    expect(reply).toMatchObject({ ...ERROR_FORMS[kind], kind, message: "why" });
  });

  it("tells the reasons of a bad path apart", () => {
    const status = (text: string) => {
      try {
        parsePath(text);
      } catch (error) {
        return errorReply(error).status;
      }
      return undefined;
    };
    expect([status("/a\0"), status("/.."), status(`/${"x".repeat(2000)}`)]).toEqual([400, 403, 414]);
    expect(errorReply(new PathError("encoding", "x")).kind).toBe("invalid-name");
  });

  it("takes the storage's own wait for Retry-After, in whole seconds", () => {
    expect(errorReply(new StorageError("blocked", "x", { retryAfterMs: 1500 })).retryAfter).toBe(2);
    expect(errorReply(new StorageError("not-found", "x")).retryAfter).toBeUndefined();
  });

  it("gives away nothing of what it does not know", () => {
    for (const bug of [new Error("secret"), "secret", undefined, { message: "secret" }]) {
      expect(errorReply(bug)).toEqual({ status: 500, alist: 500, exit: 1, level: "error", message: "internal error" });
    }
  });

  it("shows no credentials or signatures of addresses, and no line breaks", () => {
    const message = "get https://me:pw@h.example/p?sign=abc#f\r\nfailed";
    expect(errorReply(new StorageError("upstream", message)).message).toBe("get https://h.example/p failed");
    expect(errorReply(new HttpError(400, "x".repeat(10_000))).message).toHaveLength(500);
  });

  it.each([
    "the service refused /api/v1/file/a?page=1&access_token=CaNaRy7b1f",
    "GET /user/v1/space user_token=CaNaRy7b1f: 403",
    "sent with JAAuthCookie=CaNaRy7b1f.0c; Path=/",
    "sent with UID=123_R2_17CaNaRy7b1f;CID=0aCaNaRy7b1f;SEID=CaNaRy7b1f; KID=CaNaRy7b1f",
    "> Cookie: a=CaNaRy7b1f; b=CaNaRy7b1f",
    '{"authorization":"AWS4-HMAC-SHA256 Credential=CaNaRy7b1f, Signature=CaNaRy7b1f"}',
    "Authorization: Bearer CaNaRy7b1f",
    "see sjtu://x/CaNaRy?sig=CaNaRy7b1f and wss://h/sub?sig=CaNaRy7b1f",
  ])("shows no token, cookie or header value of a storage's or our own message: %s", (message) => {
    for (const error of [new StorageError("upstream", message), new HttpError(400, message)]) {
      const shown = errorReply(error).message;
      expect(shown).not.toContain("CaNaRy7b1f");
      expect(shown.length).toBeGreaterThan(10);
    }
  });

  it.each([
    "cookie: Too small: expected string to have >=1 characters",
    "authorization: Required",
    "cid=0 and uid=1000 are folder and user",
    'the pattern "a=b;c=d" is no name',
  ])("leaves a complaint about a field as it is: %s", (message) => {
    expect(errorReply(new StorageError("invalid-config", message)).message).toBe(message);
  });

  it("counts an abort as nobody's fault", () => {
    expect(errorReply(new DOMException("stop", "AbortError"))).toMatchObject({ status: 503, level: "debug" });
    expect(errorReply(AbortSignal.abort().reason)).toMatchObject({ status: 503, level: "debug" });
  });
});
