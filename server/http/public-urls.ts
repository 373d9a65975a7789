/** The addresses under which clients reach this server, as the setting `site_url` holds them. */

/** The addresses of a text, parted by commas or white space; what is no http or https address is left out. */
export function parseUrls(text: string): URL[] {
  return text
    .split(/[\s,]+/)
    .filter((item) => /^https?:/i.test(item) && URL.canParse(item))
    .map((item) => new URL(item));
}
