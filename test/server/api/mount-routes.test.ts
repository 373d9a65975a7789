import { expect, it, onTestFinished } from "vitest";
import { StorageError } from "#drivers/contract/errors.ts";
import { createMemoryDriver } from "#drivers/memory/index.ts";
import { forever } from "#test/support/vfs.ts";
import { openApi } from "./world.ts";

it("usage: one dead mount takes nothing from what the others tell, and says why it tells nothing (architecture.md §1)", async () => {
  const plain = createMemoryDriver();
  let isDead = false;
  const mortal: typeof plain = {
    ...plain,
    id: "mortal",
    aliases: ["Mortal"],
    async open(settings, env, o) {
      if (isDead) throw new StorageError("unavailable", "the service is gone");
      return plain.open(settings, env, o);
    },
  };
  const api = await openApi({ drivers: [plain, mortal] });
  onTestFinished(() => api.close());
  const { storages } = api.deps.vfs;
  const { id } = await storages.add({ mountPath: "/mortal", driver: "mortal", settings: {} }, forever);
  await storages.disable(id);
  isDead = true;
  await storages.enable(id, forever);
  const { code, data } = await api.get("/api/pandav/usage");
  expect([code, data]).toEqual([
    200,
    [
      expect.objectContaining({ mountPath: "/local", driver: "memory" }),
      {
        mountPath: "/mortal",
        driver: "mortal",
        failure: { kind: "unavailable", message: expect.stringContaining("the service is gone") },
      },
    ],
  ]);
  expect(await api.get("/api/pandav/usage?path=/mortal")).toMatchObject({ kind: "unavailable" });
});
