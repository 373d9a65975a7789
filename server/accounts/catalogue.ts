/** What drivers and kinds of accounts there are, for fronts: what can be mounted, which settings it asks for, and how one logs in. */
import type { AnyAccount } from "#drivers/contract/account.ts";
import { describeConfig, type FieldDescription } from "#drivers/contract/config.ts";
import type { AnyDriver } from "#drivers/contract/driver.ts";
import type { Traits } from "#drivers/contract/traits.ts";
import { Registry } from "#drivers/registry.ts";
import { type AlistFormDescription, describeAlistForm, type FormEnvironment } from "./alist-form.ts";

/** A driver as forms, the command line and the documentation show it. */
export interface DriverDescription {
  readonly id: string;
  readonly title: string;
  /** AList's names, the first being shown as `provider`. */
  readonly aliases: readonly string[];
  readonly fields: readonly FieldDescription[];
  readonly traits: Traits;
  readonly account?: { readonly kind: string; readonly needed: "always" | "for-content" | "never" };
  /** AList's own form, where the driver has one. */
  readonly alist?: AlistFormDescription;
}

/** A kind of account as forms and the command line show it. */
export interface AccountKind {
  readonly kind: string;
  readonly title: string;
  /** The ways to log in, the best first. */
  readonly flows: readonly {
    readonly id: string;
    readonly title: string;
    readonly fields: readonly FieldDescription[];
  }[];
  /** True where a pasted cookie or token will do. */
  readonly takesText: boolean;
  /** True where another client's session file will do. */
  readonly takesSession: boolean;
  /** Ids of the drivers that use such an account, those that always need one first. */
  readonly drivers: readonly string[];
}

/** What the accounts need of the registry. */
export interface AccountSource {
  kinds(): readonly string[];
  /** Loads the definition of a kind. */
  find(kind: string): Promise<AnyAccount | undefined>;
}

/** What the catalogue needs of the driver registry. */
export interface DriverSource {
  ids(): readonly string[];
  /** Loads a driver by its id or one of its aliases. */
  find(idOrAlias: string): Promise<AnyDriver | undefined>;
}

export interface Catalogue {
  /** All drivers in the registry's order. */
  drivers(): Promise<readonly DriverDescription[]>;
  /** Undefined where there is no driver of that id or alias. */
  driver(idOrAlias: string): Promise<DriverDescription | undefined>;
  /** All kinds of accounts in the registry's order. */
  accountKinds(): Promise<readonly AccountKind[]>;
}

/** Our drivers and those of the packages named by `specifiers`, looked for from `fromDirectory`. Throws `invalid-config` that names the package. */
export async function openDrivers(
  specifiers: readonly string[],
  fromDirectory: string,
): Promise<DriverSource & { readonly accounts: AccountSource }> {
  const registry = new Registry();
  await registry.loadExternalDrivers(specifiers, fromDirectory);
  return registry;
}

/** A catalogue over a registry; a driver is loaded when it is first described. */
export function createCatalogue(
  registry: DriverSource & { readonly accounts?: AccountSource },
  environment: FormEnvironment = { log: { debug() {}, info() {}, warn() {} } },
): Catalogue {
  const { accounts } = registry;
  const known = new Map<string, DriverDescription>();
  const describe = async (idOrAlias: string): Promise<DriverDescription | undefined> => {
    const driver = await registry.find(idOrAlias);
    if (!driver) return undefined;
    const description = known.get(driver.id) ?? toDescription(driver, environment);
    known.set(driver.id, description);
    return description;
  };
  const drivers = async () => {
    const all = await Promise.all(registry.ids().map(describe));
    return all.filter((description) => description !== undefined);
  };
  return {
    drivers,
    driver: describe,
    async accountKinds() {
      const definitions = await Promise.all((accounts?.kinds() ?? []).map((kind) => accounts?.find(kind)));
      const all = await drivers();
      return definitions.flatMap((definition) => (definition ? [toAccountKind(definition, all)] : []));
    },
  };
}

function toDescription(driver: AnyDriver, environment: FormEnvironment): DriverDescription {
  const alist = describeAlistForm(driver, environment);
  return {
    id: driver.id,
    title: driver.title,
    aliases: driver.aliases,
    fields: describeConfig(driver.settings),
    traits: driver.traits,
    ...(driver.account && { account: driver.account }),
    ...(alist && { alist }),
  };
}

function toAccountKind(definition: AnyAccount, drivers: readonly DriverDescription[]): AccountKind {
  const { kind, title, flows, matchText, importSession } = definition;
  const users = drivers.filter(({ account }) => account?.kind === kind && account.needed !== "never");
  const always = users.filter(({ account }) => account?.needed === "always");
  return {
    kind,
    title,
    flows: flows.map((flow) => ({ id: flow.id, title: flow.title ?? flow.id, fields: describeConfig(flow.input) })),
    takesText: matchText !== undefined,
    takesSession: importSession !== undefined,
    drivers: [...new Set([...always, ...users])].map(({ id }) => id),
  };
}
