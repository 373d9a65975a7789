/** What the API is given, and what every request carries. */
import type { IncomingMessage } from "node:http";
import type { OpenAPIHono } from "@hono/zod-openapi";
import type { Log } from "#drivers/contract/driver.ts";
import type { Accounts, Logins } from "../accounts/api.ts";
import type { Catalogue } from "../accounts/catalogue.ts";
import type { Auth } from "../auth/auth.ts";
import type { Backups } from "../backup/backups.ts";
import type { Importer } from "../import/importer.ts";
import type { Notices } from "../notify/notices.ts";
import type { Settings } from "../store/settings.ts";
import type { Tasks } from "../tasks/api.ts";
import type { Crawler } from "../tasks/crawl/crawler.ts";
import type { Vfs } from "../vfs/api.ts";

export interface ApiDeps {
  readonly vfs: Vfs;
  readonly auth: Auth;
  readonly settings: Settings;
  readonly catalogue: Catalogue;
  readonly accounts: Accounts;
  readonly logins: Logins;
  readonly tasks: Tasks;
  readonly importer: Importer;
  readonly notices: Notices;
  readonly backups: Backups;
  readonly crawler: Crawler;
  readonly log: Log;
  readonly version: string;
}

/** What the HTTP server hands in beside the request. */
export interface Bindings {
  readonly incoming?: IncomingMessage;
  /** True on the control socket: its caller is the owner of the data folder, and needs no password. */
  readonly owner?: boolean;
  /** Where the server is mounted, `/pandav`; absent: at the root. */
  readonly basePath?: string;
}

/** `c.env` may be undefined all the same: in-process callers hand nothing in. */
export type ApiEnv = { Bindings: Bindings };

export type ApiApp = OpenAPIHono<ApiEnv>;
