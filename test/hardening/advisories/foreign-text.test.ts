/** What users or addresses say is never a page of ours: CVE-2022-26533, CVE-2024-47067, GHSA-8pph-gfhp-w226, CVE-2022-45970 and their like. */
import { describe, expect, it } from "vitest";
import { BASIC, openHardened, TOKEN } from "../world.ts";

const SCRIPT = "<script>alert(1)</script>";

describe("text of others", () => {
  it("that is sent to the links for phones' apps comes back escaped, as a list of a policy that loads nothing (CVE-2022-26533, CVE-2024-47067)", async () => {
    const { ask } = await openHardened();
    const named = encodeURIComponent(SCRIPT);
    const link = Buffer.from(`${encodeURIComponent("https://x")}/${named}`).toString("base64url");
    for (const [target, expected, echoes] of [
      [`/i/${link}.plist`, 200, true],
      [`/i/${Buffer.from(`https://x/${SCRIPT}/n`).toString("base64url")}.plist`, 200, false],
      [`/i/${named}`, 200, false],
      [`/i/${link}/${named}.plist`, 404, false],
      [`/${named}`, 404, false],
      [`/?q=${named}`, 200, false],
    ] as const) {
      const { status, headers, body } = await ask("GET", target);
      const text = String(body);
      expect([target, status, text.includes("<script"), text.includes("&lt;script")]).toEqual([
        ...[target, expected, false, echoes],
      ]);
      expect(headers["x-content-type-options"], target).toBe("nosniff");
      expect(headers["content-security-policy"], target).toMatch(/default-src 'none'/);
      expect(headers["content-type"]?.includes("xml") ?? false, target).toBe(echoes);
    }
  });

  it("is escaped where it is the name of a file, on a page that runs nothing (AList's stored XSS)", async () => {
    const name = `"'><img src=x onerror=alert(1)>&.html`;
    const { ask } = await openHardened({ seed: { [name]: "x" } });
    const { status, headers, body } = await ask("GET", "/dav/m/", { Authorization: BASIC });
    expect([status, headers["content-type"]]).toEqual([200, "text/html; charset=utf-8"]);
    expect(headers["content-security-policy"]).toMatch(/default-src 'none'.*sandbox/);
    expect(String(body)).not.toContain("<img");
    expect(String(body)).toContain("&lt;img src=x");
  });

  it("that an administrator wrote for a folder leaves as JSON, which no browser takes for a page (CVE-2022-45970)", async () => {
    const { ask, deps } = await openHardened();
    await deps.auth.metas.create({
      path: "/m",
      password: "",
      passwordSub: false,
      write: false,
      writeSub: false,
      hide: "",
      hideSub: false,
      readme: SCRIPT,
      readmeSub: true,
      header: SCRIPT,
      headerSub: true,
    });
    const headers = { "Content-Type": "application/json", Authorization: TOKEN };
    const reply = await ask("POST", "/api/fs/list", headers, JSON.stringify({ path: "/m" }));
    expect(JSON.parse(String(reply.body)).data).toMatchObject({ readme: SCRIPT, header: SCRIPT });
    expect(reply.headers["content-type"]).toMatch(/^application\/json/);
    expect(reply.headers["x-content-type-options"]).toBe("nosniff");
    expect(reply.headers["content-security-policy"]).toMatch(/default-src 'none'/);
  });
});
