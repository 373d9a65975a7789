/** AList's permission bits, and what may be done with which (alist-api.md §4.7). */

/** What a caller wants. The `webdav-` ones are for that front: AList asks two bits there. */
export type Action =
  | "read"
  | "refresh"
  | "write"
  | "rename"
  | "move"
  | "copy"
  | "remove"
  | "share"
  | "webdav-read"
  | "webdav-properties"
  | "webdav-write"
  | "webdav-move"
  | "webdav-copy"
  | "webdav-remove";

/** The bits by AList's names, in their order. */
export const BIT = {
  see_hides: 1 << 0,
  access_without_password: 1 << 1,
  offline_download: 1 << 2,
  write: 1 << 3,
  rename: 1 << 4,
  move: 1 << 5,
  copy: 1 << 6,
  delete: 1 << 7,
  webdav_read: 1 << 8,
  webdav_manage: 1 << 9,
  ftp_read: 1 << 10,
  ftp_manage: 1 << 11,
  read_archives: 1 << 12,
  decompress: 1 << 13,
  /** OpenList's: to share, and to choose a share's id. */
  share: 1 << 14,
  choose_share_id: 1 << 15,
} as const;

/** What the administrator has: all bits, in each dialect. */
export const ALL_BITS = 0xffff;
/** The largest value that a dialect knows: 17 bits. */
export const MOST_BITS = 0x1ffff;

/** The bits that change nothing. */
export const READING_BITS =
  BIT.see_hides | BIT.access_without_password | BIT.webdav_read | BIT.ftp_read | BIT.read_archives;

/** Any one set of bits is enough; all bits of the set are needed. */
const NEEDED: Readonly<Record<Action, readonly number[]>> = {
  read: [0],
  refresh: [BIT.write],
  write: [BIT.write],
  rename: [BIT.rename],
  move: [BIT.move],
  copy: [BIT.copy],
  remove: [BIT.delete],
  share: [BIT.share],
  "webdav-read": [BIT.webdav_read],
  "webdav-properties": [BIT.webdav_manage],
  "webdav-write": [BIT.webdav_manage | BIT.write],
  "webdav-move": [BIT.webdav_manage | BIT.move, BIT.webdav_manage | BIT.rename],
  "webdav-copy": [BIT.webdav_manage | BIT.copy],
  "webdav-remove": [BIT.webdav_manage | BIT.delete],
};

/** Whether bits are enough for an action. */
export function allows(bits: number, action: Action): boolean {
  return NEEDED[action].some((needed) => (bits & needed) === needed);
}
