/** `PUT /api/fs/form`: a file as the field `file` of a form (alist-api.md §7.2). */
import { openBody } from "../http/body.ts";
import { openFormFile } from "../http/form-file.ts";
import { ApiError } from "./envelope.ts";
import { replyWith, storeUpload, taskOf, type UploadDeps } from "./put-handler.ts";
import { type RawHandler, rawHandler } from "./raw.ts";
import { announcedUpload } from "./upload-headers.ts";

/** Where the raw handler listens. */
export const FORM_PATH = "/api/fs/form";

/** Answers as `PUT /api/fs/put` does. Never rejects. */
export function createFormHandler(deps: UploadDeps): RawHandler {
  return rawHandler(
    deps,
    {
      async PUT(call) {
        const { request, response, user, rights } = call;
        const announced = announcedUpload(request, user);
        // Before the body is asked for.
        rights.demandVerb("write", announced.path);
        const body = openBody(request, response);
        const file = await openFormFile(body, request.headers["content-type"], "file");
        if (!file) throw new ApiError(500, 'the form has no field "file": http: no such file');
        const stored = await storeUpload(call, announced, file, announced.size);
        replyWith(call, await taskOf(call, announced, stored, deps));
      },
    },
    { wire: "alist" },
  );
}
