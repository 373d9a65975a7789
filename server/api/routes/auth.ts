/** Logging in and out, and the second factor (alist-api.md §4.3). */
import { createHash } from "node:crypto";
import { z } from "@hono/zod-openapi";
import { staticHash } from "../../auth/passwords.ts";
import { isTotpSecret, newTotpSecret, totpAddress } from "../../auth/totp.ts";
import { type Call, clientAddress, declare } from "../declare.ts";
import type { ApiApp, ApiDeps } from "../deps.ts";
import { nothing } from "../schemas.ts";

const credentials = z.object({
  username: z.string().min(1),
  password: z.string().default(""),
  otp_code: z.string().default(""),
});

/** What an authenticator app shows beside the user's name. */
const ISSUER = "Pandav";
/** Side of the QR code (alist-api.md §4.3). */
const QR_PIXELS = 400;

const granted = z.object({ token: z.string(), device_key: z.string() });

/** Adds `/api/auth/*`. */
export function authRoutes(app: ApiApp, deps: ApiDeps): void {
  const { authenticator, sessions } = deps.auth;

  async function logIn({ input, c }: Call<z.output<typeof credentials>, "open">, hash: string) {
    const user = await authenticator.login(input.username, hash, input.otp_code, clientAddress(c));
    const token = await sessions.start(user, c.req.header("User-Agent") ?? "");
    const clientId = c.req.header("Client-Id") ?? c.req.query("client_id") ?? "";
    // alist-api.md §4.6; md5 is the wire's, and protects nothing.
    return { token, device_key: createHash("md5").update(`${user.id}-${clientId}`).digest("hex") };
  }

  declare(
    app,
    deps,
    {
      method: "post",
      path: "/api/auth/login",
      summary: "Log in with a password in clear text",
      access: "open",
      source: "json",
      input: credentials,
      output: granted,
    },
    (call) => logIn(call, staticHash(call.input.password)),
  );

  declare(
    app,
    deps,
    {
      method: "post",
      path: "/api/auth/login/hash",
      summary: "Log in with AList's static hash of the password",
      access: "open",
      source: "json",
      input: credentials,
      output: granted,
    },
    (call) => logIn(call, call.input.password),
  );

  declare(
    app,
    deps,
    {
      method: "get",
      path: "/api/auth/logout",
      summary: "End this session",
      access: "guest",
      input: nothing,
      output: z.null(),
    },
    async ({ caller }) => {
      if (caller.sessionId) await sessions.end(caller.sessionId);
      return null;
    },
  );

  declare(
    app,
    deps,
    {
      method: "post",
      path: "/api/auth/2fa/generate",
      summary:
        "A new secret for an authenticator app, and its QR code; nothing is stored until a code of it is verified",
      access: "person",
      guestMessage: "Guest user can not generate 2FA code",
      source: "query",
      input: nothing,
      output: z.object({ qr: z.string(), secret: z.string() }),
    },
    async ({ caller: { user } }) => {
      const secret = newTotpSecret();
      const { default: qrcode } = await import("qrcode");
      return { qr: await qrcode.toDataURL(totpAddress(secret, user.name, ISSUER), { width: QR_PIXELS }), secret };
    },
  );

  declare(
    app,
    deps,
    {
      method: "post",
      path: "/api/auth/2fa/verify",
      summary: "Ask for codes of this secret at every login from now on",
      access: "person",
      guestMessage: "Guest user can not generate 2FA code",
      source: "json",
      input: z.object({ code: z.string(), secret: z.string().refine(isTotpSecret, "is no base32 secret") }),
      output: z.null(),
    },
    async ({ input: { code, secret }, caller: { user } }) => {
      await authenticator.enrol(user, secret, code);
      return null;
    },
  );
}
