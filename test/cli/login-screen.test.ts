import { PassThrough } from "node:stream";
import qrcode from "qrcode";
import { describe, expect, it } from "vitest";
import { LoginScreen } from "#server/cli/login-screen.ts";
import { inBlackOnWhite, qrLines } from "#server/cli/qr-code.ts";
import type { Terminal } from "#server/cli/terminal.ts";

/** As long as the addresses of jAccount (sjtu-pan.md §2.2 step 5). */
const ADDRESS = `https://jaccount.sjtu.edu.cn/jaccount/confirmscancode?uuid=${"0".repeat(36)}&ts=1760150000000&sig=${"a".repeat(64)}`;

function terminal(more: { isTTY?: boolean; columns?: number }) {
  const stdout = Object.assign(new PassThrough(), more);
  const stderr = new PassThrough();
  const text = (stream: PassThrough) => String(stream.read() ?? "");
  const ends: Terminal = { stdin: new PassThrough(), stdout, stderr };
  return { ends, out: () => text(stdout), err: () => text(stderr) };
}

const step = (content: string, state: "waiting" | "scanned" | "refreshed" = "waiting") =>
  ({ kind: "qr", content, state }) as const;

/** Which modules the half blocks show as dark. */
function modulesOf(lines: readonly string[]): boolean[][] {
  return lines.flatMap((line) => [
    [...line].map((block) => block === "█" || block === "▀"),
    [...line].map((block) => block === "█" || block === "▄"),
  ]);
}

describe("the code", () => {
  it("is what the QR code of the address is, with four modules of white around it (ISO/IEC 18004)", async () => {
    const { modules } = qrcode.create(ADDRESS, { errorCorrectionLevel: "L" });
    const shown = modulesOf(await qrLines(ADDRESS));
    const { size } = modules;
    expect(shown[0]).toHaveLength(size + 8);
    for (let y = 0; y < size + 8; y++) {
      for (let x = 0; x < size + 8; x++) {
        const isInside = x >= 4 && y >= 4 && x < size + 4 && y < size + 4;
        const isDark = isInside && modules.get(y - 4, x - 4) === 1;
        if ((shown[y]?.[x] ?? false) !== isDark) throw new Error(`module ${x}, ${y} is wrong`);
      }
    }
  });

  it("fits a terminal of 80 × 40 with its address", async () => {
    const lines = await qrLines(ADDRESS);
    expect(lines.length).toBeLessThanOrEqual(40 - 4);
    expect(lines[0]?.length).toBeLessThanOrEqual(80);
  });
});

describe("the screen of a login", () => {
  it("draws black on white on a terminal, and the renewed code in the place of the old one", async () => {
    const { ends, out, err } = terminal({ isTTY: true, columns: 80 });
    const screen = new LoginScreen(ends, {});
    await screen.show(step(ADDRESS));
    const code = inBlackOnWhite(await qrLines(ADDRESS));
    const first = out();
    expect(first.startsWith(code.join("\n"))).toBe(true);
    expect(err()).toMatch(/^Waiting/);
    await screen.show(step(ADDRESS));
    expect(out()).toBe("");
    await screen.show(step(`${ADDRESS}b`, "refreshed"));
    // The code, its address over three lines of the terminal, and the line about waiting.
    expect(out().startsWith(`\x1b[${code.length + 3 + 1}A\x1b[J\x1b[30;107m`)).toBe(true);
  });

  it("shows the address alone where the terminal is too narrow, and says so", async () => {
    const { ends, out, err } = terminal({ isTTY: true, columns: 40 });
    await new LoginScreen(ends, {}).show(step(ADDRESS));
    expect([out(), err()]).toEqual([
      `${ADDRESS}\n`,
      expect.stringMatching(/fewer than 57 columns: open the address, or/),
    ]);
  });

  it("moves no cursor and sets no colours in a pipe, and lets no content do so", async () => {
    const { ends, out } = terminal({});
    await new LoginScreen(ends, { urlOnly: true }).show({ ...step("x"), url: "https://box.example/\x1b[2J" });
    expect(out()).toBe("https://box.example/ [2J\n");
    await new LoginScreen(ends, {}).show(step(ADDRESS));
    expect(out()).not.toContain("\x1b");
  });

  it("says when the code was scanned", async () => {
    const { ends, err } = terminal({});
    const screen = new LoginScreen(ends, { urlOnly: true });
    await screen.show(step(ADDRESS));
    err();
    await screen.show(step(ADDRESS, "scanned"));
    expect(err()).toMatch(/confirm the login on the phone/);
  });
});
