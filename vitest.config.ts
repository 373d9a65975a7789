/** `npm test`: all tests but `*.full.test.ts`, under ten minutes on two cores. */
import { defineConfig } from "vitest/config";
import { globalSetup, projects, reporters } from "./test/support/vitest-groups.ts";

export default defineConfig({ test: { reporters, globalSetup, projects: projects({ full: false }) } });
