/** A file that is to be stored. */
import type { UploadSource } from "../../contract/mount.ts";
import type { Strategy } from "../file-api.ts";

export interface Sending {
  /** The id that it is sent for. */
  readonly id: string;
  readonly strategy: Strategy;
  readonly source: UploadSource;
  /** Bytes. */
  readonly size: number;
}
