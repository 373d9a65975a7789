/** Which Pandav this is. */
import { readFileSync } from "node:fs";
import { findPackageJSON } from "node:module";

/** The version in `package.json`. It is looked for upwards: the bundle of the npm package lies at another depth than the sources. */
export function readVersion(): string {
  const manifest = findPackageJSON(import.meta.url);
  if (manifest === undefined) throw new Error(`package.json is missing above ${import.meta.url}`);
  return (JSON.parse(readFileSync(manifest, "utf8")) as { version: string }).version;
}
