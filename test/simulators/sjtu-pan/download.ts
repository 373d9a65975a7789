/** GET of a file: a redirect to the store (sjtu-pan.md §5.1). */
import { type ApiRoute, expectOneOf } from "./api-call.ts";
import { fileAt } from "./directory.ts";
import { kindFields } from "./items.ts";
import { presign } from "./presign.ts";
import { redirect } from "./wire.ts";

const SIGNED = ["content_disposition", "purpose", "history_id", "traffic_limit"];
const PREVIEW = ["preview", "size", "width_size", "height_size", "scale", "frame_number", "type", "mobile"];

export const DOWNLOAD: ApiRoute = {
  name: "api.download",
  query: ["download", ...SIGNED],
  run(api) {
    expectOneOf(api, "purpose", ["download", "preview", "list"]);
    return redirect(presign(api, fileAt(api)).url);
  },
};

/** The preview of an image is the image itself here. */
export const FILE_PREVIEW: ApiRoute = {
  name: "api.preview",
  query: [...PREVIEW, ...SIGNED],
  run(api) {
    const node = fileAt(api);
    const { previewByCI, previewByDoc } = kindFields(node.name);
    if (!previewByCI && !previewByDoc) return api.call.refuse("query", "this file has no preview");
    return redirect(presign(api, node).url);
  },
};
