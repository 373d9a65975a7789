/** Changing users: all that is asked for, or nothing (architecture.md §1). */
import { expect, it } from "vitest";
import { openWorld } from "./world.ts";

it("changes a user's fields and his password together or not at all", async () => {
  const world = await openWorld();
  try {
    await world.addUser("ann", "old secret", { basePath: "/old" });
    const ann = (await world.auth.users.find("ann"))!;
    const before = await world.auth.users.credential("ann");
    const changed = { ...ann, basePath: "/new" };
    // What a crash does, at the moment at which the password would be written.
    world.store.connection.exec(
      "create trigger no_password before update of password on user begin select raise(abort, 'cut off'); end",
    );
    await expect(world.auth.users.update(ann.id, changed, "new secret")).rejects.toThrow("cut off");
    await expect(world.auth.users.update(ann.id, changed, "")).rejects.toMatchObject({ kind: "invalid-config" });
    expect(await world.auth.users.credential("ann")).toEqual(before);
    world.store.connection.exec("drop trigger no_password");
    await world.auth.users.update(ann.id, changed, "new secret");
    const after = await world.auth.users.credential("ann");
    expect(after?.user).toMatchObject({ basePath: "/new" });
    expect(after?.stored).not.toBe(before?.stored);
  } finally {
    await world.close();
  }
});
