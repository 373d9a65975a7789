/** The driver's own files beside their targets: never listed, and known by their names to the one who made them. */
import type { DriverEnv } from "../contract/driver.ts";

const PREFIX = ".pandav-upload-";

/** What ends the name of a folder that keeps a replaced entry, under its own name, until the new one is in its place. */
const KEEPER = ".old";

/** Where the mount's state names those who made temporary files through it, the latest first. */
const STATE_KEY = "temporary-file-makers";

/** Makers remembered. Files of earlier ones go by age. */
const MOST_MAKERS = 50;

/** True for names that are never listed. */
export function isHidden(name: string): boolean {
  return name.startsWith(PREFIX);
}

/** True for the folder of a replaced entry. */
export function isKeeper(name: string): boolean {
  return isHidden(name) && name.endsWith(KEEPER);
}

/** The names that this process is using now, through whatever mount: two may show one folder. */
const inUse = new Set<string>();

/**
 * The temporary names of one opened mount. Each holds who made it, and the mount's durable state says who did before: since one process at a time
 * has a data folder, whoever is named there and is not of this process is dead.
 */
export class TemporaryNames {
  readonly #env: Pick<DriverEnv, "random" | "state" | "log">;
  readonly #maker: string;
  #earlier: Promise<ReadonlySet<string>> | undefined;
  #recorded: Promise<void> | undefined;

  constructor(env: Pick<DriverEnv, "random" | "state" | "log">) {
    this.#env = env;
    this.#maker = this.#random();
  }

  /** A new name, for a file or folder in the making or for the keeper of what is replaced; give it back with `release`. */
  async take(what: "new" | "keeper" = "new"): Promise<string> {
    this.#recorded ??= this.#record();
    await this.#recorded;
    const name = `${PREFIX}${this.#maker}-${this.#random()}${what === "keeper" ? KEEPER : ""}`;
    inUse.add(name);
    return name;
  }

  release(name: string): void {
    inUse.delete(name);
  }

  isInUse(name: string): boolean {
    return inUse.has(name);
  }

  /** True when nobody can be using the name any more: its maker is known, and dead. */
  async isLeftBehind(name: string): Promise<boolean> {
    const maker = name.slice(PREFIX.length).split("-")[0] ?? "";
    return !inUse.has(name) && (await this.#makersBefore()).has(maker);
  }

  /** Durable before the first name is given out. Where it cannot be stored, files that a crash leaves go by age. */
  async #record(): Promise<void> {
    const { state, log } = this.#env;
    if (!state) return;
    try {
      const earlier = await this.#makersBefore();
      await state.set(STATE_KEY, [this.#maker, ...earlier].slice(0, MOST_MAKERS));
    } catch (error) {
      log.warn({ err: error }, "who makes temporary files could not be stored");
    }
  }

  #makersBefore(): Promise<ReadonlySet<string>> {
    this.#earlier ??= this.#readMakers();
    return this.#earlier;
  }

  async #readMakers(): Promise<ReadonlySet<string>> {
    const stored = await this.#env.state?.get(STATE_KEY);
    return new Set(Array.isArray(stored) ? stored.filter((maker) => typeof maker === "string") : []);
  }

  #random(): string {
    return Buffer.from(this.#env.random(6)).toString("hex");
  }
}
