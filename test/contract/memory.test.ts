import { describeMount } from "./describeMount.ts";
import { DUPLICATING, FUSSY, openMemory, REFUSING, SUFFIXING } from "./memory-storage.ts";

describeMount("memory", { open: openMemory() });

describeMount("memory, read-only", { open: openMemory({ readOnly: true }) });

describeMount("memory that is fussy about names", { open: openMemory(FUSSY) });

describeMount("memory that duplicates names", { open: openMemory(DUPLICATING) });

describeMount("memory that refuses taken names", { open: openMemory(REFUSING) });

describeMount("memory that suffixes taken names", { open: openMemory(SUFFIXING) });
