/** Whose links a change may have made wrong. */
import type { BatchResult, Entry } from "#drivers/contract/mount.ts";
import type { Traits } from "#drivers/contract/traits.ts";
import type { Call } from "./layer.ts";

/** True for the ids of entries that a change touches. */
export type Touches = (id: string) => boolean;

/** How far the change has come. */
export type ChangeState = "begins" | "failed" | { readonly answer: unknown };

type Touched = Pick<Entry, "id" | "kind">;

/** What a call touches: entries that it writes, moves or removes, and those that take their places. Undefined for calls that change no file. */
export function touchedBy(call: Call, traits: Traits, state: ChangeState): Touches | undefined {
  switch (call.operation) {
    case "remove":
      return any(call.args[0], traits);
    case "setModifiedAt":
      return any([call.args[0]], traits);
    case "upload":
      return targets([call.args[1]], call.args[0], [], traits, state);
    case "move":
      return targets(namesOf(call.args[0], call.args[2].name), call.args[1], call.args[0], traits, state);
    case "copy":
      return targets(namesOf(call.args[0], call.args[2].name), call.args[1], [], traits, state);
    case "receive":
      return targets(namesOf(call.args[0], call.args[3].name), call.args[2], [], traits, state);
    default:
      return undefined;
  }
}

function namesOf(entries: readonly Entry[], name: string | undefined): readonly string[] {
  return name === undefined ? entries.map((entry) => entry.name) : [name];
}

function targets(
  names: readonly string[],
  parent: Entry,
  sources: readonly Entry[],
  traits: Traits,
  state: ChangeState,
): Touches {
  const stored = storedBy(state);
  // What was replaced is known by its path alone; where ids are no paths, it may be any.
  if (traits.ids === "stable" && stored === undefined) return () => true;
  const paths = traits.ids === "stable" ? [] : names.map((name) => childOf(parent, name));
  return any([...sources, ...paths, ...(stored ?? [])], traits);
}

/** The entries that the answer names; undefined where it leaves one open. */
function storedBy(state: ChangeState): readonly Touched[] | undefined {
  if (state === "begins") return [];
  if (state === "failed") return undefined;
  const { answer } = state;
  if (!Array.isArray(answer)) return [answer as Entry];
  const outcomes = answer as BatchResult;
  if (outcomes.some(({ entry, error }) => !entry && !error)) return undefined;
  return outcomes.flatMap(({ entry }) => (entry ? [entry] : []));
}

function childOf(parent: Entry, name: string): Touched {
  return { id: parent.id === "" ? name : `${parent.id}/${name}`, kind: "file" };
}

/** The entries and all below them. */
function any(entries: readonly Touched[], traits: Traits): Touches {
  const ids = new Set(entries.map(({ id }) => id));
  if (traits.ids === "stable") {
    // What lay in a directory does not say so.
    return entries.some(({ kind }) => kind === "directory") ? () => true : (id) => ids.has(id);
  }
  return (id) => {
    for (let end = id.length; end > 0; end = id.lastIndexOf("/", end - 1)) if (ids.has(id.slice(0, end))) return true;
    return ids.has("");
  };
}
