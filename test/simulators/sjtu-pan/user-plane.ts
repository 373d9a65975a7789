/** `/user/v1`: accounts, organization, tokens (sjtu-pan.md §2.3–2.6, §3.10). */
import type { Call } from "./call.ts";
import { ServiceError } from "./errors.ts";
import { authorizeAddress } from "./jaccount.ts";
import { accountOfUserToken, createAccessToken, createUserToken } from "./tokens.ts";
import { json, redirect, type SimReply } from "./wire.ts";
import { type Account, CORP_ID, ORGANIZATION_ID, type World } from "./world.ts";

interface UserRoute {
  readonly name: string;
  readonly method: "GET" | "POST";
  readonly path: RegExp;
  readonly query: readonly string[];
  run(call: Call, match: RegExpExecArray): SimReply;
}

/** Longest device id; the service's own limit is not known. */
const MAX_DEVICE_ID = 128;

const ROUTES: readonly UserRoute[] = [
  {
    name: "user.login-org-list",
    method: "GET",
    path: /^\/user\/v1\/organization\/login-org-list$/,
    query: [],
    run: () => json(200, { organizationList: [{ corpId: CORP_ID, name: "上海交通大学" }] }),
  },
  {
    name: "user.sso-redirect",
    method: "GET",
    path: /^\/user\/v1\/sign-in\/sso-login-redirect\/([^/]+)$/,
    query: ["auto_redirect", "from", "custom_state"],
    run(call, match) {
      expectCorporation(match);
      const address = authorizeAddress("pan", call.request.query.get("custom_state") ?? call.world.secret(16));
      return call.request.query.get("auto_redirect") === "false" ? json(200, { url: address }) : redirect(address);
    },
  },
  {
    name: "user.verify",
    method: "POST",
    path: /^\/user\/v1\/sign-in\/verify-account-login\/([^/]+)$/,
    query: ["device_id", "type", "credential"],
    run: verify,
  },
  {
    name: "user.personal-space",
    method: "POST",
    path: /^\/user\/v1\/space\/1\/personal$/,
    query: ["user_token"],
    run(call) {
      call.expectNoBody();
      const account = accountOfUserToken(call);
      if (!account.hasPersonalSpace) throw new ServiceError("PersonalSpaceNotAllowed");
      return json(200, spaceAndToken(call.world, account));
    },
  },
  {
    name: "user.space-token",
    method: "POST",
    path: /^\/user\/v1\/space\/1\/token\/([^/]+)$/,
    query: ["user_token"],
    run(call, match) {
      const account = accountOfUserToken(call);
      if (match[1] !== account.space.id) throw new ServiceError("NoPermission");
      return json(200, spaceAndToken(call.world, account));
    },
  },
  {
    name: "user.space",
    method: "GET",
    path: /^\/user\/v1\/space\/1$/,
    query: ["user_token"],
    run(call) {
      const { capacity, space, hasPersonalSpace } = accountOfUserToken(call);
      const used = call.world.usedBytes(space);
      return json(200, {
        ...(capacity !== undefined && {
          availableSpace: String(Math.max(0, capacity - used)),
          capacity: String(capacity),
        }),
        size: String(used),
        hasPersonalSpace,
      });
    },
  },
  {
    name: "user.organization",
    method: "GET",
    path: /^\/user\/v1\/organization$/,
    query: ["user_token"],
    run: (call) => json(200, [organizationOf(call.world, accountOfUserToken(call))]),
  },
  {
    name: "user.user",
    method: "GET",
    path: /^\/user\/v1\/user\/1\/(\d+)$/,
    query: ["user_token", "with_belonging_teams", "pf"],
    run(call, match) {
      const account = accountOfUserToken(call);
      if (match[1] !== String(account.userId)) throw new ServiceError("InvalidUserId");
      return json(200, { userId: account.userId, nickname: account.nickname, enabled: true, role: "user" });
    },
  },
  {
    name: "user.sign-out",
    method: "POST",
    path: /^\/user\/v1\/sign-out$/,
    query: ["user_token"],
    run(call) {
      accountOfUserToken(call);
      call.world.userTokens.delete(call.request.query.get("user_token") ?? "");
      return json(204);
    },
  },
];

/** Names the route of a request in `call` and answers it. */
export function userPlane(call: Call): () => SimReply {
  const { method, rawPath } = call.request;
  const found = ROUTES.filter(({ path }) => path.test(rawPath));
  const route = found.find((one) => one.method === method);
  if (!route) {
    return () => call.refuse(found.length > 0 ? "method" : "path", `${method} is not known at this path`, "NotFound");
  }
  call.route = route.name;
  return () => {
    call.expectQuery(route.query);
    return route.run(call, route.path.exec(rawPath)!);
  };
}

function verify(call: Call, match: RegExpExecArray): SimReply {
  const { world, request } = call;
  expectCorporation(match);
  const { credential: inBody } = call.members(["credential"]);
  const deviceId = request.query.get("device_id");
  if (!deviceId) call.refuse("query", "device_id is missing");
  if (deviceId.length > MAX_DEVICE_ID) throw new ServiceError("DeviceIdLengthExceed");
  if (request.query.get("type") !== "sso") call.refuse("query", "type is not sso");
  const value = request.query.get("credential") ?? inBody;
  if (typeof value !== "string") return call.refuse("query", "credential is missing");
  const code = world.codes.get(value);
  if (!code) throw new ServiceError("ParamInvalid");
  if (code.used) throw new ServiceError("AuthorizationCodeHasBeenUsed");
  if (code.expiresAt <= world.now()) throw new ServiceError("AuthorizationCodeExpired");
  code.used = true;
  return json(200, {
    userId: code.account.userId,
    userToken: createUserToken(world, code.account),
    expiresIn: world.knobs.userTokenLifeMs / 1000,
    isNewUser: false,
    organizations: [organizationOf(world, code.account)],
  });
}

function expectCorporation(match: RegExpExecArray): void {
  if (match[1] !== CORP_ID) throw new ServiceError("InvalidOrganizationId");
}

function spaceAndToken(world: World, account: Account) {
  return {
    libraryId: world.libraryId,
    spaceId: account.space.id,
    accessToken: createAccessToken(world, account),
    expiresIn: world.knobs.accessTokenLifeMs / 1000,
  };
}

function organizationOf(world: World, account: Account) {
  return {
    id: ORGANIZATION_ID,
    name: "上海交通大学",
    libraryId: world.libraryId,
    libraryCert: "not-for-clients",
    expired: false,
    isTemporary: false,
    ipLimitEnabled: false,
    isLastSignedIn: true,
    orgUser: {
      nickname: account.nickname,
      avatar: "",
      role: "user",
      enabled: true,
      deregister: false,
      needChangePassword: false,
    },
    extensionData: { enableShare: true, enableDocPreview: true, enableDocEdit: false, ssoWay: "jaccount", syncWay: "" },
  };
}
