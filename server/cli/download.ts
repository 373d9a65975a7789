/** `pandav download`: files and directories of a storage to the local disk, or to standard output. */
import { mkdir, stat } from "node:fs/promises";
import { join } from "node:path";
import type { Command } from "commander";
import { UsageError } from "../config.ts";
import { type Client, Refused } from "./client.ts";
import type { Definer } from "./definer.ts";
import { about, CommandError, cannot, EXIT, Interrupted, WORDS } from "./report.ts";
import { type Conflict, Decider, type Decision, readConflict } from "./transfer/conflict.ts";
import { Downloader, type RemoteFile, statRemote } from "./transfer/download-file.ts";
import { localFailure } from "./transfer/local-files.ts";
import { findLocal, numberedPath } from "./transfer/local-target.ts";
import { Meter } from "./transfer/meter.ts";
import { readJobs, splitOperands } from "./transfer/operands.ts";
import { forEachAtOnce, Places } from "./transfer/pool.ts";
import { type RemoteOperand, remoteOperands, remoteTree } from "./transfer/remote-files.ts";
import { TransferReport } from "./transfer/report-lines.ts";

interface DownloadFlags {
  readonly recursive?: boolean;
  readonly conflict: string;
  readonly jobs: string;
  readonly json?: boolean;
  readonly target?: string;
  readonly verify: boolean;
}

/** One file to fetch. */
interface Job {
  readonly shown: string;
  readonly path: string;
  readonly target: string;
  readonly found?: RemoteFile;
}

interface Plan {
  readonly sources: readonly string[];
  readonly target: string | undefined;
  readonly flags: DownloadFlags;
  readonly conflict: Conflict;
  readonly jobs: number;
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
      const operands = splitOperands(words, flags.target);
      const plan = { ...operands, flags, conflict: readConflict(flags.conflict), jobs: readJobs(flags.jobs) };
      return define.withClient(command, (client) => new Download(define, client, plan).run());
    });
}

class Download {
  readonly #define: Definer;
  readonly #client: Client;
  readonly #plan: Plan;
  readonly #meter: Meter;
  readonly #decider: Decider;
  readonly #report: TransferReport;
  readonly #downloader: Downloader;
  /** Local names that this command gives to files. */
  readonly #taken = new Set<string>();

  constructor(define: Definer, client: Client, plan: Plan) {
    const { terminal, signal } = define.options;
    this.#define = define;
    this.#client = client;
    this.#plan = plan;
    this.#decider = new Decider(plan.conflict, terminal, signal);
    this.#meter = new Meter(terminal.stderr);
    this.#downloader = new Downloader({ client, places: new Places(plan.jobs), verify: plan.flags.verify, signal });
    this.#report = new TransferReport({
      operation: "download",
      json: plan.flags.json === true,
      terminal,
      summary: plan.target !== "-",
      meter: this.#meter,
      complain: (error) => define.complain(error),
    });
  }

  async run(): Promise<void> {
    try {
      if (this.#plan.target === "-") await this.#toOutput();
      else await forEachAtOnce(this.#jobs(), this.#plan.jobs, (job) => this.#fetch(job));
    } catch (error) {
      this.#meter.close();
      if (error instanceof GivenUp) return this.#report.end();
      if (error instanceof Interrupted && this.#plan.target !== "-")
        this.#define.options.terminal.stderr.write(
          "pandav: download: interrupted; the same command goes on where it was\n",
        );
      throw error;
    } finally {
      this.#meter.close();
      this.#decider.close();
    }
    await this.#report.end();
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
    const track = this.#meter.begin(shown, found.sizeIs === "about" ? undefined : found.size);
    try {
      await this.#downloader.stream(found, this.#define.options.terminal.stdout, track);
    } catch (error) {
      throw about(cannot("download", shown), error);
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
        await this.#failed(shown, target, unsafeName(shown));
        continue;
      }
      if (found.kind === "file") yield { shown, path: found.path, target: own, found };
      else if (this.#plan.flags.recursive) yield* this.#directory(shown, found, own);
      else {
        const words = `${cannot("download", shown)}: ${WORDS["is-a-directory"]} (-r takes it along)`;
        await this.#report.fail(shown, own, new CommandError(EXIT.failed, words));
      }
    }
  }

  async #operands(): Promise<readonly RemoteOperand[]> {
    const found: RemoteOperand[] = [];
    for (const word of this.#plan.sources) {
      try {
        found.push(...(await remoteOperands(this.#client, word)));
      } catch (error) {
        await this.#failed(word, this.#plan.target ?? ".", error);
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

  async *#directory(shown: string, found: RemoteFile, target: string): AsyncGenerator<Job> {
    const skipped: string[] = [];
    for await (const entry of remoteTree(this.#client, found.path, shown)) {
      const unsafe = entry.kind === "failure" ? undefined : entry.below.find((name) => !isSafeName(name));
      if (entry.kind === "failure" || unsafe !== undefined) {
        await this.#failed(entry.shown, target, entry.kind === "failure" ? entry.error : unsafeName(entry.shown));
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
        await this.#failed(entry.shown, own, error);
      }
    }
  }

  async #makeLocal(path: string): Promise<void> {
    await mkdir(path, { recursive: true }).catch((error: unknown) => {
      throw localFailure("create directory", path, error);
    });
  }

  async #fetch(job: Job): Promise<void> {
    const startedAt = performance.now();
    // Before anything is waited for: of two files that want one name, the first on the command line has it.
    const isFirst = !this.#taken.has(job.target);
    this.#taken.add(job.target);
    try {
      const found = job.found ?? (await statRemote(this.#client, job.path));
      const place = await this.#place(job, isFirst);
      if (!place) {
        await this.#report.add(
          { source: job.shown, target: job.target, status: "skipped" },
          performance.now() - startedAt,
        );
        return;
      }
      const track = this.#meter.begin(job.shown, found.sizeIs === "about" ? undefined : found.size);
      try {
        const got = await this.#downloader.file(found, place.target, place, track).catch((error: unknown) => {
          throw localFailure("write", place.target, error);
        });
        const { size, hashes } = got;
        const outcome = { source: job.shown, target: place.target, status: "done", size, hashes } as const;
        const how = { created: place.created, renamed: place.target !== job.target };
        await this.#report.add({ ...outcome, ...how }, performance.now() - startedAt);
      } finally {
        track.end();
      }
    } catch (error) {
      await this.#failed(job.shown, job.target, about(cannot("download", job.shown), error));
      // Every other file would fail in the same way.
      if (error instanceof Refused && (error.kind === "unauthenticated" || error.code === 401)) throw new GivenUp();
    }
  }

  /** Under which local name the file goes; undefined where it is skipped. */
  async #place({ target, shown }: Job, isFirst: boolean): Promise<Place | undefined> {
    const here = await findLocal(target);
    const { decided } = this.#decider;
    if (!isFirst && decided !== "rename" && decided !== "skip")
      throw new CommandError(EXIT.failed, `will not overwrite just-downloaded '${target}' with '${shown}'`);
    const isTaken = here.kind !== "nothing" || !isFirst;
    const decision: Decision | undefined = isTaken ? await this.#decide(target) : undefined;
    if (decision === "skip") return undefined;
    if (decision === "rename") return this.#otherName(target);
    if (here.kind === "directory")
      throw new CommandError(EXIT.failed, `cannot overwrite directory '${target}' with '${shown}'`);
    if (here.kind === "other") throw new CommandError(EXIT.failed, `${cannot("write", target)}: Not a regular file`);
    // What was decided about a name holds for what comes to have it meanwhile, too.
    const replace = isTaken || this.#decider.decided === "overwrite";
    return { target, replace, created: here.kind === "nothing", mode: here.mode };
  }

  async #decide(target: string): Promise<Decision> {
    return this.#decider.decided ?? this.#meter.aside(() => this.#decider.decide(target));
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

  async #failed(shown: string, target: string, error: unknown): Promise<void> {
    await this.#report.fail(shown, target, error);
  }
}

interface Place {
  readonly target: string;
  readonly replace: boolean;
  readonly created: boolean;
  readonly mode?: number | undefined;
}

/** False for a name that would leave its directory, or means something else here. */
function isSafeName(name: string): boolean {
  return name !== "." && name !== ".." && !(process.platform === "win32" ? /[/\\:\0]/ : /[/\0]/).test(name);
}

function unsafeName(shown: string): CommandError {
  return new CommandError(EXIT.failed, `${cannot("download", shown)}: its name cannot be a local one`);
}

/** What was complained about ends the command. */
class GivenUp extends Error {}
