/** `pandav download`: files and directories of a storage to the local disk, or to standard output. */
import { mkdir, stat } from "node:fs/promises";
import { join } from "node:path";
import type { Command } from "commander";
import { UsageError } from "../config.ts";
import type { Client } from "./client.ts";
import type { Definer } from "./definer.ts";
import { about, CommandError, cannot, EXIT, WORDS } from "./report.ts";
import { statPath } from "./stat.ts";
import { Downloader, type Placing } from "./transfer/download-file.ts";
import { localFailure } from "./transfer/local-files.ts";
import { findLocal, numberedPath } from "./transfer/local-target.ts";
import { forEachAtOnce, Places } from "./transfer/pool.ts";
import { type RemoteOperand, remoteOperands, remoteTree } from "./transfer/remote-files.ts";
import type { Outcome } from "./transfer/report-lines.ts";
import { type Plan, planOf, Session, type TransferFlags } from "./transfer/session.ts";
import type { StatReply } from "./wire.ts";

interface DownloadFlags extends TransferFlags {
  readonly verify: boolean;
}

/** One file to fetch. */
interface Job {
  readonly shown: string;
  readonly path: string;
  readonly target: string;
  readonly found?: StatReply;
}

/** A local name for a file. */
interface Place extends Placing {
  readonly target: string;
  readonly created: boolean;
}

/** Names tried where the wanted one is taken. */
const MOST_NAMES = 10_000;

/** Adds `download`. */
export function addDownload(define: Definer): void {
  define
    .verb(
      "download <remote...>",
      "Fetch files: REMOTE… [LOCAL]; - is standard output. Interrupted, the same command goes on where it was.",
    )
    .usage("[options] <remote...> [local]")
    .option("-r, --recursive", "directories with all in them")
    .option("-t, --target <local>", "the local directory or name, so that every other word is a remote file")
    .option("--conflict <what>", "where the name is taken: overwrite, rename, skip or ask", "overwrite")
    .option("-j, --jobs <number>", "requests at a time; large files come in pieces side by side", "4")
    .option("--no-verify", "do not compare hashes")
    .option("--json", "one JSON object per file")
    .action((words: string[], flags: DownloadFlags, command: Command) => {
      const plan = planOf(words, flags);
      return define.withClient(command, (client) => new Download(define, client, plan).run());
    });
}

class Download {
  readonly #define: Definer;
  readonly #client: Client;
  readonly #plan: Plan<DownloadFlags>;
  readonly #session: Session;
  readonly #downloader: Downloader;
  /** Local names that this command gives to files. */
  readonly #taken = new Set<string>();

  constructor(define: Definer, client: Client, plan: Plan<DownloadFlags>) {
    const { signal } = define.options;
    this.#define = define;
    this.#client = client;
    this.#plan = plan;
    this.#session = new Session({ operation: "download", define, plan, summary: plan.target !== "-" });
    this.#downloader = new Downloader({ client, places: new Places(plan.jobs), verify: plan.flags.verify, signal });
  }

  run(): Promise<void> {
    const { target, jobs } = this.#plan;
    return this.#session.run(() =>
      target === "-" ? this.#toOutput() : forEachAtOnce(this.#jobs(), jobs, (job) => this.#fetch(job)),
    );
  }

  async #toOutput(): Promise<void> {
    const operands = await this.#operands();
    if (operands.length === 0) return;
    const [first] = operands;
    if (operands.length > 1 || !first) throw new UsageError("only one file at a time goes to standard output (-)");
    const { found, shown } = first;
    if (found.kind === "directory")
      throw new CommandError(EXIT.failed, `${cannot("download", shown)}: ${WORDS["is-a-directory"]}`);
    if (this.#plan.flags.json) throw new UsageError("--json and - both want standard output: choose one");
    const track = this.#session.begin(shown, exactSize(found));
    try {
      await this.#downloader.stream(found, shown, this.#define.options.terminal.stdout, track);
    } catch (error) {
      throw about(cannot("download", shown), error);
    } finally {
      track.end();
    }
  }

  /** Every file, after the local directories that it needs are there. */
  async *#jobs(): AsyncGenerator<Job> {
    const { target = "." } = this.#plan;
    const operands = await this.#operands();
    const into = await this.#isInto(target, operands.length);
    for (const { shown, found } of operands) {
      const own = into ? join(target, found.name) : target;
      if (into && found.kind === "file" && !isSafeName(found.name)) {
        await this.#session.fail(shown, target, unsafeName(shown));
        continue;
      }
      if (found.kind === "file") yield { shown, path: found.path, target: own, found };
      else if (this.#plan.flags.recursive) yield* this.#directory(shown, found, own);
      else {
        const words = `${cannot("download", shown)}: ${WORDS["is-a-directory"]} (-r takes it along)`;
        await this.#session.fail(shown, own, new CommandError(EXIT.failed, words));
      }
    }
  }

  async #operands(): Promise<readonly RemoteOperand[]> {
    const found: RemoteOperand[] = [];
    for (const word of this.#plan.sources) {
      try {
        found.push(...(await remoteOperands(this.#client, word)));
      } catch (error) {
        await this.#session.fail(word, this.#plan.target ?? ".", error);
      }
    }
    return found;
  }

  /** True where files go into the target, which is there then; false where it is a file's own new name. */
  async #isInto(target: string, operands: number): Promise<boolean> {
    const isDirectory = await stat(target).then(
      (found) => found.isDirectory(),
      () => false,
    );
    if (isDirectory) return true;
    if (/[/\\]$/.test(target)) {
      await this.#makeLocal(target);
      return true;
    }
    if (operands > 1) {
      const is = (await findLocal(target)).kind === "nothing" ? "not-found" : "not-a-directory";
      throw new CommandError(EXIT.failed, `${cannot("download to", target)}: ${WORDS[is]} (end it in / to make it)`);
    }
    return false;
  }

  async *#directory(shown: string, found: StatReply, target: string): AsyncGenerator<Job> {
    const skipped: string[] = [];
    for await (const entry of remoteTree(this.#client, found.path, shown)) {
      const unsafe = entry.kind === "failure" ? undefined : entry.below.find((name) => !isSafeName(name));
      if (entry.kind === "failure" || unsafe !== undefined) {
        await this.#session.fail(entry.shown, target, entry.kind === "failure" ? entry.error : unsafeName(entry.shown));
        continue;
      }
      const own = join(target, ...entry.below);
      if (skipped.some((directory) => own.startsWith(`${directory}/`))) continue;
      if (entry.kind === "file") {
        yield { shown: entry.shown, path: entry.path, target: own };
        continue;
      }
      try {
        await this.#makeLocal(own);
      } catch (error) {
        skipped.push(own);
        await this.#session.fail(entry.shown, own, error);
      }
    }
  }

  async #makeLocal(path: string): Promise<void> {
    await mkdir(path, { recursive: true }).catch((error: unknown) => {
      throw localFailure("create directory", path, error);
    });
  }

  async #fetch(job: Job): Promise<void> {
    // Before anything is waited for: of two files that want one name, the first on the command line has it.
    const isFirst = !this.#taken.has(job.target);
    this.#taken.add(job.target);
    await this.#session.file(job.shown, job.target, () => this.#got(job, isFirst));
  }

  async #got(job: Job, isFirst: boolean): Promise<Outcome> {
    const { shown, target } = job;
    const found = job.found ?? (await statPath(this.#client, job.path));
    const place = await this.#place(job, isFirst).catch((error: unknown) => {
      throw localFailure("write", target, error);
    });
    if (!place) return { source: shown, target, status: "skipped" };
    const track = this.#session.begin(shown, exactSize(found));
    try {
      const { size, hashes } = await this.#downloader.file(found, place.target, place, track);
      const how = { created: place.created, renamed: place.target !== target };
      return { source: shown, target: place.target, status: "done", size, hashes, ...how };
    } catch (error) {
      throw localFailure("write", place.target, error);
    } finally {
      track.end();
    }
  }

  /** Under which local name the file goes; undefined where it is skipped. */
  async #place({ target, shown }: Job, isFirst: boolean): Promise<Place | undefined> {
    const here = await findLocal(target);
    const { decided } = this.#session;
    if (!isFirst && decided !== "rename" && decided !== "skip")
      throw new CommandError(EXIT.failed, `will not overwrite just-downloaded '${target}' with '${shown}'`);
    const isTaken = here.kind !== "nothing" || !isFirst;
    const decision = isTaken ? await this.#session.decide(target) : undefined;
    if (decision === "skip") return undefined;
    if (decision === "rename") return this.#otherName(target);
    if (here.kind === "directory")
      throw new CommandError(EXIT.failed, `cannot overwrite directory '${target}' with '${shown}'`);
    if (here.kind === "other") throw new CommandError(EXIT.failed, `${cannot("write", target)}: Not a regular file`);
    // What was decided about a name holds for what comes to have it meanwhile, too.
    const replace = isTaken || this.#session.decided === "overwrite";
    return { target, replace, created: here.kind === "nothing", mode: here.mode };
  }

  async #otherName(target: string): Promise<Place> {
    for (let n = 1; n <= MOST_NAMES; n++) {
      const other = numberedPath(target, n);
      if (this.#taken.has(other) || (await findLocal(other)).kind !== "nothing") continue;
      this.#taken.add(other);
      return { target: other, replace: false, created: true };
    }
    throw new CommandError(EXIT.failed, `${cannot("write", target)}: ${MOST_NAMES} numbered names are taken`);
  }
}

function exactSize({ size, sizeIs }: StatReply): number | undefined {
  return sizeIs === "about" ? undefined : size;
}

/** False for a name that would leave its directory, or means something else here. */
function isSafeName(name: string): boolean {
  return name !== "." && name !== ".." && !(process.platform === "win32" ? /[/\\:\0]/ : /[/\0]/).test(name);
}

function unsafeName(shown: string): CommandError {
  return new CommandError(EXIT.failed, `${cannot("download", shown)}: its name cannot be a local one`);
}
