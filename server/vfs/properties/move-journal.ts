/**
 * Moves on their way in storages whose ids are paths. What is remembered of a file is found by its id there: a crash after the storage has moved it, and
 * before its row has followed, would lose the row, or leave the one of what was replaced on the file that came. A row of the journal bridges that.
 */
import { z } from "zod";
import { kindOf } from "#drivers/contract/errors.ts";
import type { CallOptions, Entry, Mount } from "#drivers/contract/mount.ts";
import type { Store } from "../../store/store.ts";
import type { FoundNode } from "../lookup.ts";
import { entryOf } from "../tree/tree.ts";
import type { RememberedNodes } from "./remembered-nodes.ts";

/** One move whose outcome is written down as soon as it is known. */
export interface MoveOnItsWay {
  /** The storage has moved it, and of what it replaced nothing is remembered any more. */
  placed(): Promise<void>;
  /** All that is remembered has followed, or nothing was moved. */
  end(): Promise<void>;
}

const entrySchema = z.looseObject({ id: z.string(), name: z.string(), kind: z.enum(["file", "directory"]) });
const stateSchema = z.object({
  stage: z.enum(["moving", "placed"]),
  entry: entrySchema.extend({ size: z.number().optional() }),
  fromParent: entrySchema,
  toParent: entrySchema,
  /** As the storage calls it there. */
  toName: z.string(),
});
type State = z.output<typeof stateSchema>;

export interface MoveJournalOptions {
  readonly store: Pick<Store, "db">;
  readonly remembered: Pick<RememberedNodes, "hasAny" | "follow">;
}

export class MoveJournal {
  readonly #db: Store["db"];
  readonly #remembered: MoveJournalOptions["remembered"];

  constructor({ store, remembered }: MoveJournalOptions) {
    this.#db = store.db;
    this.#remembered = remembered;
  }

  /** Before a storage moves something to a name; undefined where a crash could part nothing. */
  async begin(from: FoundNode, toParent: FoundNode, toName: string): Promise<MoveOnItsWay | undefined> {
    const { storage, node, parent } = from;
    if (storage !== toParent.storage || storage.traits.ids !== "path" || !parent) return undefined;
    const replaced = storage.tree.lookup(toParent.node, storage.tree.toVisible(toName));
    const isAtStake = [node, replaced].some((one) => one && this.#remembered.hasAny(storage.id, one));
    if (!isAtStake) return undefined;
    const entries = { entry: entryOf(node), fromParent: entryOf(parent), toParent: entryOf(toParent.node) };
    const state = { stage: "moving", ...entries, toName } as const;
    const { id } = await this.#db
      .insertInto("moving")
      .values({ storage_id: storage.id, state: JSON.stringify(state) })
      .returning("id")
      .executeTakeFirstOrThrow();
    return {
      placed: async () => {
        const text = JSON.stringify({ ...state, stage: "placed" });
        await this.#db.updateTable("moving").set({ state: text }).where("id", "=", id).execute();
      },
      end: async () => {
        await this.#db.deleteFrom("moving").where("id", "=", id).execute();
      },
    };
  }

  /** Lets what is remembered follow the moves of a storage that a crash cut off. Call it when the storage is opened, before anything else is asked of it. */
  async settle(storageId: number, mount: Mount, o: CallOptions): Promise<void> {
    const rows = await this.#db.selectFrom("moving").selectAll().where("storage_id", "=", storageId).execute();
    for (const { id, state: text } of rows) {
      const state = stateSchema.parse(JSON.parse(text));
      const moved = await movedTo(mount, state, o);
      const end = this.#db.deleteFrom("moving").where("id", "=", id);
      if (!moved) await end.execute();
      else {
        await this.#remembered.follow(storageId, state.entry, moved, {
          replaces: state.stage === "moving",
          also: (trx) => trx.deleteFrom("moving").where("id", "=", id).execute(),
        });
      }
    }
  }
}

/** What came to the new name; undefined where the move was not made, or something else lies there. */
async function movedTo(mount: Mount, state: State, o: CallOptions): Promise<Entry | undefined> {
  const { entry, fromParent, toParent, toName } = state;
  if (await child(mount, fromParent, entry.name, o)) return undefined;
  const found = await child(mount, toParent, toName, o);
  return found?.kind === entry.kind && found.size === entry.size ? found : undefined;
}

async function child(
  mount: Mount,
  parent: z.output<typeof entrySchema>,
  name: string,
  o: CallOptions,
): Promise<Entry | undefined> {
  try {
    for await (const page of mount.list(parent as Entry, o)) {
      const found = page.find((entry) => entry.name === name);
      if (found) return found;
    }
    return undefined;
  } catch (error) {
    if (kindOf(error) === "not-found") return undefined;
    throw error;
  }
}
