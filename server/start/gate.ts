/** What every request passes before its front is chosen: who sends it, what browsers must know, and where the server is mounted. */
import type { IncomingMessage, ServerResponse } from "node:http";
import { endReply } from "../http/body.ts";
import { identifyClient } from "../http/client.ts";
import { type CorsRule, shareWith } from "../http/cors.ts";
import { parseUrls } from "../http/public-urls.ts";
import { parseNetworks } from "../store/networks.ts";
import { parseOrigins } from "../store/origins.ts";
import type { Settings } from "../store/settings.ts";

export interface Gate {
  /** True when it has answered: a preflight, a path outside the base path, or one that climbs. What is let in to other fronts than WebDAV has lost its base path. */
  enter(request: IncomingMessage, response: ServerResponse): boolean;
  /** The hosts of `site_url`. */
  publicHosts(): readonly string[];
}

export interface GateOptions {
  /** `/pandav`, or empty. */
  readonly basePath: string;
  /** WebDAV keeps its paths whole: they stand in its answers. */
  isWebdav(request: IncomingMessage): boolean;
}

/** A gate that heeds the settings as they are at each request. */
export function createGate(settings: Pick<Settings, "get">, { basePath, isWebdav }: GateOptions): Gate {
  const proxies = remembered(parseNetworks);
  const origins = remembered(parseOrigins);
  const hosts = remembered((text) => parseUrls(text).map(({ host }) => host));

  function ruleOf(forWebdav: boolean): CorsRule {
    const text = settings.get("cors_origins");
    const rule = origins(text);
    // AList's API is open to every page: what a page does there, it does with a token that it was given.
    return text === "" && !forWebdav ? { ...rule, anybody: true } : rule;
  }

  return {
    enter(request, response) {
      const trusted = proxies(settings.get("trusted_proxies"));
      if (!trusted.isEmpty) identifyClient(request, trusted.has);
      const forWebdav = isWebdav(request);
      if (shareWith(request, response, ruleOf(forWebdav))) return true;
      if (forWebdav) return false;
      if (climbs(request.url ?? "")) {
        endReply(request, response, 400, TEXT, "The path holds a dot segment.\n");
        return true;
      }
      if (basePath === "") return false;
      const inside = withoutBase(request.url ?? "", basePath);
      if (inside !== undefined) {
        request.url = inside;
        return false;
      }
      endReply(request, response, 404, TEXT, "There is nothing here.\n");
      return true;
    },
    publicHosts: () => hosts(settings.get("site_url")),
  };
}

const TEXT = ["Content-Type", "text/plain; charset=utf-8"];

/** True for a path with `.` or `..` in it, escaped or not: a proxy before us would judge another path than we do. */
function climbs(target: string): boolean {
  const path = target.replace(/[?#].*$/s, "");
  return /(?:^|[/\\])(?:\.|%2e){1,2}(?:[/\\]|$)/i.test(path);
}

/** A target below the base path without it, and without scheme and host (RFC 9112 §3.2.2). */
function withoutBase(target: string, basePath: string): string | undefined {
  const path = target.replace(/^https?:\/\/[^/?#]*/i, "");
  if (!path.startsWith(basePath)) return undefined;
  const rest = path.slice(basePath.length);
  if (rest === "" || rest.startsWith("?")) return `/${rest}`;
  return rest.startsWith("/") ? rest : undefined;
}

/** Settings are asked for at every request, and change seldom. */
function remembered<T>(parse: (text: string) => T): (text: string) => T {
  let last: { readonly text: string; readonly value: T } | undefined;
  return (text) => {
    if (last?.text !== text) last = { text, value: parse(text) };
    return last.value;
  };
}
