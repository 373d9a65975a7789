/** Where requests to a host really go (`DriverEnv.upstreams`). */

/** Real host (with its port where it has one) → other origin; `*.example.com` stands for every host below it. */
export type Upstreams = Readonly<Record<string, string>>;

/** The origin that stands in for a host, or undefined. An exact host wins over a pattern, a longer pattern over a shorter one. */
export function routeOf(host: string, upstreams: Upstreams): URL | undefined {
  const exact = upstreams[host];
  if (exact !== undefined) return new URL(exact);
  let best: string | undefined;
  for (const pattern of Object.keys(upstreams)) {
    if (!pattern.startsWith("*.") || !host.endsWith(pattern.slice(1))) continue;
    if (best === undefined || pattern.length > best.length) best = pattern;
  }
  return best === undefined ? undefined : new URL(upstreams[best] as string);
}
