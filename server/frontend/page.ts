/** The page that a front end begins with, told where it is and what it is called (alist-api.md §16). */

/** What a page is told. */
export interface PageFacts {
  /** In front of every path, `/pandav`; empty at the root. */
  readonly basePath: string;
  readonly title: string;
  readonly color: string;
  /** Address of the icon: the one built in is on a host that nobody asked for. */
  readonly icon: string;
  /** HTML of the administrator's own. */
  readonly head: string;
  readonly body: string;
  /** Every script bears it, so that no other runs. */
  readonly nonce: string;
}

/** The page as it is sent. */
export function renderPage(html: string, facts: PageFacts): string {
  const { basePath, title, color, icon, head, body, nonce } = facts;
  const values: Readonly<Record<string, string>> = { cdn: basePath, base_path: basePath, main_color: color };
  return html
    .replace(/\b(cdn|base_path|main_color): undefined/g, (_, key: string) => `${key}: ${scriptText(values[key] ?? "")}`)
    .replace(/<title>[^<]*<\/title>/, () => `<title>${escapeHtml(title)}</title>`)
    .replace(/<link\b[^>]*>/g, (tag) => renderLink(tag, basePath, icon))
    .replace("<!-- customize head -->", () => head)
    .replace("<!-- customize body -->", () => body)
    .replace(/<script\b/gi, `<script nonce="${nonce}"`);
}

function renderLink(tag: string, basePath: string, icon: string): string {
  const rel = /\brel="([^"]*)"/.exec(tag)?.[1] ?? "";
  if (/\bicon\b|apple-touch-icon/.test(rel)) return withHref(tag.replace(/\s+type="[^"]*"/, ""), icon);
  if (rel === "manifest") return withHref(tag, `${basePath}/manifest.json`);
  return tag;
}

function withHref(tag: string, address: string): string {
  return tag.replace(/\bhref="[^"]*"/, () => `href="${escapeHtml(address)}"`);
}

/** A literal of JavaScript that does not end its script. */
function scriptText(text: string): string {
  return JSON.stringify(text).replaceAll("<", "\\u003c");
}

const ENTITIES: Readonly<Record<string, string>> = { "&": "&amp;", "<": "&lt;", ">": "&gt;", '"': "&quot;" };

function escapeHtml(text: string): string {
  return text.replace(/[&<>"]/g, (mark) => ENTITIES[mark] ?? mark);
}
