/** What is made and said when a data folder is new. */
import { mkdirSync } from "node:fs";
import { filesFolder } from "../store/data-folder.ts";
import type { Storages } from "../vfs/api.ts";

/** A data folder that this start made. */
export interface FirstStart {
  /** The administrator's password, where it was made up. */
  readonly password?: string;
}

/** Where the first mount is. */
const FIRST_MOUNT = "/local";

/** What people type to call it: a checkout runs its sources, the npm package its bundle. */
const CALLED = import.meta.filename.endsWith(".ts")
  ? { pandav: "npx pandav", serve: "npm start --" }
  : { pandav: "pandav", serve: "pandav serve" };

/** Mounts `<data>/files` at `/local`. */
export async function addFirstMount(storages: Storages, dataDir: string, signal: AbortSignal): Promise<void> {
  const root = filesFolder(dataDir);
  mkdirSync(root, { recursive: true, mode: 0o700 });
  await storages.add({ mountPath: FIRST_MOUNT, driver: "local", settings: { root } }, { signal });
}

/** The account, to be printed before anything else can fail: it is shown once. */
export function accountLines({ password }: FirstStart, dataDir: string): string {
  const how = password
    ? `password ${password} (shown only now; "${CALLED.pandav} user passwd" changes it)`
    : "with the password of PANDAV_ADMIN_PASSWORD";
  return [
    `First start: the data folder is ${dataDir}`,
    `  Account   admin, ${how}`,
    `  Files     ${FIRST_MOUNT} is the folder ${filesFolder(dataDir)}`,
    "",
  ].join("\n");
}

/** How to reach a server that listens. */
export function reachLines({ password }: FirstStart, url: string, isLocalOnly: boolean): string {
  const reach = isLocalOnly ? ` (this machine only; "${CALLED.serve} --host 0.0.0.0" opens it to others)` : "";
  return [
    `  Address   ${url}${reach}`,
    `  WebDAV    ${url}/dav`,
    `  rclone    rclone config create pandav webdav url=${url}/dav vendor=owncloud user=admin pass=${password ?? "…"}`,
    "",
  ].join("\n");
}
