/** The If header (RFC 4918 §10.4): what is read of it, what it means, and that no text whatever holds it up. */
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { HttpError } from "#server/http/errors.ts";
import { evaluateIf, type IfState, parseIfHeader } from "#server/webdav/if-header.ts";

const A = "urn:uuid:181d4fae-7d8c-11d0-a765-00a0c91e6bf2";
const B = "urn:uuid:58f202ac-22cf-11d1-b12d-002035b29092";

function statusOf(header: string): number | "parsed" {
  try {
    parseIfHeader(header);
    return "parsed";
  } catch (error) {
    return error instanceof HttpError ? error.status : -1;
  }
}

/** Whether the header holds where the untagged resource and the tagged ones are in these states. */
async function holds(header: string, states: Readonly<Record<string, IfState>>): Promise<boolean> {
  return evaluateIf(parseIfHeader(header)!, async (tag) => states[tag ?? ""] ?? { tokens: [] });
}

describe("reading", () => {
  it("is nothing where there is none", () => {
    expect(parseIfHeader(undefined)).toBeUndefined();
  });

  it("reads untagged lists with Not and entity tags (RFC 4918 §10.4.6)", () => {
    expect(parseIfHeader(`(<${A}> ["I am an ETag"]) (Not <${B}> [W/"x"])`)).toEqual({
      lists: [
        {
          conditions: [
            { not: false, kind: "token", value: A },
            { not: false, kind: "etag", value: '"I am an ETag"' },
          ],
        },
        {
          conditions: [
            { not: true, kind: "token", value: B },
            { not: false, kind: "etag", value: 'W/"x"' },
          ],
        },
      ],
      tokens: [A, B],
    });
  });

  it("gives every list the resource before it (RFC 4918 §10.4.9)", () => {
    const parsed = parseIfHeader(`</resource1> (<${A}> [W/"A weak ETag"]) (["strong ETag"])<http://h/b%20c>(<${B}>)`);
    expect(parsed?.lists.map(({ tag }) => tag)).toEqual(["/resource1", "/resource1", "http://h/b%20c"]);
  });

  it("takes the headers that Finder sends, one per token, as one (webdav.md §5)", () => {
    expect(parseIfHeader(`(<${A}>), (<${B}>)`)?.tokens).toEqual([A, B]);
    expect(parseIfHeader([`(<${A}>)`, `(<${B}>)`])?.lists).toHaveLength(2);
  });

  it("takes a token that is only denied as submitted (RFC 4918 §10.4.1)", () => {
    expect(parseIfHeader(`(Not <${A}>)`)?.tokens).toEqual([A]);
  });

  it.each([
    "",
    " ",
    "( )",
    "()",
    "(",
    ")",
    "(<>)",
    `(<${A}>`,
    `(<${A})`,
    `<${A}>`,
    "</a>",
    "</a> </b> (<x:y>)",
    `(<${A}>) </b>`,
    "(Not)",
    `(Not Not <${A}>)`,
    `(No <${A}>)`,
    '("x")',
    "([x])",
    '(["x)',
    '(["x"',
    "(<no scheme>)",
    "(<noscheme>)",
    "<relative> (<x:y>)",
    `(<${A}>), x`,
    `(<${A}>,<${B}>)`,
    '(["a"b"])',
  ])("refuses %j with 400 (RFC 4918 §10.4.2)", (header) => {
    expect(statusOf(header)).toBe(400);
  });

  it("refuses more text, and more resources, than anybody needs", () => {
    expect(statusOf(`(<x:${"a".repeat(33_000)}>)`)).toBe(400);
    const tags = (count: number) => Array.from({ length: count }, (_, i) => `</${i}> (<x:y>)`).join(" ");
    expect([statusOf(tags(100)), statusOf(tags(101))]).toEqual(["parsed", 400]);
  });

  it("ends with lists or a 400 for every text (fuzzed)", () => {
    const pieces = ["(", ")", "<", ">", "[", "]", '"', "Not ", " ", ",", "W/", A, "/a", "http://h/", "x:", "é", "\t"];
    const text = fc.oneof(
      fc.string(),
      fc.array(fc.constantFrom(...pieces), { maxLength: 40 }).map((p) => p.join("")),
    );
    fc.assert(
      fc.property(text, (header) => {
        expect(["parsed", 400]).toContain(statusOf(header));
      }),
      { numRuns: 3000 },
    );
  });

  it.each(["(", "<", '["', "Not ", "</a", "(<a:b>", "(Not ", '(["x"'])("reads 32 KiB of %j in one pass", (piece) => {
    const header = piece.repeat(Math.floor((32 * 1024) / piece.length));
    const began = performance.now();
    for (let i = 0; i < 20; i++) statusOf(header);
    // Read twice over per character, a text of this length takes seconds.
    expect(performance.now() - began).toBeLessThan(1000);
  });
});

describe("evaluation", () => {
  const states: Record<string, IfState> = {
    "": { tokens: [A], etag: '"one"' },
    "/other": { tokens: [], etag: '"two"' },
  };

  it.each([
    [`(<${A}>)`, true],
    [`(<${B}>)`, false],
    ['(["one"])', true],
    ['(["two"])', false],
    ['([W/"one"])', false],
    [`(<${A}> ["one"])`, true],
    [`(<${A}> ["two"])`, false],
    [`(<${B}>) (["one"])`, true],
    [`(Not <${B}>)`, true],
    [`(Not <${A}>)`, false],
    [`(Not ["two"] <${A}>)`, true],
    ["(<DAV:no-lock>)", false],
    ["(Not <DAV:no-lock>)", true],
    [`(<${B}>) (Not <DAV:no-lock>)`, true],
    ['</other> (["two"])', true],
    [`</other> (<${A}>)`, false],
    ['</nowhere> (["one"])', false],
    ['</nowhere> (Not ["one"])', true],
    [`</other> (<${A}>) </nowhere> (<${B}> ["two"])`, false],
  ])("of %s is %s (RFC 4918 §10.4.3, §10.4.4)", async (header, expected) => {
    expect(await holds(header, states)).toBe(expected);
  });

  it("asks for each resource once, and for entity tags only where a list has one", async () => {
    const asked: unknown[] = [];
    const parsed = parseIfHeader(`(<${B}>) (<${B}> <x:y>) </a> (<${B}>) (["e"])`)!;
    await evaluateIf(parsed, async (tag, wantsEtag) => {
      asked.push([tag, wantsEtag]);
      return { tokens: [] };
    });
    expect(asked).toEqual([
      [undefined, false],
      ["/a", true],
    ]);
  });

  it("holds exactly when some list holds in every condition (fuzzed)", async () => {
    const condition = fc.record({ not: fc.boolean(), token: fc.constantFrom("x:1", "x:2", "x:3") });
    const lists = fc.array(fc.array(condition, { minLength: 1, maxLength: 4 }), { minLength: 1, maxLength: 4 });
    await fc.assert(
      fc.asyncProperty(lists, fc.subarray(["x:1", "x:2", "x:3"]), async (given, tokens) => {
        const header = given
          .map((list) => `(${list.map(({ not, token }) => `${not ? "Not " : ""}<${token}>`).join(" ")})`)
          .join(" ");
        const expected = given.some((list) => list.every(({ not, token }) => tokens.includes(token) !== not));
        expect(await holds(header, { "": { tokens } })).toBe(expected);
      }),
      { numRuns: 300 },
    );
  });
});
