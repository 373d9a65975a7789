import { describeMount } from "./describeMount.ts";
import { openLocalFolder } from "./local-folder.ts";

describeMount("local", { open: openLocalFolder });
