import { describe, expect, it } from "vitest";
import { isTotpSecret, matchTotp, newTotpSecret, totpAddress, totpCode } from "#server/auth/totp.ts";

/** RFC 6238 appendix B: the seeds of its reference implementation. */
const SEED = "12345678901234567890";
const SEEDS = { sha1: SEED, sha256: `${SEED}123456789012`, sha512: (SEED + SEED + SEED + SEED).slice(0, 64) } as const;

describe("time-based codes", () => {
  it.each([
    [59, "94287082", "46119246", "90693936"],
    [1111111109, "07081804", "68084774", "25091201"],
    [1111111111, "14050471", "67062674", "99943326"],
    [1234567890, "89005924", "91819424", "93441116"],
    [2000000000, "69279037", "90698825", "38618901"],
    [20000000000, "65353130", "77737706", "47863826"],
  ])("are those of RFC 6238 appendix B at %i", (seconds, sha1, sha256, sha512) => {
    const step = Math.floor(seconds / 30);
    for (const [algorithm, code] of Object.entries({ sha1, sha256, sha512 }) as ["sha1", string][]) {
      expect(totpCode(Buffer.from(SEEDS[algorithm]), step, { digits: 8, algorithm })).toBe(code);
    }
  });

  it.each([
    [59_000, "996554"],
    [1767225600_000, "260025"],
    [1767225600_000, "849280"],
    [1767225600_000, "307890"],
  ])("are those that AList takes, one step to either side (alist-api.md §19)", (now, code) => {
    expect(matchTotp("JBSWY3DPEHPK3PXP", code, now)).toBeDefined();
    expect(matchTotp("JBSWY3DPEHPK3PXP", code, now + 90_000)).toBeUndefined();
  });

  it("are good once, and no older one after them (RFC 6238 §5.2)", () => {
    const step = matchTotp("JBSWY3DPEHPK3PXP", "260025", 1767225600_000)!;
    expect(matchTotp("JBSWY3DPEHPK3PXP", "260025", 1767225600_000, step)).toBeUndefined();
    expect(matchTotp("JBSWY3DPEHPK3PXP", "849280", 1767225600_000, step)).toBeUndefined();
    expect(matchTotp("JBSWY3DPEHPK3PXP", "307890", 1767225600_000, step)).toBe(step + 1);
  });

  it.each(["", "26002", "2600255", "abcdef", "２６００２５"])("are not %j", (code) => {
    expect(matchTotp("JBSWY3DPEHPK3PXP", code, 1767225600_000)).toBeUndefined();
  });

  it("come from secrets of 160 bits in base32 (RFC 4226 §4 R6), which apps take from an address", () => {
    const secret = newTotpSecret();
    expect(secret).toMatch(/^[A-Z2-7]{32}$/);
    expect(isTotpSecret(secret)).toBe(true);
    for (const bad of ["", "short", "jbswy3dpehpk3pxp", "JBSWY3DPEHPK3PX1"]) expect(isTotpSecret(bad)).toBe(false);
    expect(totpAddress(secret, "张三", "Pandav")).toContain(
      `otpauth://totp/Pandav:%E5%BC%A0%E4%B8%89?secret=${secret}`,
    );
  });
});
