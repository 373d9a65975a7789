/** Canaries where services put their secrets (sjtu-pan.md §1.2, §2.8, §4.2; RFC 9110 §11.6.2). */
import { describe, expect, it } from "vitest";
import { StorageError } from "#drivers/contract/errors.ts";
import { createLogger } from "#server/log.ts";
import { withoutSecrets } from "#server/upstream/redact.ts";

const CANARY = "CaNaRy7b1f0c";

const PARAMETERS = [
  "user_token",
  "access_token",
  "credential",
  "code",
  "sig",
  "X-Amz-Signature",
  "X-Amz-Credential",
  "X-Amz-Security-Token",
];

const HEADERS = ["authorization", "Authorization", "cookie", "Cookie", "set-cookie", "x-amz-security-token"];

/** All that a log writes of it. */
function logged(fields: object, message: string): string {
  const lines: string[] = [];
  const log = createLogger({ level: "debug", destination: { write: (line: string) => void lines.push(line) } });
  log.info(fields, message);
  return lines.join("");
}

describe("what is written down", () => {
  it.each(PARAMETERS)("hides the query parameter %s, in whole addresses and in paths alone", (name) => {
    for (const place of ["https://pan.sjtu.edu.cn/api/v1/file", "/api/v1/file", "wss://jaccount.sjtu.edu.cn/sub"]) {
      const text = `GET ${place}?a=1&${name}=${CANARY}%2F1&b=2 failed`;
      expect(withoutSecrets(text)).not.toContain(CANARY);
      expect(logged({ request: { path: text }, err: new StorageError("upstream", text) }, text)).not.toContain(CANARY);
    }
  });

  it.each(HEADERS)("hides the header %s: as a field, as a line of text, as JSON, and in a flat list", (name) => {
    const value = `AWS4-HMAC-SHA256 Credential=${CANARY}, Signature=${CANARY}`;
    const line = `> ${name}: ${value}\r\n> Accept: */*`;
    expect(withoutSecrets(line)).not.toContain(CANARY);
    expect(withoutSecrets(line)).toContain("Accept: */*");
    expect(withoutSecrets(JSON.stringify({ headers: { [name]: value } }))).not.toContain(CANARY);
    const fields = { headers: { [name]: value }, raw: ["Accept", "*/*", name, value] };
    expect(logged(fields, line)).not.toContain(CANARY);
    expect(logged(fields, line)).toContain("*/*");
  });

  it("hides cookies and tokens that stand in a text by their names", () => {
    for (const text of [`JAAuthCookie=${CANARY}; Path=/`, `USER_TOKEN=${CANARY}`, `userToken=${CANARY}`]) {
      expect(withoutSecrets(text)).not.toContain(CANARY);
    }
  });

  it("hides the cookies of a session at 115, whatever the case of their names, and no ids of folders (115.md §1.4)", () => {
    const cookies = { UID: `123456789_R2_${CANARY}`, CID: `0a${CANARY}`, SEID: CANARY, KID: CANARY };
    const header = Object.entries(cookies).map((pair) => pair.join("="));
    for (const text of [header.join("; "), header.join(";").toLowerCase(), `saved ${header.join(",")} anew`]) {
      expect(withoutSecrets(text).toLowerCase()).not.toContain(CANARY.toLowerCase());
    }
    expect(logged({ session: cookies, cookies, data: cookies }, "x")).not.toContain(CANARY);
    expect(withoutSecrets("list cid=2591234567890123456 uid=123456789 failed")).toContain(
      "cid=2591234567890123456 uid=123456789",
    );
    expect(logged({ cid: "2591234567890123456" }, "x")).toContain("2591234567890123456");
  });

  it("hides what the log is given under a secret's key", () => {
    const secrets = { sig: CANARY, "x-amz-signature": CANARY, ja_auth_cookie: CANARY, userToken: CANARY };
    expect(logged({ deep: [secrets] }, "x")).not.toContain(CANARY);
  });

  it("keeps what helps: a service's own code and request id, and words that only look like it", () => {
    const upstream = { status: 403, code: "InvalidAccessToken", requestId: "r-1" };
    const line = logged({ err: new StorageError("upstream", "bad", { upstream }) }, "exit code=3, see cookies");
    expect(line).toContain("InvalidAccessToken");
    expect(line).toContain("r-1");
    expect(line).toContain("exit code=3, see cookies");
  });
});
