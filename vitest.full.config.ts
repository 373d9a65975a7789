/** `npm run test:full`: what `npm test` runs, and the long runs in `*.full.test.ts`. */
import { defineConfig } from "vitest/config";
import { globalSetup, projects, reporters } from "./test/support/vitest-groups.ts";

export default defineConfig({ test: { reporters, globalSetup, projects: projects({ full: true }) } });
