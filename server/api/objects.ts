/** Files and directories as AList's clients read them (alist-api.md §5.1). */
import type { Signatures } from "../auth/link-signature.ts";
import type { User } from "../auth/users.ts";
import type { Settings } from "../store/settings.ts";
import type { Resource } from "../vfs/resource.ts";
import type { Obj } from "./schemas.ts";
import { shownPath } from "./user-path.ts";

/** AList's types by extension, asked in this order (alist-api.md §5.1). */
const TYPES = [
  ["audio_types", 3],
  ["video_types", 2],
  ["image_types", 5],
  ["text_types", 4],
] as const;

/** Go's zero time: what AList writes where a time is unknown (alist-api.md §2). */
const UNKNOWN_TIME = "0001-01-01T00:00:00Z";

/** The type of a file by its name; the lists of extensions are read once, so make one per request. */
export function typesOf(settings: Settings): (name: string) => number {
  const types = new Map<string, number>();
  for (const [key, type] of [...TYPES].reverse()) {
    for (const extension of settings.get(key).split(",")) types.set(extension.trim().toLowerCase(), type);
  }
  return (name) => types.get(name.slice(name.lastIndexOf(".") + 1).toLowerCase()) ?? 0;
}

/** Writes objects for one user; the lists of extensions are read once, so make one per request. */
export function createObjects(settings: Settings, signatures: Signatures, user: Pick<User, "basePath">) {
  const typeOf = typesOf(settings);

  /** `id` and `path` are empty: they would show the storage's inside (alist-api.md §21). */
  function toObj(resource: Resource): Obj {
    const isDirectory = resource.kind === "directory";
    const modified = toTime(resource.modifiedAt);
    return {
      id: "",
      path: "",
      virtual_path: shownPath(user, resource.path),
      name: resource.name || "root",
      size: resource.size ?? 0,
      is_dir: isDirectory,
      modified,
      created: resource.createdAt === undefined ? modified : toTime(resource.createdAt),
      sign: isDirectory || !signatures.isNeeded(resource.path) ? "" : signatures.sign(resource.path),
      thumb: "",
      type: isDirectory ? 1 : typeOf(resource.name),
      ...toHashes(resource),
    };
  }
  return {
    /** A row of a listing. */
    toRow: (resource: Resource): Obj => ({ ...toObj(resource), label_list: null }),
    /** The object of `/fs/get`, where a folder has type 0 (alist-api.md §5.1). */
    toSingle: (resource: Resource): Obj => {
      const obj = toObj(resource);
      return obj.is_dir ? { ...obj, type: 0 } : obj;
    },
  };
}

function toHashes({ hashes }: Resource): Pick<Obj, "hashinfo" | "hash_info"> {
  const sorted = Object.entries(hashes ?? {}).sort(([a], [b]) => (a < b ? -1 : 1));
  if (sorted.length === 0) return { hashinfo: "null", hash_info: null };
  const object = Object.fromEntries(sorted) as Record<string, string>;
  return { hashinfo: JSON.stringify(object), hash_info: object };
}

/** RFC 3339 in the server's zone, with as many digits of the second as are known: at most microseconds, for a double holds no more (alist-api.md §2). */
export function toTime(ms: number | undefined): string {
  if (ms === undefined) return UNKNOWN_TIME;
  const whole = Math.floor(ms);
  const at = new Date(whole);
  const year = at.getFullYear();
  if (!(year >= 1 && year <= 9999)) return UNKNOWN_TIME;
  const micro = Math.min(999, Math.round((ms - whole) * 1000));
  const fraction = `${pad(at.getMilliseconds(), 3)}${pad(micro, 3)}`.replace(/0+$/, "");
  const date = `${pad(year, 4)}-${pad(at.getMonth() + 1, 2)}-${pad(at.getDate(), 2)}`;
  const time = `${pad(at.getHours(), 2)}:${pad(at.getMinutes(), 2)}:${pad(at.getSeconds(), 2)}`;
  return `${date}T${time}${fraction && `.${fraction}`}${zone(-at.getTimezoneOffset())}`;
}

function zone(minutes: number): string {
  if (minutes === 0) return "Z";
  const size = Math.abs(minutes);
  return `${minutes < 0 ? "-" : "+"}${pad(Math.floor(size / 60), 2)}:${pad(Math.floor(size % 60), 2)}`;
}

function pad(value: number, width: number): string {
  return String(value).padStart(width, "0");
}
