/** Origins of web pages, as settings hold them. */

/** A list of origins. */
export interface OriginList {
  readonly origins: ReadonlySet<string>;
  /** `*` is among them. */
  readonly anybody: boolean;
}

/** Origins of a text, parted by commas or white space, and whether `*` is among them. Throws an Error that names the first that is no origin. */
export function parseOrigins(text: string): OriginList {
  const origins = new Set<string>();
  let anybody = false;
  for (const item of text.split(/[\s,]+/)) {
    if (item === "*") anybody = true;
    else if (item !== "") origins.add(originOf(item));
  }
  return { origins, anybody };
}

function originOf(item: string): string {
  const url = URL.canParse(item) ? new URL(item) : undefined;
  // Apps in a web view have schemes of their own, whose origin the URL parser calls "null".
  const isOrigin = url && !/^null$/i.test(item) && (url.pathname === "" || url.pathname === "/") && !url.search;
  if (!isOrigin) throw new Error(`"${item}" is no origin such as https://panel.example.com`);
  return item.replace(/\/$/, "").toLowerCase();
}
