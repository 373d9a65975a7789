import { describeMount } from "#test/contract/describeMount.ts";
import { underFaults, underStack } from "#test/contract/under-stack.ts";
import { openPan } from "./simulator.ts";

describeMount("SJTU Pan", { open: openPan });

describeMount("SJTU Pan under the stack", { open: underStack(openPan) });

describeMount("SJTU Pan under the stack and seeded faults", { open: underFaults(openPan, 1) });
