/** OpenList's built front end in a browser: opened, watched, and driven as a person would. */
import { createRequire } from "node:module";
import { dirname, join } from "node:path";
import { type Browser, chromium, type Page, type Request } from "playwright-core";
import { findTool } from "#test/support/tools.ts";

const require = createRequire(import.meta.url);

/** The folder for `--frontend`. */
export const FRONT_END = join(dirname(require.resolve("@openlist-frontend/openlist-frontend/package.json")), "dist");

/** One request and what came back. */
export interface Seen {
  /** `POST /api/fs/list`, without a query. */
  readonly what: string;
  /** Absent where the page was left before the answer came. */
  readonly status?: number;
  /** Of an envelope. */
  readonly code?: number;
  readonly message?: string;
}

export interface FrontEnd {
  readonly page: Page;
  /** Every request to our server so far. */
  readonly seen: readonly Seen[];
  /** Everything that went wrong in the browser: errors of the console and of scripts, requests that failed or left our server. */
  readonly faults: readonly string[];
  /** Resolves when the page has asked for nothing for half a second. */
  settled(): Promise<void>;
  /** Writes a picture of the page into the folder that `PANDAV_SCREENSHOTS` names; without it, none. */
  picture(name: string): Promise<void>;
  /** Logs in on the page that asks for it. */
  logIn(user: string, password: string): Promise<void>;
  /** Goes to a path of the front end, as somebody who types it. */
  open(path: string): Promise<void>;
  close(): Promise<void>;
}

/** As root Chromium runs without its sandbox only; the rest keeps it from calling home. */
const FLAGS = [
  "--no-sandbox",
  "--no-first-run",
  "--disable-background-networking",
  "--disable-component-update",
  "--disable-domain-reliability",
  "--disable-sync",
];

/** How long a page may take to show what a step waits for. */
const STEP_MS = 10_000;

/** Opens the front end's first page in a browser of its own. */
export async function openFrontEnd(url: string): Promise<FrontEnd> {
  const executablePath = findTool("chromium");
  if (executablePath === undefined) throw new Error("chromium is not installed");
  const browser = await chromium.launch({ executablePath, args: FLAGS });
  const page = await browser.newPage({ viewport: { width: 1280, height: 800 }, locale: "en-US" });
  page.setDefaultTimeout(STEP_MS);
  return Object.assign(watch(page, url), { page, ...steps(page, url), close: () => close(browser) });
}

async function close(browser: Browser): Promise<void> {
  await browser.close();
}

function watch(page: Page, url: string): Pick<FrontEnd, "seen" | "faults" | "settled"> {
  const asked = new Map<Request, Seen>();
  const faults: string[] = [];
  const reading = new Set<Promise<void>>();
  page.on("console", (message) => {
    if (message.type() === "error" || message.type() === "warning") faults.push(`console: ${message.text()}`);
  });
  page.on("pageerror", (error) => void faults.push(`script: ${error.message}`));
  page.on("request", (request) => {
    if (/^(data|blob):/.test(request.url())) return;
    if (!request.url().startsWith(`${url}/`)) faults.push(`left our server: ${request.url()}`);
    else asked.set(request, { what: `${request.method()} ${new URL(request.url()).pathname}` });
  });
  page.on("requestfailed", (request) => {
    const why = request.failure()?.errorText ?? "";
    // A page that is left lets go of what it was still loading.
    if (why !== "net::ERR_ABORTED") faults.push(`failed: ${request.method()} ${request.url()} ${why}`);
  });
  page.on("response", (response) => {
    const request = response.request();
    const before = asked.get(request);
    if (!before) return;
    const note = async () => {
      const isEnvelope = before.what.includes(" /api/");
      const { code, message } = isEnvelope ? await response.json().catch(() => ({})) : {};
      asked.set(request, { ...before, status: response.status(), code, message });
    };
    const noted = note();
    reading.add(noted);
    noted.finally(() => reading.delete(noted));
  });
  return {
    get seen() {
      return [...asked.values()];
    },
    faults,
    async settled() {
      await page.waitForLoadState("networkidle");
      await Promise.all(reading);
    },
  };
}

function steps(page: Page, url: string): Pick<FrontEnd, "picture" | "logIn" | "open"> {
  const folder = process.env.PANDAV_SCREENSHOTS;
  let pictures = 0;
  return {
    async picture(name) {
      if (!folder) return;
      // What fades in is there by then.
      await page.waitForTimeout(600);
      pictures += 1;
      await page.screenshot({ path: join(folder, `${String(pictures).padStart(2, "0")}-${name}.png`) });
    },
    async logIn(user, password) {
      await page.goto(url);
      await page.getByPlaceholder("username").fill(user);
      await page.getByPlaceholder("password").fill(password);
      await page.getByRole("button", { name: "Login", exact: true }).click();
      await page.locator(".list-item").first().waitFor();
    },
    async open(path) {
      await page.goto(`${url}${path}`);
    },
  };
}
