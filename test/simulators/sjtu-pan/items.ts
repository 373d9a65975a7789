/** Files and directories as the API shows them (sjtu-pan.md §3.2, appendix A). */
import type { FileData, TreeNode } from "./tree.ts";
import { isFile } from "./tree.ts";
import type { Space, World } from "./world.ts";

const FILE_TYPES: readonly (readonly [string, RegExp])[] = [
  ["text", /^(txt|md|csv|json|xml|html|log|c|py|js|ts)$/],
  ["word", /^docx?$/],
  ["excel", /^xlsx?$/],
  ["powerpoint", /^pptx?$/],
  ["portable", /^pdf$/],
  ["image", /^(jpe?g|png|gif|webp|bmp|heic)$/],
  ["video", /^(mp4|mkv|mov|avi|webm)$/],
  ["audio", /^(mp3|flac|wav|aac|m4a|ogg)$/],
  ["archive", /^(zip|rar|7z|gz|tar|xz)$/],
];

/** Rights on a directory. */
export const AUTHORITY = {
  canView: true,
  canPreview: true,
  canDownload: true,
  canUpload: true,
  canDelete: true,
  canModify: true,
  canShare: true,
};

/** A time as the API writes it: UTC with milliseconds. */
export function isoTime(ms: number): string {
  return new Date(ms).toISOString();
}

/** A size: a decimal string, or a number behind a knob (sjtu-pan.md §11). */
export function wireSize(world: World, bytes: number): string | number {
  return world.knobs.numericSizes ? bytes : String(bytes);
}

/** A node as a listing's element. Directories have no `size` at all (sjtu-pan.md §12.6). */
export function itemOf(world: World, space: Space, node: TreeNode): Record<string, unknown> {
  const common = {
    name: node.name,
    type: isFile(node) ? "file" : "dir",
    path: space.tree.pathOf(node),
    userId: String(world.ownerOf(space).userId),
    creationTime: isoTime(node.createdAt),
    modificationTime: isoTime(node.modifiedAt),
  };
  const audit = {
    virusAuditStatus: node.audit.virus ?? 0,
    sensitiveWordAuditStatus: node.audit.sensitive ?? 0,
  };
  if (!isFile(node)) return { ...common, eTag: `d-${node.id}`, ...audit };
  return {
    ...common,
    ...fileFields(world, node.file),
    ...kindFields(node.name),
    versionId: node.file.versionId,
    ...audit,
  };
}

/** What belongs to a file's bytes. */
export function fileFields(world: World, file: FileData): Record<string, unknown> {
  return {
    contentType: file.contentType,
    size: wireSize(world, file.size),
    eTag: `"${file.eTag}"`,
    ...(file.crc64 !== undefined && { crc64: file.crc64 }),
    metaData: {},
  };
}

/** What follows from a file's name. */
export function kindFields(name: string): Record<string, unknown> {
  const ending = name.slice(name.lastIndexOf(".") + 1).toLowerCase();
  const fileType = FILE_TYPES.find(([, pattern]) => pattern.test(ending))?.[0] ?? "other";
  return {
    fileType,
    previewByDoc: ["text", "word", "excel", "powerpoint", "portable"].includes(fileType),
    previewByCI: ["text", "image", "video"].includes(fileType),
    previewAsIcon: fileType === "image",
  };
}
