/** What the demo prints. */
import { PROJECT_ROOT } from "#test/support/server.ts";
import type { DemoService, Try } from "./service.ts";

export interface Facts {
  /** Origin of the server. */
  readonly url: string;
  readonly password: string;
  readonly dataDir: string;
  readonly keepsData: boolean;
  /** Address of the phone's page. */
  readonly phone: string;
  readonly services: readonly DemoService[];
}

/** What to try, ready to paste. Command lines are indented by two. */
export function guideOf({ url, password, dataDir, keepsData, phone, services }: Facts): string {
  const [first] = services;
  const mounts = services.map(({ title, mountPath }) => `${title} at ${mountPath}`).join(", ");
  const dav = `${url}/dav${first?.mountPath ?? ""}`;
  const rclone = [
    `RCLONE_CONFIG_DEMO_TYPE=webdav RCLONE_CONFIG_DEMO_URL=${dav} RCLONE_CONFIG_DEMO_VENDOR=owncloud`,
    `RCLONE_CONFIG_DEMO_USER=admin RCLONE_CONFIG_DEMO_PASS="$(rclone obscure ${password})"`,
  ];
  return [
    `Pandav runs, with ${mounts}: simulated, so neither an account nor a network is needed.`,
    "",
    `WebDAV: ${dav}`,
    `User admin, password ${password}`,
    "",
    ...(first ? block([{ line: `curl -u admin:${password} ${dav}/${first.smallFile}` }]) : []),
    "",
    "rclone, without a change of its configuration:",
    "",
    ...block([
      ...rclone.map((pairs) => ({ line: `export ${pairs}` })),
      { line: "rclone lsl demo:docs" },
      { line: "rclone copy README.md demo:docs" },
    ]),
    "",
    "Command line:",
    "",
    ...block([
      { line: `cd ${quoted(PROJECT_ROOT)}` },
      { line: `export PANDAV_DATA=${quoted(dataDir)}` },
      ...services.flatMap(({ look }) => look.map(asNpx)),
    ]),
    "",
    `A login by QR code. The phone that scans it is ${phone} (a real one knows no simulator)`,
    "",
    ...block(services.flatMap(({ logins }) => logins.map(asNpx))),
    "",
    keepsData ? `Ctrl-C ends it; ${dataDir} stays.` : "Ctrl-C ends it, and nothing of it stays.",
    "",
  ].join("\n");
}

/** What is said when a code waits for the phone. */
export function codeLine({ title, people }: DemoService, link: string, phone: string): string {
  return `${title}: a code waits. To confirm it as ${people[0]} open ${link} ; as somebody else: ${phone}\n`;
}

/** Without `npm i -g` it is `npx pandav`. */
function asNpx({ line, what }: Try): Try {
  return { line: `npx ${line}`, ...(what !== undefined && { what }) };
}

function block(tries: readonly Try[]): string[] {
  return tries.map(({ line, what }) => (what === undefined ? `  ${line}` : `  ${line.padEnd(46)} # ${what}`));
}

/** For a POSIX shell. */
function quoted(text: string): string {
  return /^[\w./-]+$/.test(text) ? text : `'${text.replaceAll("'", `'\\''`)}'`;
}
