/** The driver `sjtu-pan`: the personal drive of a jAccount at pan.sjtu.edu.cn. */
import { defineDriver } from "../contract/driver.ts";
import { StorageError } from "../contract/errors.ts";
import { sjtuPanAlist } from "./alist.ts";
import { sjtuPanSettings } from "./config.ts";
import type { SjtuCredential } from "./credential.ts";
import { FORBIDDEN_CHARACTERS, MAX_NAME_CHARACTERS } from "./paths.ts";

/** Mounts a folder of the personal drive of an account of the kind `sjtu`. Opening makes no call. */
export const sjtuPan = defineDriver<typeof sjtuPanSettings, SjtuCredential>({
  id: "sjtu-pan",
  title: "SJTU Pan",
  aliases: ["SJTUNetdisk"],
  settings: sjtuPanSettings,
  account: { kind: "sjtu", needed: "always" },
  traits: {
    ids: "path",
    names: { maxCharacters: MAX_NAME_CHARACTERS, forbidden: FORBIDDEN_CHARACTERS },
    // Three calls for nothing, and whether the store takes it is not known (sjtu-pan.md §13, V-06).
    emptyFiles: false,
    hashes: ["crc64"],
    modifiedAtPrecisionMs: 1,
    upload: { source: "stream", size: "required" },
    replace: "atomic",
    collision: "error",
  },
  alist: sjtuPanAlist,
  async open(settings, env) {
    if (!env.account) {
      throw new StorageError("invalid-config", "SJTU Pan needs an account: sign in first (pandav auth)");
    }
    const { createPanMount } = await import("./mount.ts");
    return createPanMount(settings, env, env.account);
  },
});
