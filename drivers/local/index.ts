/** The driver `local`: a folder of the machine that the server runs on. */
import { defineDriver } from "../contract/driver.ts";
import { localAlist } from "./alist.ts";
import { localSettings } from "./config.ts";
import { TIME_PRECISION_MS } from "./entries.ts";
import { createLocalMount } from "./mount.ts";

/** Mounts a folder of the server's machine. Opening asks nothing of the disk; `root()` checks that the folder is there. */
export const local = defineDriver({
  id: "local",
  title: "Local folder",
  aliases: ["Local"],
  settings: localSettings,
  traits: {
    ids: "path",
    names: { maxBytes: 255 },
    hashes: [],
    modifiedAtPrecisionMs: TIME_PRECISION_MS,
    setsModifiedAt: true,
    upload: { source: "stream", size: "optional" },
    replace: "atomic",
    collision: "error",
    cheapStat: true,
  },
  alist: localAlist,
  open: async (settings, env) => createLocalMount(settings, env),
});
