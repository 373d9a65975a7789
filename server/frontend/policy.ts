/** What a front end from outside may do in its visitor's browser (decision 0025). */

/**
 * Bytes come from wherever a link leads (`/d` redirects to the service), so pictures, films and calls may go anywhere. Scripts may not: only
 * what the page itself brought, or loads, runs.
 */
const COMMON = [
  "default-src 'self'",
  "style-src 'self' 'unsafe-inline'",
  "font-src 'self' data:",
  "img-src * data: blob:",
  "media-src * data: blob:",
  "connect-src * data: blob:",
  "frame-src * blob:",
  "worker-src 'self' blob:",
  "object-src 'none'",
  "base-uri 'none'",
  "form-action 'self'",
  "frame-ancestors 'self'",
];

/** Of a page: scripts with this nonce, and those they load. WebAssembly computes checksums, and OpenList's front end makes the text of a share by a template that it compiles. */
export function pagePolicy(nonce: string): string {
  return [...COMMON, `script-src 'nonce-${nonce}' 'strict-dynamic' 'unsafe-eval'`].join("; ");
}

/** Of every other file: one that runs as a worker brings its own policy. */
export const FILE_POLICY = [...COMMON, "script-src 'self' blob: 'wasm-unsafe-eval'"].join("; ");
