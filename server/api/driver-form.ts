/** A driver's settings as AList's form items (alist-api.md §12.2). */
import type { FieldDescription } from "#drivers/contract/config.ts";
import type { DriverDescription } from "../accounts/catalogue.ts";
import type { DriverInfo, DriverItem } from "./schemas.ts";

const TYPES: Readonly<Record<FieldDescription["type"], string>> = {
  string: "string",
  number: "number",
  boolean: "bool",
  choice: "select",
};

/** The form of a driver; both lists are never null. */
export function toDriverInfo(definition: DriverDescription): DriverInfo {
  return {
    common: commonItems(definition),
    additional: (definition.alist ?? definition).fields.map(toItem),
    config: {
      name: nameOfDriver(definition),
      local_sort: false,
      only_local: false,
      only_proxy: !canRedirect(definition),
      no_cache: definition.traits.cheapStat === true,
      no_upload: definition.traits.upload === undefined,
      only_indices: false,
      prefer_proxy: false,
      need_ms: false,
      default_root: "",
      alert: "",
    },
  };
}

/** The name under which AList's clients know a driver. */
export function nameOfDriver(definition: DriverDescription): string {
  return definition.aliases[0] ?? definition.id;
}

/** The items that every driver has, in AList's order. */
function commonItems(definition: DriverDescription): DriverItem[] {
  const redirects = canRedirect(definition);
  const policy = redirects
    ? { default: "302_redirect", options: "302_redirect,native_proxy" }
    : { default: "native_proxy", options: "native_proxy" };
  return [
    item("mount_path", "string", {
      required: true,
      help: "Where the storage appears, such as /films. Each path once.",
    }),
    item("order", "number", { help: "Smaller numbers come first." }),
    item("remark", "text", {}),
    item("cache_expiration", "number", {
      default: "30",
      required: true,
      help: "Minutes for which a listing is fresh.",
    }),
    ...(redirects ? [item("web_proxy", "bool", { help: "Files pass through this server." })] : []),
    item("webdav_policy", "select", { ...policy, required: true }),
  ];
}

function toItem(field: FieldDescription): DriverItem {
  return item(field.name, TYPES[field.type], {
    ...(field.default !== undefined && { default: String(field.default) }),
    ...(field.choices && { options: field.choices.join(",") }),
    required: field.required,
    help: field.description,
  });
}

function item(name: string, type: string, more: Partial<DriverItem>): DriverItem {
  return { name, type, default: "", options: "", required: false, help: "", ...more };
}

/** Where links are bound to nothing declared, only the link itself can say; a local disk has none, and says so by being cheap to ask. */
function canRedirect({ traits }: DriverDescription): boolean {
  return traits.linkBoundTo !== undefined;
}
