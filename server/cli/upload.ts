/** `pandav upload`: local files, directories and standard input to a storage. */
import type { BigIntStats } from "node:fs";
import type { Command } from "commander";
import { z } from "zod";
import { joinPath } from "#drivers/contract/path.ts";
import { UsageError } from "../config.ts";
import { type Client, Refused } from "./client.ts";
import type { Definer } from "./definer.ts";
import { namesDirectory, resolvePath } from "./paths.ts";
import { about, CommandError, cannot, EXIT, WORDS } from "./report.ts";
import { statPath } from "./stat.ts";
import type { Decision } from "./transfer/conflict.ts";
import { type LocalOperand, localName, localOperands, localTree, notRegular } from "./transfer/local-files.ts";
import { forEachAtOnce } from "./transfer/pool.ts";
import { type Plan, planOf, Session, type TransferFlags } from "./transfer/session.ts";
import { type Stored, Uploader, type WireConflict } from "./transfer/upload-file.ts";

interface UploadFlags extends TransferFlags {
  readonly overwrite?: boolean;
}

/** One file to store. */
interface Job {
  readonly shown: string;
  readonly path: string;
  /** Absent: standard input. */
  readonly stats?: BigIntStats;
}

/** Adds `upload`. */
export function addUpload(define: Definer): void {
  define
    .verb(
      "upload <local...>",
      "Store local files: LOCAL… [REMOTE]; - is standard input. Interrupted, the same command goes on where it was.",
    )
    .usage("[options] <local...> [remote]")
    .option("-r, --recursive", "directories with all in them")
    .option("-t, --target <remote>", "the remote directory or name, so that every other word is a local file")
    .option("--conflict <what>", "where the name is taken: rename, overwrite, skip or ask", "rename")
    .option("--overwrite", "the same as --conflict overwrite")
    .option("-j, --jobs <number>", "files on their way at a time", "4")
    .option("--json", "one JSON object per file")
    .action((words: string[], flags: UploadFlags, command: Command) => {
      const plan = planOf(words, flags.overwrite ? { ...flags, conflict: "overwrite" } : flags);
      return define.withClient(command, (client) => new Upload(define, client, plan).run());
    });
}

class Upload {
  readonly #define: Definer;
  readonly #client: Client;
  readonly #plan: Plan<UploadFlags>;
  readonly #session: Session;
  readonly #uploader: Uploader;

  constructor(define: Definer, client: Client, plan: Plan<UploadFlags>) {
    this.#define = define;
    this.#client = client;
    this.#plan = plan;
    this.#session = new Session({ operation: "upload", define, plan });
    this.#uploader = new Uploader(client);
  }

  run(): Promise<void> {
    return this.#session.run(() => forEachAtOnce(this.#jobs(), this.#plan.jobs, (job) => this.#store(job)));
  }

  /** Every file, after the directories that it needs are there. */
  async *#jobs(): AsyncGenerator<Job> {
    const { sources, target = "" } = this.#plan;
    const stdin = sources.includes("-");
    if (stdin && (sources.length > 1 || namesDirectory(target)))
      throw new UsageError("standard input (-) is stored under a name: pandav upload - REMOTE");
    const operands = stdin ? [] : await this.#operands(sources);
    const path = await resolvePath(this.#client, target);
    const into = await this.#isInto(path, target, stdin ? 1 : operands.length);
    if (stdin) {
      if (into)
        throw new CommandError(EXIT.failed, `${cannot("upload", "-")}: '${target}': ${WORDS["is-a-directory"]}`);
      yield { shown: "-", path };
    }
    for (const operand of operands) {
      const name = localName(operand.shown).normalize("NFC");
      const own = into && name !== "" ? joinPath(path, name) : path;
      if (operand.stats.isDirectory()) yield* this.#directory(operand, own);
      else if (operand.stats.isFile()) yield { shown: operand.shown, path: own, stats: operand.stats };
      else await this.#session.fail(operand.shown, own, notRegular(operand.shown));
    }
  }

  async #operands(words: readonly string[]): Promise<readonly LocalOperand[]> {
    const found: LocalOperand[] = [];
    for (const word of words) {
      try {
        found.push(...(await localOperands(word)));
      } catch (error) {
        await this.#session.fail(word, this.#plan.target ?? "/", error);
      }
    }
    return found;
  }

  /** True where files go into the target, which is there then; false where it is a file's own new name. */
  async #isInto(path: string, target: string, operands: number): Promise<boolean> {
    if (operands === 0) return false;
    try {
      if ((await statPath(this.#client, path)).kind === "directory") return true;
      if (!namesDirectory(target) && operands === 1) return false;
      throw new CommandError(EXIT.failed, `${cannot("upload to", target)}: ${WORDS["not-a-directory"]}`);
    } catch (error) {
      if (!(error instanceof Refused) || error.kind !== "not-found")
        throw about(cannot("access", target || "/"), error);
    }
    if (namesDirectory(target)) {
      await this.#makeDirectory(path, target);
      return true;
    }
    if (operands > 1)
      throw new CommandError(
        EXIT.notFound,
        `${cannot("upload to", target)}: ${WORDS["not-found"]} (end it in / to make it)`,
      );
    return false;
  }

  async *#directory(operand: LocalOperand, path: string): AsyncGenerator<Job> {
    if (!this.#plan.flags.recursive) {
      const error = new CommandError(
        EXIT.failed,
        `${cannot("upload", operand.shown)}: ${WORDS["is-a-directory"]} (-r takes it along)`,
      );
      return this.#session.fail(operand.shown, path, error);
    }
    // What is below comes right after it.
    let skipped: string | undefined;
    for await (const entry of localTree(operand.shown)) {
      if (entry.kind === "failure") {
        await this.#session.fail(entry.shown, path, entry.error);
        continue;
      }
      const own = entry.below.map((name) => name.normalize("NFC")).reduce(joinPath, path);
      if (skipped !== undefined && own.startsWith(`${skipped}/`)) continue;
      if (entry.kind === "file") {
        yield { shown: entry.shown, path: own, stats: entry.stats };
        continue;
      }
      try {
        await this.#makeDirectory(own, own);
      } catch (error) {
        skipped = own;
        await this.#session.fail(entry.shown, own, error);
      }
    }
  }

  async #makeDirectory(path: string, shown: string): Promise<void> {
    const body = { path, parents: true };
    await this.#client
      .call({ method: "POST", path: "/api/pandav/fs/mkdir", body }, z.unknown())
      .catch((error: unknown) => {
        throw about(`cannot create directory '${shown}'`, error);
      });
  }

  async #store(job: Job): Promise<void> {
    const { shown: source, path } = job;
    await this.#session.file(source, path, async () => {
      const stored = await this.#decided(job);
      if (!stored) return { source, target: path, status: "skipped" };
      const { path: target, size, created, hashes } = stored;
      return { source, target, status: "done", size, created, hashes, renamed: target !== path };
    });
  }

  /** Undefined where the file was skipped. */
  async #decided(job: Job): Promise<Stored | undefined> {
    const first = this.#session.decided;
    // What cannot be read twice is decided before its first byte.
    const decision = first ?? (job.stats ? undefined : await this.#askIfTaken(job.path));
    try {
      return await this.#send(job, decision ? WIRE[decision] : "fail");
    } catch (error) {
      const isTaken = error instanceof Refused && error.kind === "already-exists";
      if (!isTaken || (decision !== undefined && decision !== "skip")) throw error;
      const now = decision ?? (await this.#session.decide(job.path));
      return now === "skip" ? undefined : this.#send(job, WIRE[now]);
    }
  }

  async #askIfTaken(path: string): Promise<Decision | undefined> {
    try {
      await statPath(this.#client, path);
    } catch (error) {
      if (error instanceof Refused && error.kind === "not-found") return undefined;
      throw error;
    }
    return this.#session.decide(path);
  }

  async #send({ shown, path, stats }: Job, conflict: WireConflict): Promise<Stored> {
    const track = this.#session.begin(shown, stats && Number(stats.size));
    try {
      if (!stats) return await this.#uploader.stream(this.#define.options.terminal.stdin, path, conflict, track);
      return await this.#uploader.file(shown, stats, path, conflict, track);
    } finally {
      track.end();
    }
  }
}

const WIRE: Readonly<Record<Decision, WireConflict>> = { rename: "rename", overwrite: "replace", skip: "fail" };
