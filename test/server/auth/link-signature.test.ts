import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { signLink } from "#server/auth/link-signature.ts";
import { openWorld, type World } from "./world.ts";

const KEY = "alist-test-token";

describe("link signatures", () => {
  let world: World;
  beforeAll(async () => {
    world = await openWorld({ token: KEY });
  });
  afterAll(() => world.close());

  it.each([
    ["/a.txt", 0, "1qP0Ko1rvgH7cnZFw2EScM2RxyCsgktA82KUsuwEgUY=:0"],
    ["/115/Movies/a b.mkv", 0, "X_ZaUjSOPHHsPMCbOvT8U-O1a2BaBBGToA8zOQPwOPU=:0"],
    ["/交大云盘/课件/第1讲.pdf", 0, "57x67BWBuHO81HqHAH0cUlRtE97AAh1XBCSrj-8RP6Q=:0"],
    ["/a.txt", 1767225600, "xnyOlznQ8lfguIf30WPfluwrznGw-PNQVoE5BLFpPzQ=:1767225600"],
    ["/a.txt", 4102444800, "2KCElyMQcQBJ0q7nlTK6yrw-jnw4IuxdJiBuSQdZG8U=:4102444800"],
  ])("signs %s until %i as AList does (alist-api.md §19)", (path, expire, sign) => {
    expect(signLink(KEY, path, expire)).toBe(sign);
  });

  it.each([
    [0, "YEzg5_GmbIYoz_rpChI0LnDyn6mOIOwJGx6nYycRGlQ=:0"],
    [1767225600, "uY-5pJamMXFnK4pT-qEOsnrPPo1rde6LvCLZ7oe6C7c=:1767225600"],
  ])("signs archives with a key of their own, until %i (alist-api.md §19)", (expire, sign) => {
    expect(signLink(`${KEY}-archive`, "/pkg/a.zip", expire)).toBe(sign);
    world.auth.signatures.check("/pkg/a.zip", sign, "archive");
    expect(() => world.auth.signatures.check("/pkg/a.zip", sign)).toThrow("sign invalid");
  });

  it("signs for ever by default, with the key of the setting token", () => {
    expect(world.auth.signatures.sign("/a.txt")).toBe("1qP0Ko1rvgH7cnZFw2EScM2RxyCsgktA82KUsuwEgUY=:0");
  });

  it("signs for link_expiration hours, and the link then expires (alist-api.md §8.2)", async () => {
    await world.settings.set("link_expiration", 2);
    const sign = world.auth.signatures.sign("/a.txt");
    expect(sign).toMatch(/:1767232800$/);
    world.auth.signatures.check("/a.txt", sign);
    world.clock.turn(2 * 3_600_000 + 1000);
    expect(() => world.auth.signatures.check("/a.txt", sign)).toThrow("sign expired");
    world.clock.turn(-2 * 3_600_000 - 1000);
    await world.settings.set("link_expiration", 0);
  });

  it.each([
    ["abc", "expire missing"],
    ["abc:", "expire missing"],
    ["abc:x", "expire invalid"],
    ["abc:1", "sign expired"],
    ["abc:0", "sign invalid"],
    ["1qP0Ko1rvgH7cnZFw2EScM2RxyCsgktA82KUsuwEgUY=:00", "sign invalid"],
  ])("refuses %s: %s (alist-api.md §8.2)", (sign, message) => {
    expect(() => world.auth.signatures.check("/a.txt", sign)).toThrow(message);
  });

  it("takes a signature with one trailing slash (alist-api.md §8.2), and not for another path", () => {
    world.auth.signatures.check("/a.txt", "1qP0Ko1rvgH7cnZFw2EScM2RxyCsgktA82KUsuwEgUY=:0/");
    expect(() => world.auth.signatures.check("/b.txt", "1qP0Ko1rvgH7cnZFw2EScM2RxyCsgktA82KUsuwEgUY=:0")).toThrow(
      "sign invalid",
    );
  });
});
