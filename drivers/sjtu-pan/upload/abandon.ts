/** Letting go of an upload that will not be finished (sjtu-pan.md §4.6). */
import type { CallOptions } from "../../contract/mount.ts";
import type { PanContext } from "../mount.ts";

/** Longest time for that, in milliseconds: whoever called the upload off waits for it. */
const ABANDON_MS = 4000;

/** Tells the service that an upload will not be finished; what fails here changes nothing for anybody. */
export async function abandon(context: PanContext, confirmKey: string, o: CallOptions): Promise<void> {
  try {
    const { priority } = o;
    await context.api.abortUpload(confirmKey, {
      signal: AbortSignal.timeout(ABANDON_MS),
      ...(priority && { priority }),
    });
  } catch (error) {
    context.env.log.debug({ failure: error }, "an unfinished upload could not be given up");
  }
}
