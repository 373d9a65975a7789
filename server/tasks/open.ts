/** The tasks of a data folder with all kinds that there are. */
import type { Auth } from "../auth/auth.ts";
import type { Vfs } from "../vfs/api.ts";
import type { Tasks } from "./api.ts";
import { deleteKind } from "./delete-kind.ts";
import { type EngineParts, openEngine } from "./engine.ts";
import type { AnyKind } from "./kind.ts";
import { transferKind } from "./transfer/kinds.ts";
import { uploadKind } from "./upload-kind.ts";

export interface TasksParts extends Pick<EngineParts, "store" | "clock" | "log" | "jitter"> {
  readonly auth: Pick<Auth, "users" | "permissions">;
  readonly vfs: Vfs;
  /** The same, where deletions that somebody asked for are told of. Default `vfs`. */
  readonly recording?: Vfs;
  /** Beside copy, move, delete and upload. */
  readonly kinds?: readonly AnyKind[];
}

/** Opens them; they run once `start` is called. */
export function openTasks({ auth, vfs, recording = vfs, kinds = [], ...parts }: TasksParts): Promise<Tasks> {
  const { users, permissions } = auth;
  const all = [transferKind("copy", vfs), transferKind("move", vfs), deleteKind(recording), uploadKind(vfs), ...kinds];
  return openEngine({ ...parts, users, permissions, kinds: all });
}
