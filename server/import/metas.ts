/** Rules of folders. */
import { StorageError } from "#drivers/contract/errors.ts";
import { parsePath } from "#drivers/contract/path.ts";
import { hidePatterns } from "../auth/hide-patterns.ts";
import type { Metas } from "../auth/metas.ts";
import type { Dump, DumpedMeta } from "./dump.ts";
import type { Imported } from "./imported.ts";
import { notes, remark, type Step } from "./step.ts";

/** One step per folder. */
export function* metaSteps({ metas: dumped }: Pick<Dump, "metas">, metas: Metas, imported: Imported): Generator<Step> {
  for (const meta of dumped) {
    try {
      yield metaStep(meta, metas, imported);
    } catch (error) {
      if (!(error instanceof StorageError)) throw error;
      yield remark("meta", meta.path, "skip", error.message);
    }
  }
}

function metaStep(meta: DumpedMeta, metas: Metas, imported: Imported): Step {
  const path = parsePath(meta.path);
  const mark = JSON.stringify({ ...meta, password: "" });
  if (metas.list().some((one) => one.path === path)) {
    if (imported.has("meta", path, mark)) return remark("meta", path, "same");
    return remark("meta", path, "conflict", "the folder has rules: take those away in the panel, and import again");
  }
  const hide = refusalOf(meta.hide);
  const lists = meta.read_users.length + meta.write_users.length > 0;
  return {
    mark,
    row: {
      what: "meta",
      name: path,
      outcome: "add",
      ...notes(
        hide && `NOTHING IS HIDDEN there until its pattern is mended: ${hide}`,
        lists && "not taken: the lists of users with rights of their own in it",
      ),
    },
    async apply() {
      await metas.create({
        path,
        password: meta.password,
        passwordSub: meta.p_sub,
        write: meta.write,
        writeSub: meta.w_sub,
        hide: hide === undefined ? meta.hide : "",
        hideSub: meta.h_sub,
        readme: meta.readme,
        readmeSub: meta.r_sub,
        header: meta.header,
        headerSub: meta.header_sub,
      });
      return undefined;
    },
  };
}

/** Why these patterns cannot be; a folder's password must not be lost with them. */
function refusalOf(hide: string): string | undefined {
  try {
    hidePatterns(hide);
    return undefined;
  } catch (error) {
    return (error as Error).message;
  }
}
