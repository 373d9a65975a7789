import { describeMount } from "./describeMount.ts";
import { openLinked } from "./linked-storage.ts";
import { underStack } from "./under-stack.ts";

describeMount("files behind links", { open: openLinked });

describeMount("files behind links, read by the stack", { open: underStack(openLinked) });
