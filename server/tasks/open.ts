/** The tasks of a data folder with all kinds that there are. */
import type { Auth } from "../auth/auth.ts";
import { defaultOf, type Settings } from "../store/settings.ts";
import type { Vfs } from "../vfs/api.ts";
import type { Tasks } from "./api.ts";
import { deleteKind } from "./delete-kind.ts";
import { type EngineParts, openEngine } from "./engine.ts";
import type { AnyKind } from "./kind.ts";
import { transferKind } from "./transfer/kinds.ts";
import { uploadKind } from "./upload-kind.ts";

export interface TasksParts extends Pick<EngineParts, "store" | "clock" | "log" | "jitter"> {
  readonly auth: Pick<Auth, "users" | "permissions">;
  /** How many run at once is asked of it each time; absent: the defaults. */
  readonly settings?: Pick<Settings, "get">;
  readonly vfs: Vfs;
  /** The same, where deletions that somebody asked for are told of. Default `vfs`. */
  readonly recording?: Vfs;
  /** Beside copy, move, delete and upload. */
  readonly kinds?: readonly AnyKind[];
}

const DEFAULTS: Pick<Settings, "get"> = { get: (key) => defaultOf(key)! };

/** Opens them; they run once `start` is called. */
export function openTasks({
  auth,
  settings = DEFAULTS,
  vfs,
  recording = vfs,
  kinds = [],
  ...parts
}: TasksParts): Promise<Tasks> {
  const { users, permissions } = auth;
  const all = [
    transferKind("copy", vfs, settings),
    transferKind("move", vfs, settings),
    deleteKind(recording),
    uploadKind(vfs),
    ...kinds,
  ];
  return openEngine({ ...parts, users, permissions, kinds: all });
}
