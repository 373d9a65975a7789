import { describe, expect, it } from "vitest";
import type { Entry, Mount } from "#drivers/contract/mount.ts";
import { Watching } from "#server/vfs/watching.ts";

const DIRECTORY: Entry = { id: "d", name: "d", kind: "directory" };

/** A mount whose watches a test sets off. */
function watchable() {
  const watches: { changed(): void; readonly signal: AbortSignal }[] = [];
  const mount = {
    watch: (_directory: Entry, changed: () => void, signal: AbortSignal) => void watches.push({ changed, signal }),
  } as unknown as Mount;
  return { watches, mount };
}

describe("watching a directory in use", () => {
  it("begins anew after a change: another directory may stand in its place, of which the old watch tells nothing", () => {
    const { watches, mount } = watchable();
    const watching = new Watching();
    for (let i = 0; i < 3; i++) watching.begin(1, DIRECTORY, mount);
    expect([watches.length, watching.isClean(1)]).toEqual([1, true]);
    watches[0]!.changed();
    expect(watching.isClean(1)).toBe(false);
    watching.begin(1, DIRECTORY, mount);
    expect(watches.map(({ signal }) => signal.aborted)).toEqual([true, false]);
    // Late news of the old one are no news of the new one, and the other way round.
    watches[0]!.changed();
    expect(watching.isClean(1)).toBe(true);
    watches[1]!.changed();
    expect(watching.isClean(1)).toBe(false);
    watching.close();
    expect(watches.map(({ signal }) => signal.aborted)).toEqual([true, true]);
  });
});
