/** The services of the demo. */
import type { DemoService } from "./service.ts";
import { startSjtuPanDemo } from "./sjtu-pan.ts";

/** Starts each of them; all are mounted side by side. */
export const SERVICES: readonly (() => Promise<DemoService>)[] = [startSjtuPanDemo];
