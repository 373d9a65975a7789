/** What real servers were asked, asked of this one: status, code, keys and JSON types are theirs, but for the differences that are listed with a reason. */
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { compare } from "./compare.ts";
import { isMeant, type Listed, readListed, type Seen } from "./listed.ts";
import { readExchanges, SERVERS, type ServerName } from "./recorded.ts";
import { Session } from "./session.ts";
import { differences, shapeOf } from "./shape.ts";

const listed = readListed();
const line = ({ server, exchange, difference }: Seen | Listed) => `${server}: ${exchange} | ${difference}`;

describe.each(SERVERS)("everything that was recorded of %s", (server: ServerName) => {
  const seen: Seen[] = [];
  let asked = 0;
  beforeAll(async () => {
    const session = await Session.open(server);
    try {
      for (const exchange of readExchanges(server)) {
        const reply = await session.ask(exchange);
        asked++;
        for (const difference of compare(exchange, reply)) seen.push({ server, exchange: exchange.name, difference });
      }
    } finally {
      await session.close();
    }
  }, 120_000);
  afterAll(() => {
    seen.length = 0;
  });

  it("is answered as it was, but for what alist-api.md §22 lists", () => {
    expect(asked).toBeGreaterThan(600);
    expect(seen.filter((one) => !listed.some((row) => isMeant(row, one))).map(line)).toEqual([]);
  });

  it("differs in everything that alist-api.md §22 lists: what is no difference any more leaves the list", () => {
    const rows = listed.filter((row) => row.server === server);
    expect(rows.length).toBeGreaterThan(10);
    expect(rows.filter((row) => !seen.some((one) => isMeant(row, one))).map(line)).toEqual([]);
    expect(rows.filter(({ reason }) => reason.length < 10).map(line)).toEqual([]);
  });
});

describe("the comparison", () => {
  it("finds what is missing, of another type, or empty; more keys and null for a list are no difference (alist-api.md §2)", () => {
    const shape = shapeOf({ id: 1, names: ["a", { "…": "3 more" }], empty: [], none: null, sub: { ok: true } });
    expect(shape).toEqual({ id: "number", names: ["string"], empty: [], none: "null", sub: { ok: "boolean" } });
    expect(differences({ id: 1, names: ["b"], empty: null, none: "x", sub: { ok: false, more: 1 } }, shape)).toEqual(
      [],
    );
    expect(differences({ id: "1", names: [], empty: {}, none: 1 }, shape)).toEqual([
      "data.id is string, not number",
      "data.names is empty",
      "data.empty is object, not array",
      "data.sub is missing",
    ]);
  });

  it("takes a star in the list for any text, and nothing else for more than itself", () => {
    const row: Listed = { server: "alist", exchange: "fs/archive/*", difference: "code 200 → *", reason: "" };
    expect(isMeant(row, { server: "alist", exchange: "fs/archive/meta", difference: "code 200 → 500" })).toBe(true);
    expect(isMeant(row, { server: "openlist", exchange: "fs/archive/meta", difference: "code 200 → 500" })).toBe(false);
    expect(isMeant(row, { server: "alist", exchange: "fs/arch", difference: "code 200 → 500" })).toBe(false);
  });
});
