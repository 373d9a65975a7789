import { describeMount } from "#test/contract/describeMount.ts";
import type { Held, MountUnderTest } from "#test/contract/mount-under-test.ts";
import { calm } from "#test/contract/steps.ts";
import { underFaults } from "#test/contract/under-stack.ts";
import { testEnv } from "#test/drivers/env.ts";
import { generated } from "#test/support/generated-driver.ts";
import {
  BIG_DIRECTORY_NAME,
  directoryName,
  fileName,
  GONE_DIRECTORY_ID,
  GONE_FILE_ID,
  generatedWorld,
  groupName,
} from "#test/support/generated-world.ts";

const settings = generated.settings.parse({
  directories: 1_500,
  files_per_directory: 3,
  big_directory: 2_500,
  file_size: 1_048_576,
});

describeMount("generated", { open });
describeMount("generated under the stack and seeded faults", { open: underFaults(open, 4) });

async function open(): Promise<MountUnderTest> {
  return {
    mount: await generated.open(settings, testEnv(), calm()),
    traits: generated.traits,
    holds: holds(),
    gone: (kind) => ({ id: kind === "file" ? GONE_FILE_ID : GONE_DIRECTORY_ID, name: "gone", kind }),
    dispose: async () => undefined,
  };
}

function holds(): readonly Held[] {
  const world = generatedWorld(settings);
  const group = world.children(world.root).at(1);
  const directory = world.children(group).at(7);
  const content = world.content(world.children(directory).at(2));
  return [
    { path: [groupName(0), directoryName(0)], kind: "directory" },
    { path: [groupName(1), directoryName(1_007), fileName(1_007, 2)], kind: "file", content },
    { path: [BIG_DIRECTORY_NAME], kind: "directory", entries: 2_500 },
  ];
}
