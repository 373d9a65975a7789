import { describeMount } from "./describeMount.ts";
import { DUPLICATING, openMemory, REFUSING, SUFFIXING } from "./memory-storage.ts";
import { underFaults, underStack } from "./under-stack.ts";

describeMount("memory under the stack", { open: underStack(openMemory()) });

describeMount("memory, read-only, under the stack", { open: underStack(openMemory({ readOnly: true })) });

describeMount("memory that duplicates names under the stack", { open: underStack(openMemory(DUPLICATING)) });

describeMount("memory that refuses taken names under the stack", { open: underStack(openMemory(REFUSING)) });

describeMount("memory that suffixes taken names under the stack", { open: underStack(openMemory(SUFFIXING)) });

describeMount("memory under the stack and seeded faults", { open: underFaults(openMemory(), 1) });
