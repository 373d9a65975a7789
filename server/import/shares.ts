/** OpenList's shares, which this server has in the same form (alist-api.md §14). */
import { StorageError } from "#drivers/contract/errors.ts";
import { parsePath } from "#drivers/contract/path.ts";
import type { Shares } from "../auth/shares.ts";
import type { Users } from "../auth/users.ts";
import type { Dump, DumpedShare } from "./dump.ts";
import type { Imported } from "./imported.ts";
import { ROLE } from "./rights.ts";
import { remark, type Step } from "./step.ts";

export interface ShareParts {
  readonly shares: Shares;
  readonly users: Pick<Users, "find" | "owner">;
  readonly imported: Imported;
}

/** One step per share. */
export async function* shareSteps(dump: Pick<Dump, "shares" | "users">, parts: ShareParts): AsyncGenerator<Step> {
  for (const share of dump.shares) {
    const creator = dump.users.find(({ id }) => id === share.creator_id);
    if (!creator) {
      yield remark("share", share.id, "skip", "whoever made it is not in the file");
      continue;
    }
    const isOwners = creator.role.includes(ROLE.admin);
    yield await shareStep(share, isOwners ? undefined : creator.username, parts);
  }
}

async function shareStep(share: DumpedShare, creator: string | undefined, parts: ShareParts): Promise<Step> {
  const { shares, users, imported } = parts;
  const mark = `${share.id} ${share.files_raw.join("\n")}`;
  if (await shares.get(share.id)) {
    if (imported.has("share", share.id, mark)) return remark("share", share.id, "same");
    return remark(
      "share",
      share.id,
      "conflict",
      "there is a share of that id: delete it in the panel, and import again",
    );
  }
  return {
    mark,
    row: { what: "share", name: share.id, outcome: "add" },
    async apply() {
      const user = creator === undefined ? await users.owner() : await users.find(creator);
      if (!user) throw new StorageError("not-found", `its user ${creator} is not here: import that one first`);
      const expires = Date.parse(share.expires.replace(" ", "T").replace(" ", ""));
      await shares.create(
        user.id,
        {
          files: share.files_raw.map(parsePath),
          code: share.pwd,
          expiresAt: share.expires === "" ? undefined : expiryOf(expires),
          maxAccessed: share.max_accessed,
          disabled: share.disabled,
          remark: share.remark,
          readme: share.readme,
          header: share.header,
        },
        share.id,
      );
      return undefined;
    },
  };
}

/** A time that cannot be read has passed: nothing becomes open by it. */
function expiryOf(time: number): number {
  return Number.isNaN(time) ? 0 : time;
}
