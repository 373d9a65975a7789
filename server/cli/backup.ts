/** `pandav backup` and `pandav restore`: everything that the server knows, in one file. */
import { createReadStream, createWriteStream, existsSync, renameSync, rmSync, statSync } from "node:fs";
import { pipeline } from "node:stream/promises";
import { unpack } from "../backup/archive.ts";
import { readPassphrase } from "../backup/backups.ts";
import { backupName } from "../backup/schedule.ts";
import { checkPassphrase, unsealed } from "../backup/seal.ts";
import { type Flags, readConfig, UsageError } from "../config.ts";
import { Asker } from "./asking.ts";
import type { Definer } from "./definer.ts";
import { askHidden } from "./password.ts";
import { CommandError, EXIT } from "./report.ts";
import { oneLine, print, type Terminal } from "./terminal.ts";

interface Options {
  readonly passphraseFile?: string;
}

/** Adds `backup` and `restore`. */
export function addBackup(define: Definer): void {
  const { terminal, env, signal, restore } = define.options;
  const given = (o: Options): string | undefined => {
    const { backupPassphrase, backupPassphraseFile } = readConfig({}, env);
    if (o.passphraseFile !== undefined) return readPassphrase(o.passphraseFile);
    return backupPassphrase ?? (backupPassphraseFile && readPassphrase(backupPassphraseFile));
  };
  const file = [
    "--passphrase-file <file>",
    "its first line is the passphrase (else PANDAV_BACKUP_PASSPHRASE, or it is asked for)",
  ] as const;
  define
    .verb("backup [file]", "Write everything but the files into one encrypted file; - is standard output.")
    .option(...file)
    .action((target: string | undefined, options: Options, command) =>
      define.withClient(command, async (client) => {
        const path = target ?? backupName(Date.now());
        if (path !== "-" && existsSync(path))
          throw new UsageError(`${oneLine(path)} is there already: name another file`);
        const passphrase = given(options) ?? (await askTwice(terminal, signal));
        checkPassphrase(passphrase);
        const call = { method: "POST", path: "/api/pandav/backup", body: { passphrase } } as const;
        const bytes = await client.read(call);
        if (path === "-") return pipeline(bytes, terminal.stdout, { signal, end: false });
        await keep(bytes, path, passphrase, signal);
        await print(terminal.stdout, `${path} (${statSync(path).size} bytes)\n`);
      }),
    );
  define
    .verb(
      "restore <file>",
      "Bring a backup back into the data folder; what is there is moved aside. The server must not run.",
    )
    .option(...file)
    .action(async (path: string, options: Options, command) => {
      const { server, ...flags } = command.optsWithGlobals() as Flags & { readonly server?: string };
      if (server !== undefined)
        throw new UsageError("restore is for the data folder of this machine: leave --server out");
      const passphrase = given(options) ?? (await ask("Passphrase: ", terminal, signal));
      const { version, createdAt, dataDir, aside } = await restore(
        readConfig({ data: flags.data }, env),
        path,
        passphrase,
      );
      const made = `of ${new Date(createdAt).toISOString()}, made by version ${version}`;
      const old = aside === undefined ? "" : `What was there is in ${aside}\n`;
      await print(terminal.stdout, `${dataDir} is the backup ${made}\n${old}`);
    });
}

/** Under another name until it is whole and can be read back. */
async function keep(
  bytes: AsyncIterable<Buffer>,
  path: string,
  passphrase: string,
  signal: AbortSignal,
): Promise<void> {
  const part = `${path}.part`;
  try {
    await pipeline(bytes, createWriteStream(part, { mode: 0o600, flags: "w", flush: true }), { signal });
    await unpack(unsealed(createReadStream(part) as AsyncIterable<Buffer>, passphrase));
    renameSync(part, path);
  } catch (error) {
    rmSync(part, { force: true });
    throw error;
  }
}

async function askTwice(terminal: Terminal, signal: AbortSignal): Promise<string> {
  const first = await ask("Passphrase of the backup: ", terminal, signal);
  if (!terminal.stdin.isTTY) return first;
  if (first !== (await ask("Again: ", terminal, signal))) {
    throw new CommandError(EXIT.failed, "the two passphrases differ: no backup was made");
  }
  return first;
}

/** Hidden on a terminal, else a line of standard input. */
async function ask(question: string, terminal: Terminal, signal: AbortSignal): Promise<string> {
  if (terminal.stdin.isTTY) return askHidden(question, terminal, signal);
  const lines = new Asker(terminal, signal);
  try {
    const line = await lines.ask("");
    if (line) return line;
  } finally {
    lines.close();
  }
  throw new CommandError(
    EXIT.failed,
    "no passphrase: give it as a line, in a file with --passphrase-file, or in PANDAV_BACKUP_PASSPHRASE",
  );
}
