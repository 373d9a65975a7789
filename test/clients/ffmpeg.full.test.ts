/** A player's seeks, by ffmpeg: directly, and through a redirect to the service's store (webdav.md §7.1). */
import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, expect, it } from "vitest";
import { type RedirectingPan, startRedirectingPan } from "#test/support/redirecting-pan.ts";
import { findTool, withTools } from "#test/support/tools.ts";
import { request } from "./http-put.ts";
import { runProgram } from "./run-program.ts";

const SECONDS = 120;
/** Where a person jumps to, in seconds. */
const MOMENTS = [0, 0.04, 17.32, 63.5, 118.96];
const FILMS = ["film.mp4", "film.mkv"];
/** Credentials stand in the address, where blanks do not go. */
const PASSWORD = "plain-password-of-a-player";

withTools(["ffmpeg"])("ffmpeg", () => {
  let pan: RedirectingPan;
  let folder: string;
  beforeAll(async () => {
    folder = mkdtempSync(join(tmpdir(), "pandav-ffmpeg-"));
    pan = await startRedirectingPan({ adminPassword: PASSWORD });
    const picture = ["-f", "lavfi", "-i", `testsrc2=size=640x360:rate=25:duration=${SECONDS}`];
    const sound = ["-f", "lavfi", "-i", `sine=frequency=440:duration=${SECONDS}`];
    // An mp4's index stands at its end: it is read before the first picture.
    const coded = ["-c:v", "mpeg4", "-q:v", "3", "-g", "50", "-c:a", "aac"];
    for (const film of FILMS) {
      await ffmpeg(...picture, ...sound, ...coded, join(folder, film));
      const bytes = readFileSync(join(folder, film));
      expect(bytes.length).toBeGreaterThan(4_000_000);
      pan.world.pan.files.put(film, bytes);
      expect((await request(pan.world.server, "PUT", `/dav/local/${film}`, bytes)).status).toBe(201);
    }
  });
  afterAll(async () => {
    await pan[Symbol.asyncDispose]();
    rmSync(folder, { recursive: true, force: true });
  });

  it.each(["local", "sjtu", "redirected"])("shows the same pictures at every moment, from /dav/%s", async (mount) => {
    const { server } = pan.world;
    const before = pan.sent();
    for (const film of FILMS) {
      const url = new URL(`${server.url}/dav/${mount}/${film}`);
      Object.assign(url, { username: server.user, password: PASSWORD });
      for (const moment of MOMENTS) {
        const expected = await pictures(join(folder, film), moment);
        expect(expected.split("\n").length).toBeGreaterThan(3);
        expect([film, moment, await pictures(url.href, moment)]).toEqual([film, moment, expected]);
      }
    }
    if (mount === "redirected") expect(pan.sent() - before).toBeGreaterThan(1_000_000);
    else expect(pan.sent()).toBe(before);
    expect(pan.world.pan.violations).toEqual([]);
  });

  /** Digests of the pictures and sound of a fifth of a second. */
  async function pictures(from: string, moment: number): Promise<string> {
    return ffmpeg("-ss", String(moment), "-i", from, "-t", "0.2", "-bitexact", "-f", "framemd5", "-");
  }

  async function ffmpeg(...args: string[]): Promise<string> {
    const quiet = ["-nostdin", "-hide_banner", "-loglevel", "error"];
    const run = await runProgram(findTool("ffmpeg") ?? "ffmpeg", [...quiet, ...args], {
      withinMs: 120_000,
      env: pan.env,
    });
    // What it says of errors in what it read would be the server's.
    expect([run.code, run.stderr]).toEqual([0, ""]);
    return run.stdout;
  }
});
