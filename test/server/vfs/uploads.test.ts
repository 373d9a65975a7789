import { describe, expect, it } from "vitest";
import { Uploads } from "#server/vfs/uploads.ts";

describe("uploads on their way (architecture.md §6)", () => {
  it("lets one upload of a path commit at a time", async () => {
    const uploads = new Uploads();
    const log: string[] = [];
    const [first, second] = [uploads.begin("/m/a"), uploads.begin("/m/a")];
    await first.enterCommit();
    const waiting = second.enterCommit().then(() => log.push("second commits"));
    await Promise.resolve();
    log.push("first ends");
    first.end("committed");
    await waiting;
    expect(log).toEqual(["first ends", "second commits"]);
    second.end("committed");
  });

  it("refuses a commit only when one that started later has committed", async () => {
    const uploads = new Uploads();
    const [first, second, third] = [uploads.begin("/m/a"), uploads.begin("/m/a"), uploads.begin("/m/a")];
    await second.enterCommit();
    second.end("committed");
    await expect(first.enterCommit()).rejects.toMatchObject({ kind: "already-exists" });
    first.end("failed");
    await third.enterCommit();
    third.end("committed");
  });

  it("does not hold a failed later upload against an earlier one", async () => {
    const uploads = new Uploads();
    const [first, second] = [uploads.begin("/m/a"), uploads.begin("/m/a")];
    await second.enterCommit();
    second.end("failed");
    await first.enterCommit();
    first.end("committed");
  });

  it("waits for the uploads inside a directory, and for no others", async () => {
    const uploads = new Uploads();
    const inside = uploads.begin("/m/dir/a");
    const outside = uploads.begin("/m/dirty");
    let settled = false;
    const waiting = uploads.settled("/m/dir", new AbortController().signal).then(() => {
      settled = true;
    });
    await new Promise(setImmediate);
    expect(settled).toBe(false);
    inside.end("committed");
    await waiting;
    outside.end("failed");
  });

  it("stops waiting when the waiter leaves", async () => {
    const uploads = new Uploads();
    const upload = uploads.begin("/m/dir/a");
    const leaving = new AbortController();
    const waiting = uploads.settled("/m", leaving.signal);
    leaving.abort(new Error("gone"));
    await expect(waiting).rejects.toThrow("gone");
    upload.end("failed");
  });

  it("cancels the uploads inside a directory and waits until they have let go", async () => {
    const uploads = new Uploads();
    const upload = uploads.begin("/m/dir/a");
    const cancelled = uploads.cancel("/m/dir");
    expect(upload.signal.aborted).toBe(true);
    upload.end("failed");
    await cancelled;
  });
});
