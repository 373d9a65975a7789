/** Which cookies and secrets may go to which host (sjtu-pan.md §1.2, §1.3, §2.3). */
import type { Call } from "./call.ts";
import type { Role } from "./wire.ts";
import type { World } from "./world.ts";

const COOKIES: Readonly<Record<Role, readonly string[]>> = {
  pan: ["USER_TOKEN", "keepalive", "keep_alive"],
  jaccount: ["JAAuthCookie", "JSESSIONID", "keepalive"],
  my: ["MYSESSION", "keepalive"],
  store: [],
};

/** Notes headers and secrets that do not belong to the host that got them. */
export function checkHeaders(call: Call): void {
  const { headers, role } = call.request;
  if (role !== "store") {
    if (headers.authorization !== undefined) {
      call.violate("header", "an Authorization header is not accepted (sjtu-pan.md §1.2)");
    }
    for (const pair of (headers.cookie ?? "").split(";")) {
      const name = pair.split("=")[0]?.trim() ?? "";
      if (name !== "" && !COOKIES[role].includes(name)) call.violate("header", `the cookie ${name} is not for ${role}`);
    }
  }
  for (const kind of leaks(call)) call.violate("leaked-secret", `${kind} was sent to ${role} where it does not belong`);
}

function leaks(call: Call): string[] {
  const { request, world } = call;
  const { role, rawPath, query } = request;
  const { cookie = "", ...others } = request.headers;
  const allHeaders = [cookie, ...Object.values(others).map(String)];
  const inHeaders = role === "pan" ? allHeaders.slice(1) : allHeaders;
  const outside = role === "pan" ? inHeaders : [rawPath, query.raw, ...inHeaders];
  const found: string[] = [];
  if (holds(outside, tokens(world))) found.push("a token");
  const jaccountPlaces = role === "jaccount" ? [rawPath, query.raw] : [rawPath, query.raw, ...allHeaders];
  const cookies = [...world.cookies.keys()];
  if (holds(jaccountPlaces, cookies)) found.push("a JAAuthCookie");
  return found;
}

function tokens(world: World): string[] {
  return [...world.accessTokens.keys(), ...world.userTokens.keys()];
}

function holds(places: readonly string[], secrets: readonly string[]): boolean {
  const long = places.filter((place) => place.length >= 64);
  return long.length > 0 && secrets.some((secret) => long.some((place) => place.includes(secret)));
}
