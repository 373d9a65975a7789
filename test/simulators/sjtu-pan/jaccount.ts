/** The pages of jaccount.sjtu.edu.cn and my.sjtu.edu.cn (sjtu-pan.md §2.2, §2.3, §2.9). */
import type { Call } from "./call.ts";
import type { QrLogin } from "./qr.ts";
import { createCode, createCookie, living } from "./tokens.ts";
import { HOSTS, html, redirect, type SimReply } from "./wire.ts";

/** Services that send people to jAccount, by client id, and where they come back. */
const CLIENTS = {
  pan: `https://${HOSTS.pan}/login`,
  my: `https://${HOSTS.my}/ui/appmyinfo`,
} as const;

type Page = (call: Call, qr: QrLogin) => SimReply;

const PAGES: Readonly<
  Record<string, { readonly name: string; readonly query: readonly string[]; readonly run: Page }>
> = {
  "jaccount /oauth2/authorize": {
    name: "jaccount.authorize",
    query: ["response_type", "client_id", "redirect_uri", "scope", "state"],
    run: authorize,
  },
  "jaccount /jaccount/jalogin": {
    name: "jaccount.login-page",
    query: ["sid", "client", "returl", "se"],
    run: loginPage,
  },
  "jaccount /jaccount/confirmscancode": {
    name: "jaccount.confirmscancode",
    query: ["uuid", "ts", "sig"],
    run: confirmScan,
  },
  "jaccount /jaccount/expresslogin": { name: "jaccount.expresslogin", query: ["uuid"], run: expressLogin },
  "jaccount /jaccount/welcome": {
    name: "jaccount.welcome",
    query: [],
    run: () => html(200, "<p>You are logged in.</p>"),
  },
  "my /ui/appmyinfo": { name: "my.appmyinfo", query: ["code", "state"], run: myInfo },
};

/** Where a browser goes to log in for a service; `state` comes back unchanged. */
export function authorizeAddress(client: keyof typeof CLIENTS, state: string): string {
  const query = new URLSearchParams({
    response_type: "code",
    client_id: client,
    redirect_uri: CLIENTS[client],
    scope: "basic",
    state,
  });
  return `https://${HOSTS.jaccount}/oauth2/authorize?${query}`;
}

/** Names the page of a request in `call` and answers it. */
export function jaccountPages(call: Call, qr: QrLogin): () => SimReply {
  const { role, rawPath, method } = call.request;
  const page = PAGES[`${role} ${rawPath}`];
  if (!page) return () => notFound(call, "path", `${role} has no such page`);
  call.route = page.name;
  return () => {
    if (method !== "GET") return notFound(call, "method", `${method} is not known at this page`);
    call.expectQuery(page.query);
    return page.run(call, qr);
  };
}

/** A cookie of the request. */
function cookieOf(call: Call, name: string): string | undefined {
  const header = call.request.headers.cookie ?? "";
  for (const pair of header.split(";")) {
    const at = pair.indexOf("=");
    if (pair.slice(0, at).trim() === name) return pair.slice(at + 1).trim();
  }
  return undefined;
}

/** What my.sjtu.edu.cn sends along to the login and gets back. */
const MY_STATE = "appmyinfo";

function authorize(call: Call): SimReply {
  const { world, request } = call;
  const client = request.query.get("client_id");
  if (client !== "pan" && client !== "my") return html(400, "<p>unknown client</p>");
  if (request.query.get("redirect_uri") !== CLIENTS[client]) return html(400, "<p>wrong redirect_uri</p>");
  const grant = living(world, world.cookies, cookieOf(call, "JAAuthCookie") ?? "");
  if (!grant) {
    const query = new URLSearchParams({
      sid: "jaoauth220160718",
      client,
      returl: world.secret(32),
      se: world.secret(32),
    });
    return redirect(`https://${HOSTS.jaccount}/jaccount/jalogin?${query}`);
  }
  const back = new URLSearchParams({ code: createCode(world, grant.account), state: request.query.get("state") ?? "" });
  return redirect(`${CLIENTS[client]}?${back}`);
}

function loginPage(_call: Call, qr: QrLogin): SimReply {
  const { uuid, cookie } = qr.open();
  return html(
    200,
    `<h1>jAccount</h1><img id="qr" alt="QR"><script>const page = "/jaccount/expresslogin?uuid=${uuid}";</script>`,
    { "Set-Cookie": `JSESSIONID=${cookie}; Path=/jaccount; Secure; HttpOnly` },
  );
}

/** The phone: opening the address of the code is scanning and confirming it. */
function confirmScan(call: Call, qr: QrLogin): SimReply {
  const { query } = call.request;
  const good = qr.scan(query.get("uuid") ?? "", query.get("sig") ?? "", Number(query.get("ts")));
  return good ? html(200, "<p>Confirmed: you are logged in.</p>") : html(200, "<p>This code is no longer valid.</p>");
}

function expressLogin(call: Call, qr: QrLogin): SimReply {
  const session = qr.find(call.request.query.get("uuid") ?? "");
  if (!session) return html(404, "<p>no such login page</p>");
  const sent = cookieOf(call, "JSESSIONID");
  if (sent !== session.cookie) {
    call.violate("protocol", "expresslogin needs the cookies of the login page (sjtu-pan.md §2.2)");
    return html(200, "<p>please log in</p>");
  }
  if (!session.confirmedBy) return html(200, "<p>please scan the code</p>");
  const cookie = createCookie(call.world, session.confirmedBy);
  return redirect(`https://${HOSTS.jaccount}/jaccount/welcome`, {
    "Set-Cookie": `JAAuthCookie=${cookie}; Domain=${HOSTS.jaccount}; Path=/; Secure; HttpOnly`,
  });
}

function myInfo(call: Call): SimReply {
  const { world, request } = call;
  const code = living(world, world.codes, request.query.get("code") ?? "");
  const fresh = code?.used === false ? code : undefined;
  if (fresh) fresh.used = true;
  const grant = fresh ?? living(world, world.mySessions, cookieOf(call, "MYSESSION") ?? "");
  if (!grant) return redirect(authorizeAddress("my", MY_STATE));
  const session = world.secret(32);
  world.mySessions.set(session, { account: grant.account, expiresAt: world.now() + world.knobs.cookieLifeMs });
  const cookie = `MYSESSION=${session}; Path=/; Secure; HttpOnly`;
  return html(200, `<p>${grant.account.nickname}</p>`, { "Set-Cookie": cookie });
}

function notFound(call: Call, kind: "path" | "method", message: string): SimReply {
  call.violate(kind, message);
  return html(404, "<p>not found</p>");
}
