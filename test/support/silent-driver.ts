/** A folder for tests whose uploads are silent for long after their last byte, as services are that put a large file together. Named in PANDAV_DRIVERS. */
import { PassThrough } from "node:stream";
import { setTimeout as sleep } from "node:timers/promises";
import { z } from "zod";
import { type AnyDriver, defineDriver } from "#drivers/contract/driver.ts";
import { local } from "#drivers/local/index.ts";

const settings = z.object({
  root: z.string().meta({ title: "Folder", description: "Where the files are." }),
  silentMs: z.number().meta({ title: "Silence", description: "Milliseconds after the last byte of an upload." }),
});

export const silent: AnyDriver = defineDriver({
  ...{ id: "silent", title: "Silent", aliases: [], settings },
  traits: { ...local.traits, upload: { source: "seekable", size: "required" }, cheapStat: false, freshness: 0 },
  async open({ root, silentMs }, env, o) {
    const mount = await local.open({ root, verify_writes: false }, env, o);
    return {
      ...mount,
      async upload(parent, name, source, o) {
        const open = async () => {
          const body = new PassThrough({
            flush: (done) => void sleep(silentMs, undefined, { signal: o.signal }).then(() => done(), done),
          });
          const from = await source.open();
          from.once("error", (error) => body.destroy(error)).pipe(body);
          return body;
        };
        return mount.upload!(parent, name, { ...source, hashes: source.hashes, kind: "stream", open }, o);
      },
    };
  },
});

/** What PANDAV_DRIVERS asks a module for. */
export const drivers = [silent];
