/** What the demo needs of a simulated service; one file for each, named in `services.ts`. */

/** A code that somebody's login shows now. */
export interface ShownCode {
  /** Of the login; a renewed code has the same. */
  readonly id: string;
  /** An address of this machine; opening it scans and confirms the code as the first of `people`. */
  readonly link: string;
}

/** A line to paste into a shell, and what it does. */
export interface Try {
  readonly line: string;
  readonly what?: string;
}

/** A simulated service with people who have accounts and files there, and a phone. */
export interface DemoService {
  /** `SJTU Pan`. */
  readonly title: string;
  /** Where Pandav mounts the drive of the first of `people`. */
  readonly mountPath: string;
  /** Path of a small file of text inside the mount. */
  readonly smallFile: string;
  /** Real host → origin of the simulator. */
  readonly upstreams: Readonly<Record<string, string>>;
  /** The `pandav` run that logs the first of `people` in: arguments, and what it reads. */
  readonly login: { readonly args: readonly string[]; readonly stdin: string };
  /** Who may scan a code. */
  readonly people: readonly string[];
  /** Lines that look around. */
  readonly look: readonly Try[];
  /** Lines that show a code, to be scanned by the phone. */
  readonly logins: readonly Try[];
  /** Codes that wait for the phone. */
  codes(): readonly ShownCode[];
  /** The phone: confirms the last code of a login as one of `people`. False where that code is over. */
  confirm(id: string, person: number): boolean;
  /** Requests of Pandav that the service would not have taken, one line each; told once. */
  refused(): readonly string[];
  close(): Promise<void>;
}
