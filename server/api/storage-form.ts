/** Storages between our form and AList's flat one (alist-api.md §12.1); secrets are masked on the way out. */
import { z } from "@hono/zod-openapi";
import { StorageError } from "#drivers/contract/errors.ts";
import type { DriverDescription } from "../accounts/catalogue.ts";
import type { StorageInfo, StorageInput } from "../vfs/api.ts";
import { toTime } from "./objects.ts";
import type { StorageObject } from "./schemas.ts";
import { wireBool, wireInt, wireText } from "./wire-fields.ts";

/** Stands for a secret that is set; sent back, it means unchanged. */
export const MASK = "********";

/** Minutes that AList shows for a storage whose driver decides, or that is asked only on demand (alist-api.md §12.1). */
const DEFAULT_MINUTES = 30;

/** What a client sends to create or update; fields that we have no use for are ignored. */
export const storageInput = z.object({
  mount_path: z.string().min(1),
  driver: z.string().min(1),
  order: wireInt(),
  remark: wireText(),
  cache_expiration: wireInt(),
  web_proxy: wireBool(),
  webdav_policy: wireText(),
  addition: z.string().default("{}"),
});

type Settings = Readonly<Record<string, unknown>>;

/** The storage as AList shows it. Without a definition (its driver is gone) no setting is shown, for none can be told from a secret. */
export function toStorageObject(info: StorageInfo, definition: DriverDescription | undefined): StorageObject {
  return {
    id: info.id,
    mount_path: info.mountPath,
    order: info.order,
    driver: definition?.aliases[0] ?? info.driver,
    cache_expiration: toMinutes(info),
    status: toStatus(info),
    addition: JSON.stringify(definition && !info.isKept ? toAddition(definition, info) : {}),
    remark: info.remark,
    modified: toTime(info.modifiedAt),
    disabled: info.disabled,
    disable_index: false,
    enable_sign: false,
    order_by: "",
    order_direction: "",
    extract_folder: "",
    web_proxy: info.delivery === "proxy",
    webdav_policy: info.delivery === "proxy" ? "native_proxy" : "302_redirect",
    proxy_range: false,
    down_proxy_url: "",
    down_proxy_sign: true,
    disable_proxy_sign: false,
    custom_cache_policies: "",
  };
}

/** What the vfs is to mount, with settings that were read from the form's `addition`. `old` is what the form was made of. */
export function toStorageInput(
  body: z.output<typeof storageInput>,
  settings: Settings,
  old?: StorageInfo,
): StorageInput {
  const proxied = body.web_proxy || body.webdav_policy === "native_proxy";
  const minutes = body.cache_expiration;
  // AList's "redirect" is our "auto", which redirects only where that works; one that is set stays.
  const delivery = proxied ? "proxy" : old?.delivery === "redirect" ? "redirect" : "auto";
  const freshness = freshnessFrom(minutes, old);
  return {
    mountPath: body.mount_path,
    driver: body.driver,
    settings,
    ...(body.order !== undefined && { order: body.order }),
    remark: body.remark,
    delivery,
    ...(freshness && { freshness }),
  };
}

/** True where somebody filled in AList's own form of the driver, not ours. */
export function isAlistForm({ alist, fields }: DriverDescription, addition: Settings): boolean {
  const names = Object.keys(addition);
  return alist !== undefined && names.length > 0 && !names.some((name) => fields.some((field) => field.name === name));
}

/** True where a secret of the form came back masked: the account behind the storage is to stay. */
export function isMasked({ alist }: DriverDescription, addition: Settings): boolean {
  return alist !== undefined && [...secretNames(alist)].some((name) => addition[name] === MASK);
}

/** The driver's own fields, in AList's form where it has one. What is secret in that lies in the account. */
function toAddition(definition: DriverDescription, info: StorageInfo): Settings {
  const { alist } = definition;
  if (!alist) return maskSettings(definition, info.settings);
  const written = alist.write(info.settings);
  const secrets = alist.fields.filter(({ secret, required }) => secret && required && info.account !== undefined);
  return { ...written, ...Object.fromEntries(secrets.map(({ name }) => [name, MASK])) };
}

/** Settings with every secret that is set replaced by the mask. */
export function maskSettings(
  definition: Pick<DriverDescription, "fields">,
  settings: Settings,
): Record<string, unknown> {
  const secrets = secretNames(definition);
  return Object.fromEntries(
    Object.entries(settings).map(([name, value]) => [name, secrets.has(name) && value !== "" ? MASK : value]),
  );
}

/** Settings with every mask that was sent back replaced by the value that it stands for. */
export function unmaskSettings(
  definition: Pick<DriverDescription, "fields">,
  settings: Settings,
  old: Settings = {},
): Settings {
  const secrets = secretNames(definition);
  return Object.fromEntries(
    Object.entries(settings).map(([name, value]) => [name, secrets.has(name) && value === MASK ? old[name] : value]),
  );
}

/** Text is all that a form or command line has: numbers and flags of the driver's schema are read from it. */
export function fromText({ fields }: Pick<DriverDescription, "fields">, settings: Settings): Settings {
  const types = new Map(fields.map((field) => [field.name, field.type]));
  return Object.fromEntries(
    Object.entries(settings).map(([name, value]) => [
      name,
      typeof value === "string" ? read(types.get(name), value) : value,
    ]),
  );
}

function read(type: string | undefined, text: string): unknown {
  if (type === "number" && text.trim() !== "") return Number.isNaN(Number(text)) ? text : Number(text);
  if (type === "boolean" && (text === "true" || text === "false")) return text === "true";
  return text;
}

function secretNames({ fields }: Pick<DriverDescription, "fields">): Set<string> {
  return new Set(fields.flatMap((field) => (field.secret ? [field.name] : [])));
}

/** The fields of `addition`. Throws `invalid-config` when it is no JSON object. */
export function parseAddition(text: string): Settings {
  const parsed = z.record(z.string(), z.unknown()).safeParse(safeJson(text));
  if (parsed.success) return parsed.data;
  throw new StorageError("invalid-config", "addition is not the text of a JSON object");
}

function safeJson(text: string): unknown {
  try {
    return JSON.parse(text || "{}");
  } catch {
    return undefined;
  }
}

/** `cache_expiration` of a form that shows what is not in it must not overwrite it. */
function freshnessFrom(minutes: number | undefined, old: StorageInfo | undefined): StorageInput["freshness"] {
  if (minutes === undefined || (old ? minutes === toMinutes(old) : minutes === DEFAULT_MINUTES)) return old?.freshness;
  return { ...old?.freshness, default: Math.max(0, minutes) * 60_000 };
}

function toMinutes({ freshness }: StorageInfo): number {
  return typeof freshness?.default === "number" ? Math.round(freshness.default / 60_000) : DEFAULT_MINUTES;
}

/** `work`, `disabled`, that uploads have failed for good, or the failure, escaped: alist-web renders it as HTML (alist-api.md §12.1). */
function toStatus(info: StorageInfo): string {
  if (info.disabled) return "disabled";
  const { failed } = info.pending;
  if (info.state === "working" && failed > 0) return `${failed} uploads failed: see the tasks`;
  if (info.state === "working") return "work";
  return escapeHtml(info.error ?? info.state);
}

const HTML: Readonly<Record<string, string>> = { "&": "&amp;", "<": "&lt;", ">": "&gt;", '"': "&quot;", "'": "&#39;" };

function escapeHtml(text: string): string {
  return text.replace(/[&<>"']/g, (character) => HTML[character] ?? character);
}
