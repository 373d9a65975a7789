/** AList's flat form of a local folder (alist-api.md §12.2). */
import { z } from "zod";
import type { AlistForm } from "../contract/driver.ts";
import { StorageError } from "../contract/errors.ts";
import type { localSettings } from "./config.ts";

const NO_EFFECT = "Without effect.";

/** What AList writes where nothing is kept of removed files. */
const REMOVED_FOR_GOOD = "delete permanently";

const fields = z.object({
  root_folder_path: z.string().min(1).meta({
    title: "Folder",
    description: "Absolute path of an existing folder on the server. Nothing outside it can be reached.",
  }),
  directory_size: z.boolean().default(false).meta({ title: "Directory size", description: NO_EFFECT }),
  thumbnail: z.boolean().default(false).meta({ title: "Thumbnails", description: NO_EFFECT }),
  use_ffmpeg: z.boolean().default(false).meta({ title: "Thumbnails of films", description: NO_EFFECT }),
  thumb_cache_folder: z.string().default("").meta({ title: "Folder of thumbnails", description: NO_EFFECT }),
  thumb_concurrency: z.string().default("16").meta({ title: "Thumbnails at once", description: NO_EFFECT }),
  thumb_pixel: z.string().default("").meta({ title: "Width of thumbnails", description: NO_EFFECT }),
  video_thumb_pos: z.string().default("20%").meta({ title: "Place of a film's thumbnail", description: NO_EFFECT }),
  show_hidden: z.boolean().default(true).meta({
    title: "Show hidden",
    description: "Must be on: names are hidden by the rules of a folder.",
  }),
  mkdir_perm: z.string().default("777").meta({ title: "Permissions of folders", description: NO_EFFECT }),
  recycle_bin_path: z.string().default(REMOVED_FOR_GOOD).meta({
    title: "Recycle bin",
    description: "Must be `delete permanently`: removed files are gone.",
  }),
});

/** What AList's `Local` is told. What would show or lose more than its owner expects is refused; thumbnails are ours to make or not. */
export const localAlist: AlistForm<typeof localSettings, unknown> = {
  fields,
  async from(addition) {
    const { root_folder_path, show_hidden, recycle_bin_path } = fields.parse(addition);
    if (!show_hidden) {
      throw new StorageError(
        "invalid-config",
        "show_hidden: hide names by a rule of the folder instead (pattern ^\\.)",
      );
    }
    if (recycle_bin_path !== REMOVED_FOR_GOOD && recycle_bin_path !== "") {
      throw new StorageError("invalid-config", `recycle_bin_path: there is no bin here, only "${REMOVED_FOR_GOOD}"`);
    }
    return { settings: { root: root_folder_path } };
  },
  to: ({ root }) => ({
    root_folder_path: root,
    directory_size: false,
    thumbnail: false,
    use_ffmpeg: false,
    thumb_cache_folder: "",
    thumb_concurrency: "16",
    thumb_pixel: "",
    video_thumb_pos: "20%",
    show_hidden: true,
    mkdir_perm: "777",
    recycle_bin_path: REMOVED_FOR_GOOD,
  }),
};
