/** The bundle of the npm package: Node strips no types below `node_modules`. A checkout runs its sources and has no use for it. */
import { readFileSync } from "node:fs";
import { defineConfig } from "rolldown";

const { dependencies } = JSON.parse(readFileSync(new URL("package.json", import.meta.url), "utf8")) as {
  readonly dependencies: Readonly<Record<string, string>>;
};

/** Bundled though declared: made of many small modules, whose loading is longer than what they do, a third of what `pandav ls` takes. Their versions are pinned, so no newer one would be loaded instead. */
const BUNDLED = [
  "@hono/node-server",
  "@hono/zod-openapi",
  "commander",
  "hono",
  "kysely",
  "lru-cache",
  "mime-types",
  "zod",
];
const packages = Object.keys(dependencies).filter((name) => !BUNDLED.includes(name));

export default defineConfig({
  // The index of names has a thread, which begins with a file of its own.
  input: { main: "server/main.ts", "name-worker": "server/vfs/search/name-worker.ts" },
  platform: "node",
  // They are installed with the package: what looks for files of its own, and what is loaded when it is first needed.
  external: (id) => packages.some((name) => id === name || id.startsWith(`${name}/`)),
  // One file for each set of modules that is loaded together: drivers and the server stay out of the way of a command that needs neither.
  output: { dir: "dist", cleanDir: true, entryFileNames: "[name].js", chunkFileNames: "[name].js" },
});
