/** `npm test`: all tests but `*.full.test.ts`, under ten minutes on two cores. */
import { defineConfig } from "vitest/config";
import { projects, reporters } from "./test/support/vitest-groups.ts";

export default defineConfig({ test: { reporters, projects: projects({ full: false }) } });
