/** The contract suite that every driver runs: `describeMount` registers the cases that concern a mount by what it can do, never by its name. */
import { afterAll, describe, it } from "vitest";
import { capabilitiesOf } from "#drivers/contract/traits.ts";
import { abortCases } from "./cases/aborts.ts";
import { conflictCases } from "./cases/conflicts.ts";
import { listingCases } from "./cases/listing.ts";
import { movingCases } from "./cases/moving.ts";
import { nameCases } from "./cases/names.ts";
import { readOnlyCases } from "./cases/read-only.ts";
import { readingCases } from "./cases/reading.ts";
import { removingCases } from "./cases/removing.ts";
import { rootCases } from "./cases/root.ts";
import { statCases } from "./cases/stat.ts";
import { writingCases } from "./cases/writing.ts";
import type {
  CaseContext,
  ContractCase,
  ContractException,
  Facts,
  MountSuite,
  MountUnderTest,
} from "./mount-under-test.ts";

/** Every case there is. */
export const CONTRACT_CASES: readonly ContractCase[] = [
  ...rootCases,
  ...listingCases,
  ...statCases,
  ...readingCases,
  ...readOnlyCases,
  ...nameCases,
  ...writingCases,
  ...conflictCases,
  ...movingCases,
  ...removingCases,
  ...abortCases,
];

const CASE_TIMEOUT_MS = 60_000;

/** Registers the contract suite for a mount. */
export function describeMount(name: string, { open, exceptions = [] }: MountSuite): void {
  describe(`the mount contract: ${name}`, async () => {
    const probe = await open();
    const facts = factsOf(probe);
    await closeAll(probe);

    const concerned = CONTRACT_CASES.filter((contractCase) => contractCase.concerns?.(facts) ?? true);
    const excepted = new Map(exceptions.map((exception) => [exception.case, exception]));

    for (const contractCase of concerned) {
      const exception = excepted.get(contractCase.name);
      const timeout = contractCase.timeoutMs ?? CASE_TIMEOUT_MS;
      if (!exception) it(contractCase.name, { timeout }, () => runCase(contractCase, open));
      else it(`is excepted: ${contractCase.name}`, { timeout }, () => expectException(exception, contractCase, open));
    }

    it("excepts only cases that concern the mount", () => {
      const unknown = exceptions.filter((exception) => !concerned.some(({ name }) => name === exception.case));
      if (unknown.length > 0) throw new Error(`no such case: ${unknown.map((exception) => exception.case).join("; ")}`);
    });

    afterAll(() => {
      for (const { case: excused, reason, fact } of exceptions) {
        console.log(`exception of ${name}: "${excused}": ${reason} (${fact})`);
      }
    });
  });
}

/** Runs one case on a storage of its own. Rejects when the mount breaks the contract. */
export async function runCase(contractCase: ContractCase, open: MountSuite["open"]): Promise<void> {
  const opened = await open();
  try {
    const context: CaseContext = { ...opened, can: capabilitiesOf(opened.mount, opened.traits) };
    await contractCase.run(context);
  } finally {
    await closeAll(opened);
  }
}

/** What decides which cases concern a mount. */
function factsOf(opened: MountUnderTest): Facts {
  const { mount } = opened;
  return {
    ...opened,
    can: capabilitiesOf(mount, opened.traits),
    readsItself: mount.read !== undefined,
    resumes: mount.abandonUpload !== undefined,
  };
}

/** Rejects unless the case fails, as its exception says. */
export async function expectException(
  { reason }: ContractException,
  contractCase: ContractCase,
  open: MountSuite["open"],
): Promise<void> {
  try {
    await runCase(contractCase, open);
  } catch {
    return;
  }
  throw new Error(`the case passes, so it is no exception any more: ${contractCase.name} (${reason})`);
}

async function closeAll({ mount, dispose }: MountUnderTest): Promise<void> {
  try {
    await mount.close?.();
  } finally {
    await dispose();
  }
}
