/** The HTTP API: AList's v3 wire and our own routes under one envelope. */
import { describeBackup } from "./backup-handler.ts";
import { limitBody } from "./body-limit.ts";
import { describeContent } from "./content-handler.ts";
import type { ApiApp, ApiDeps } from "./deps.ts";
import { toResponse } from "./envelope.ts";
import { toFailure, withKindInside } from "./failures.ts";
import { describeImport } from "./import-handler.ts";
import type { PieceUploads } from "./piece-uploads.ts";
import { describeUploads } from "./raw-routes.ts";
import { describeRead } from "./read-handler.ts";
import { absentRoutes } from "./routes/absent.ts";
import { accountRoutes } from "./routes/accounts.ts";
import { auditRoutes } from "./routes/audit.ts";
import { authRoutes } from "./routes/auth.ts";
import { changeRoutes } from "./routes/changes.ts";
import { driverRoutes } from "./routes/driver.ts";
import { fsRoutes } from "./routes/fs.ts";
import { fsChangeRoutes } from "./routes/fs-change.ts";
import { fsLinkRoutes } from "./routes/fs-link.ts";
import { fsPieceRoutes } from "./routes/fs-pieces.ts";
import { fsRenameRoutes } from "./routes/fs-rename.ts";
import { fsSearchRoutes } from "./routes/fs-search.ts";
import { fsTreeRoutes } from "./routes/fs-tree.ts";
import { healthRoutes } from "./routes/health.ts";
import { indexRoutes } from "./routes/index-admin.ts";
import { ownIndexRoutes } from "./routes/index-own.ts";
import { loginRoutes } from "./routes/logins.ts";
import { meRoutes } from "./routes/me.ts";
import { metaRoutes } from "./routes/meta.ts";
import { mountRoutes } from "./routes/mounts.ts";
import { notificationRoutes } from "./routes/notifications.ts";
import { pandavRoutes } from "./routes/pandav.ts";
import { roleRoutes } from "./routes/roles.ts";
import { sessionRoutes } from "./routes/sessions.ts";
import { settingRoutes } from "./routes/settings.ts";
import { shareBrowsing } from "./routes/share-browse.ts";
import { shareRoutes } from "./routes/shares.ts";
import { siteRoutes } from "./routes/site.ts";
import { storageRoutes } from "./routes/storage.ts";
import { taskRoutes } from "./routes/task.ts";
import { ownTaskRoutes } from "./routes/tasks.ts";
import { tokenRoutes } from "./routes/tokens.ts";
import { trashRoutes } from "./routes/trash.ts";
import { uploadLocalRoute } from "./routes/upload-local.ts";
import { userRoutes } from "./routes/users.ts";
import { welcomeRoute } from "./routes/welcome.ts";
import { describeStream } from "./stream.ts";
import { describeStreams } from "./streams.ts";
import { describeTaskEvents } from "./task-events.ts";

/** Longest body of an API request, in bytes: ten thousand names of 100 bytes fit. Uploads do not come this way. */
const MAX_BODY = 1024 * 1024;

/** Routes whose failures are about no file: the words that clients look for would mislead. */
const ABOUT_PEOPLE = /^\/api\/(?:me|auth|share|admin\/(?:user|meta))(?:\/|$)/;

/** Adds every route of the API (`pieces`: uploads in pieces, which its raw routes share), its documentation at `/api/openapi.json`, and the answers to what goes wrong. */
export function mountApi(app: ApiApp, deps: ApiDeps, pieces: PieceUploads): void {
  app.use("/api/*", limitBody(MAX_BODY));
  for (const add of [
    authRoutes,
    meRoutes,
    shareBrowsing,
    fsRoutes,
    fsChangeRoutes,
    fsRenameRoutes,
    fsTreeRoutes,
    fsSearchRoutes,
    fsLinkRoutes,
    storageRoutes,
    driverRoutes,
    settingRoutes,
    indexRoutes,
    ownIndexRoutes,
    userRoutes,
    metaRoutes,
    tokenRoutes,
    auditRoutes,
    pandavRoutes,
    accountRoutes,
    loginRoutes,
    mountRoutes,
    changeRoutes,
    trashRoutes,
    taskRoutes,
    ownTaskRoutes,
    shareRoutes,
    roleRoutes,
    sessionRoutes,
    absentRoutes,
    notificationRoutes,
    healthRoutes,
    siteRoutes,
    welcomeRoute,
  ]) {
    add(app, deps);
  }
  fsPieceRoutes(app, deps, pieces);
  describeRead(app);
  describeStreams(app, deps);
  describeContent(app);
  describeTaskEvents(app);
  describeImport(app);
  describeBackup(app);
  describeUploads(app);
  describeStream(app, uploadLocalRoute());
  app.openAPIRegistry.registerComponent("securitySchemes", "token", {
    type: "apiKey",
    in: "header",
    name: "Authorization",
  });
  app.doc31("/api/openapi.json", { openapi: "3.1.0", info: { title: "Pandav", version: deps.version } });
  app.all("/api/*", (c) =>
    toResponse({ code: 404, message: `there is no route ${c.req.method} ${c.req.path}`, data: null }, {}, 404),
  );
  app.onError((error, c) => {
    const isOurs = c.req.path.startsWith("/api/pandav/");
    const { envelope, retryAfter, level } = toFailure(error, { phrases: !isOurs && !ABOUT_PEOPLE.test(c.req.path) });
    if (level === "error" || level === "warn") {
      deps.log.warn({ err: error, method: c.req.method, path: c.req.path }, "a request failed");
    }
    const shown = isOurs ? withKindInside(envelope) : envelope;
    return toResponse(shown, retryAfter === undefined ? {} : { "Retry-After": String(retryAfter) });
  });
}
