/** Where a multistatus of unknown length goes while it is written: as it is, or compressed on the way; slow clients hold up the writer. */
import type { ServerResponse } from "node:http";
import { pipeline } from "node:stream/promises";
import { createCompressor } from "#server/http/content-coding.ts";
import { drained } from "#server/http/send.ts";

/** A body on its way. Its head is out. */
export interface Outlet {
  /** Resolves when more can be taken, or the client is gone. */
  write(bytes: Buffer): Promise<void>;
  end(bytes: Buffer): Promise<void>;
}

/** Sends bytes as they are. */
export function plainOutlet(response: ServerResponse): Outlet {
  return {
    async write(bytes) {
      response.write(bytes);
      await drained(response);
    },
    async end(bytes) {
      response.end(bytes);
    },
  };
}

/** Sends bytes compressed; `onBytes` is shown what goes out. */
export function gzipOutlet(response: ServerResponse, onBytes: (bytes: Buffer) => void): Outlet {
  const compressor = createCompressor();
  const sent = pipeline(compressor, response);
  // Of a client that leaves the writer learns by its signal.
  sent.catch(ignore);
  compressor.on("data", onBytes);
  return {
    async write(bytes) {
      if (compressor.destroyed || compressor.write(bytes) || compressor.destroyed) return;
      await new Promise<void>((resolve) => {
        const done = () => {
          compressor.off("drain", done).off("close", done);
          resolve();
        };
        compressor.on("drain", done).on("close", done);
      });
    },
    async end(bytes) {
      if (!compressor.destroyed) compressor.end(bytes);
      await sent;
    },
  };
}

function ignore(): void {}
