/** Regular expressions whose time is bounded: RE2's syntax less what a name needs not, run as a set of states, never by trying again. */
import { type Node, parsePattern } from "./pattern-syntax.ts";

/** Most states of one pattern; repetitions are written out, so that `(a{1,50}){1,50}` would have thousands. */
const MOST_STATES = 1_000;
/** Most sets of states that are remembered; they are made anew when there are more. */
const MOST_KNOWN_SETS = 200;
/** Most steps of writing a pattern out: `((){1000}){1000}` has no state at all. */
const MOST_STEPS = 20_000;

/** One state of the machine: reads a character that fits, or goes on without one. */
type State =
  | { readonly kind: "character"; readonly fits: (point: number) => boolean; next: number }
  | { readonly kind: "split"; next: number; other: number }
  | { readonly kind: "begin" | "end" | "boundary" | "no-boundary"; next: number }
  | { readonly kind: "found" };

/** True for texts in which the pattern is found. */
export type Matcher = (text: string) => boolean;

/**
 * A matcher of one pattern, found anywhere in a text unless it is anchored, as RE2 finds it. Takes at most states times characters, whatever the pattern.
 * Throws Error naming what is wrong with a pattern that cannot be: bad syntax, look-around and back-references, which no bounded machine knows, and too many states.
 */
export function linearPattern(source: string): Matcher {
  const { node, ignoreCase } = parsePattern(source);
  const machine = compile(node);
  const fold = (text: string) => (ignoreCase ? text.toLowerCase() : text);
  return (text) => runs(machine, fold(text));
}

interface Machine {
  readonly states: readonly State[];
  readonly start: number;
  /** Sets of states by what was read so far: most names need one look per character. */
  readonly known: Map<string, StateSet>;
}

interface StateSet {
  readonly states: readonly number[];
  readonly isFound: boolean;
  readonly after: Map<number, StateSet>;
}

function compile(node: Node): Machine {
  const states: State[] = [{ kind: "found" }];
  let steps = 0;
  const add = (state: State): number => {
    if (states.length >= MOST_STATES) throw new Error(`it has more than ${MOST_STATES} states`);
    return states.push(state) - 1;
  };
  /** The state that matches `one` and then goes on at `next`. */
  const build = (one: Node, next: number): number => {
    if (++steps > MOST_STEPS) throw new Error("its repetitions are too many");
    switch (one.kind) {
      case "character":
        return add({ kind: "character", fits: one.fits, next });
      case "begin":
      case "end":
      case "boundary":
      case "no-boundary":
        return add({ kind: one.kind, next });
      case "sequence":
        return one.parts.reduceRight((after, part) => build(part, after), next);
      case "choice":
        return one.options
          .map((option) => build(option, next))
          .reduceRight((other, option) => add({ kind: "split", next: option, other }));
      case "repeat":
        return repeat(one, next);
    }
  };
  const repeat = ({ node: inner, min, max }: Extract<Node, { kind: "repeat" }>, next: number): number => {
    let at = next;
    if (max === undefined) {
      const loop = add({ kind: "split", next, other: next }) as number;
      (states[loop] as { other: number }).other = build(inner, loop);
      at = loop;
    } else {
      for (let i = min; i < max; i++) at = add({ kind: "split", next, other: build(inner, at) });
    }
    for (let i = 0; i < min; i++) at = build(inner, at);
    return at;
  };
  return { start: build(node, 0), states, known: new Map() };
}

/** Reads a text; a new try begins at every character, all in the same set. */
function runs(machine: Machine, text: string): boolean {
  const points = Array.from(text, (character) => character.codePointAt(0)!);
  let set = closure(machine, [machine.start], contextAt(points, 0));
  for (let i = 0; i < points.length; i++) {
    if (set.isFound) return true;
    set = step(machine, set, points, i);
  }
  return set.isFound;
}

function step(machine: Machine, set: StateSet, points: readonly number[], at: number): StateSet {
  const point = points[at]!;
  const context = contextAt(points, at + 1);
  const key = point * 8 + context;
  const known = set.after.get(key);
  if (known) return known;
  const next: number[] = [machine.start];
  for (const index of set.states) {
    const state = machine.states[index]!;
    if (state.kind === "character" && state.fits(point)) next.push(state.next);
  }
  const made = closure(machine, next, context);
  if (set.after.size < MOST_KNOWN_SETS) set.after.set(key, made);
  return made;
}

/** What anchors need to know of a place: bit 0 the text begins here, bit 1 it ends, bit 2 a word begins or ends. */
function contextAt(points: readonly number[], at: number): number {
  const before = at > 0 && isWord(points[at - 1]!);
  const after = at < points.length && isWord(points[at]!);
  return (at === 0 ? 1 : 0) | (at === points.length ? 2 : 0) | (before === after ? 0 : 4);
}

/** RE2's word characters: ASCII alone. */
function isWord(point: number): boolean {
  return (point >= 48 && point <= 57) || (point >= 65 && point <= 90) || point === 95 || (point >= 97 && point <= 122);
}

/** All states that are reached without reading: those that read, and whether the end is among them. */
function closure(machine: Machine, from: readonly number[], context: number): StateSet {
  const seen = new Set<number>();
  const reading: number[] = [];
  const open = [...from];
  let isFound = false;
  for (let index = open.pop(); index !== undefined; index = open.pop()) {
    if (seen.has(index)) continue;
    seen.add(index);
    const state = machine.states[index]!;
    if (state.kind === "found") isFound = true;
    else if (state.kind === "character") reading.push(index);
    else if (state.kind === "split") open.push(state.next, state.other);
    else if (holds(state.kind, context)) open.push(state.next);
  }
  reading.sort((a, b) => a - b);
  const key = `${isFound ? "!" : ""}${reading.join()}`;
  const known = machine.known.get(key);
  if (known) return known;
  if (machine.known.size >= MOST_KNOWN_SETS) {
    for (const old of machine.known.values()) old.after.clear();
    machine.known.clear();
  }
  const made: StateSet = { states: reading, isFound, after: new Map() };
  machine.known.set(key, made);
  return made;
}

function holds(kind: "begin" | "end" | "boundary" | "no-boundary", context: number): boolean {
  if (kind === "begin") return (context & 1) !== 0;
  if (kind === "end") return (context & 2) !== 0;
  return ((context & 4) !== 0) === (kind === "boundary");
}
