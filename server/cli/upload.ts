/** `pandav upload`: local files, directories and standard input to a storage. */
import type { BigIntStats } from "node:fs";
import type { Command } from "commander";
import { z } from "zod";
import { joinPath } from "#drivers/contract/path.ts";
import { UsageError } from "../config.ts";
import { type Client, Refused } from "./client.ts";
import type { Definer } from "./definer.ts";
import { namesDirectory, resolvePath } from "./paths.ts";
import { about, CommandError, cannot, EXIT, Interrupted, WORDS } from "./report.ts";
import { statPath } from "./stat.ts";
import { type Conflict, Decider, type Decision, readConflict } from "./transfer/conflict.ts";
import { type LocalOperand, localName, localOperands, localTree, notRegular } from "./transfer/local-files.ts";
import { Meter } from "./transfer/meter.ts";
import { readJobs, splitOperands } from "./transfer/operands.ts";
import { forEachAtOnce } from "./transfer/pool.ts";
import { TransferReport } from "./transfer/report-lines.ts";
import { type Stored, Uploader, type WireConflict } from "./transfer/upload-file.ts";

interface UploadFlags {
  readonly recursive?: boolean;
  readonly conflict: string;
  readonly overwrite?: boolean;
  readonly jobs: string;
  readonly json?: boolean;
  readonly target?: string;
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
      const plan = {
        ...splitOperands(words, flags.target),
        flags,
        conflict: conflictOf(flags),
        jobs: readJobs(flags.jobs),
      };
      return define.withClient(command, (client) => new Upload(define, client, plan).run());
    });
}

function conflictOf({ overwrite, conflict }: UploadFlags): Conflict {
  return overwrite ? "overwrite" : readConflict(conflict);
}

interface Plan {
  readonly sources: readonly string[];
  readonly target: string | undefined;
  readonly flags: UploadFlags;
  readonly conflict: Conflict;
  readonly jobs: number;
}

class Upload {
  readonly #define: Definer;
  readonly #client: Client;
  readonly #plan: Plan;
  readonly #meter: Meter;
  readonly #decider: Decider;
  readonly #report: TransferReport;
  readonly #uploader: Uploader;

  constructor(define: Definer, client: Client, plan: Plan) {
    const { terminal, signal } = define.options;
    this.#define = define;
    this.#client = client;
    this.#plan = plan;
    this.#decider = new Decider(plan.conflict, terminal, signal);
    this.#meter = new Meter(terminal.stderr);
    this.#uploader = new Uploader(client);
    this.#report = new TransferReport({
      operation: "upload",
      json: plan.flags.json === true,
      terminal,
      meter: this.#meter,
      complain: (error) => define.complain(error),
    });
  }

  async run(): Promise<void> {
    try {
      await forEachAtOnce(this.#jobs(), this.#plan.jobs, (job) => this.#store(job));
    } catch (error) {
      this.#meter.close();
      if (error instanceof GivenUp) return this.#report.end();
      if (error instanceof Interrupted)
        this.#define.options.terminal.stderr.write(
          "pandav: upload: interrupted; the same command goes on where it was\n",
        );
      throw error;
    } finally {
      this.#meter.close();
      this.#decider.close();
    }
    await this.#report.end();
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
      else await this.#report.fail(operand.shown, own, notRegular(operand.shown));
    }
  }

  async #operands(words: readonly string[]): Promise<readonly LocalOperand[]> {
    const found: LocalOperand[] = [];
    for (const word of words) {
      try {
        found.push(...(await localOperands(word)));
      } catch (error) {
        await this.#report.fail(word, this.#plan.target ?? "/", error);
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
      return this.#report.fail(operand.shown, path, error);
    }
    for await (const entry of localTree(operand.shown)) {
      if (entry.kind === "failure") {
        await this.#report.fail(entry.shown, path, entry.error);
        continue;
      }
      const own = entry.below.map((name) => name.normalize("NFC")).reduce(joinPath, path);
      if (entry.kind === "directory") await this.#makeDirectory(own, own);
      else yield { shown: entry.shown, path: own, stats: entry.stats };
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
    const startedAt = performance.now();
    try {
      const result = await this.#decided(job);
      const outcome = { source: job.shown, target: result?.path ?? job.path };
      await this.#report.add(
        result
          ? {
              ...outcome,
              status: "done",
              size: result.size,
              created: result.created,
              hashes: result.hashes,
              renamed: result.path !== job.path,
            }
          : { ...outcome, status: "skipped" },
        performance.now() - startedAt,
      );
    } catch (error) {
      await this.#report.fail(job.shown, job.path, about(cannot("upload", job.shown), error));
      // Every other file would fail in the same way.
      if (error instanceof Refused && (error.kind === "unauthenticated" || error.code === 401)) throw new GivenUp();
    }
  }

  /** Undefined where the file was skipped. */
  async #decided(job: Job): Promise<Stored | undefined> {
    const first = this.#decider.decided;
    // What cannot be read twice is decided before its first byte.
    const decision = first ?? (job.stats ? undefined : await this.#askIfTaken(job.path));
    try {
      return await this.#send(job, decision ? WIRE[decision] : "fail");
    } catch (error) {
      const isTaken = error instanceof Refused && error.kind === "already-exists";
      if (!isTaken || (decision !== undefined && decision !== "skip")) throw error;
      const now = decision ?? (await this.#meter.aside(() => this.#decider.decide(job.path)));
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
    return this.#meter.aside(() => this.#decider.decide(path));
  }

  async #send({ shown, path, stats }: Job, conflict: WireConflict): Promise<Stored> {
    const track = this.#meter.begin(shown, stats && Number(stats.size));
    try {
      if (!stats) return await this.#uploader.stream(this.#define.options.terminal.stdin, path, conflict, track);
      return await this.#uploader.file(shown, stats, path, conflict, track);
    } finally {
      track.end();
    }
  }
}

const WIRE: Readonly<Record<Decision, WireConflict>> = { rename: "rename", overwrite: "replace", skip: "fail" };

/** What was complained about ends the command. */
class GivenUp extends Error {}
