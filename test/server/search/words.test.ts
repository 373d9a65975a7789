/** What is found by which words (decision 0022). */
import { describe, expect, it } from "vitest";
import { hasWords, indexedText, matchOf, wantedOf, wantedOfGlob } from "#server/vfs/search/words.ts";

const finds = (keywords: string, name: string) => hasWords(wantedOf(keywords))(name);

describe("words of a name", () => {
  it.each([
    ["第12讲 线性代数.pdf", "第 12 讲 线 性 代 数 pdf"],
    ["Report-2024_FINAL.docx", "report 2024 final docx"],
    ["ＡＢＣ．ｔｘｔ", "abc txt"],
    ["Žluťoučký kůň", "zlutoucky kun"],
    ["ひらがなカタカナ", "ひ ら が な カ タ カ ナ"],
    ["한국어", "한 국 어"],
    ["🎬 film", "🎬 film"],
    ["...", ""],
  ])("of %j are %j: each character of scripts without spaces alone, the others folded", (name, words) => {
    expect(indexedText(name)).toBe(words);
  });

  it.each([
    ["线性", "第12讲 线性代数.pdf", true],
    ["性线", "第12讲 线性代数.pdf", false],
    ["线 数", "第12讲 线性代数.pdf", true],
    ["线数", "第12讲 线性代数.pdf", false],
    ["数", "第12讲 线性代数.pdf", true],
    ["rep", "Report-2024.docx", true],
    ["report-20", "Report-2024.docx", true],
    ["REPORT.2024", "Report-2024.docx", true],
    ["port", "Report-2024.docx", false],
    ["2024 rep", "Report-2024.docx", true],
    ["20 report", "Report-2024.docx", true],
    ["cafe", "Café.txt", true],
    ["# rep", "Report.docx", false],
    ["# rep", "Report #2.docx", true],
    ["", "anything", true],
  ])("%j finds in %j: %s", (keywords, name, is) => {
    expect(finds(keywords, name)).toBe(is);
  });

  it("makes phrases for FTS5 in which nothing of the text is an operator", () => {
    expect(matchOf(wantedOf('线性 rep"ort OR x*'))).toBe('"线 性" AND "rep ort" * AND "or" * AND "x" *');
    expect(matchOf(wantedOf("... #"))).toBeUndefined();
    expect(matchOf(wantedOf(""))).toBeUndefined();
  });

  it.each([
    ["*.mkv", ["mkv"], ".mkv"],
    ["report*", ["report"], "report"],
    ["*port*", [], "port"],
    ["第?讲*线性*.pdf", ["第", "讲", "线", "性", "pdf"], ".pdf"],
    ["[ab]*.txt", [], undefined],
    ["*", [], undefined],
  ])("takes from the pattern %s only words that all names that fit have: %j", (pattern, words, text) => {
    const wanted = wantedOfGlob(pattern, false);
    expect([wanted.words, wanted.text]).toEqual([words, text]);
  });
});
