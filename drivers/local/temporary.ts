/** The driver's own files beside their targets: never listed, and swept when a crash left them behind. */
import type { DriverEnv } from "../contract/driver.ts";

const PREFIX = ".pandav-upload-";

/** Age at which a temporary file that nobody here is writing is garbage, in milliseconds. */
export const TEMPORARY_LIFETIME_MS = 24 * 3600 * 1000;

/** True for names that are never listed. */
export function isHidden(name: string): boolean {
  return name.startsWith(PREFIX);
}

/** The temporary names that one mount is using now. */
export class TemporaryNames {
  readonly #env: Pick<DriverEnv, "random">;
  readonly #inUse = new Set<string>();

  constructor(env: Pick<DriverEnv, "random">) {
    this.#env = env;
  }

  /** A new name; give it back with `release`. */
  take(): string {
    const name = PREFIX + Buffer.from(this.#env.random(9)).toString("hex");
    this.#inUse.add(name);
    return name;
  }

  release(name: string): void {
    this.#inUse.delete(name);
  }

  isInUse(name: string): boolean {
    return this.#inUse.has(name);
  }
}
