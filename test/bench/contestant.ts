/** A server that takes part in the bench. */
import type { Child } from "./child.ts";

export type ContestantName = "pandav" | "rclone" | "nginx";

export interface Contestant {
  readonly name: ContestantName;
  readonly version: string;
  /** The full command line, the same at every start but for the port. */
  readonly command: () => string;
  readonly pid: () => number;
  readonly origin: () => string;
  /** Sent with every request. */
  readonly headers: Readonly<Record<string, string>>;
  /** The URL path of a path of the world. */
  urlOf(path: string): string;
  /** Where these directories of the world are listed from what is known already: Pandav has them in its tree, the others in the folder. */
  treeDirectories(paths: readonly string[]): readonly string[];
  /** For a server that cannot PROPFIND: GET paths whose files are as long as our answer. */
  answerPaths?(length: number, count: number): readonly string[];
  start(): Promise<void>;
  stop(): Promise<void>;
}

/** Start and stop of one child that listens on one port. */
export function running(start: () => Promise<{ child: Child; port: number }>) {
  let now: { child: Child; port: number } | undefined;
  let command = "";
  const must = () => {
    if (!now) throw new Error("the server is not running");
    return now;
  };
  return {
    command: () => command,
    pid: () => must().child.pid,
    origin: () => `http://127.0.0.1:${must().port}`,
    async start() {
      now = await start();
      command = now.child.command;
    },
    async stop() {
      await now?.child.stop();
      now = undefined;
    },
  };
}
