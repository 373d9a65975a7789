import { describeMount } from "./describeMount.ts";
import { openLocalFolder } from "./local-folder.ts";
import { underFaults, underStack } from "./under-stack.ts";

describeMount("local under the stack", { open: underStack(openLocalFolder) });

describeMount("local under the stack and seeded faults", { open: underFaults(openLocalFolder, 3) });
