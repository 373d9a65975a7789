/** The shapes of AList's wire that more than one route has (alist-api.md §5, 11, 12). */
import { z } from "@hono/zod-openapi";

/** alist-api.md §5.1. */
export const objSchema = z
  .object({
    id: z.string(),
    path: z.string(),
    virtual_path: z.string(),
    name: z.string(),
    size: z.int(),
    is_dir: z.boolean(),
    modified: z.string(),
    created: z.string(),
    sign: z.string(),
    thumb: z.string(),
    type: z.int(),
    hashinfo: z.string(),
    hash_info: z.record(z.string(), z.string()).nullable(),
    label_list: z.null().optional(),
  })
  .openapi("Obj");
export type Obj = z.input<typeof objSchema>;

/** alist-api.md §11, both dialects. */
export const meSchema = z
  .object({
    id: z.int(),
    username: z.string(),
    password: z.string(),
    base_path: z.string(),
    role: z.union([z.int(), z.array(z.int())]),
    disabled: z.boolean(),
    permission: z.int(),
    sso_id: z.string(),
    otp: z.boolean(),
    /** OpenList's: there is no LDAP. */
    allow_ldap: z.boolean(),
    role_names: z.array(z.string()).nullable(),
    permissions: z.array(z.object({ path: z.string(), permission: z.int() })).nullable(),
  })
  .openapi("Me");

/** alist-api.md §12.1. */
export const storageSchema = z
  .object({
    id: z.int(),
    mount_path: z.string(),
    order: z.int(),
    driver: z.string(),
    cache_expiration: z.int(),
    status: z.string(),
    addition: z.string(),
    remark: z.string(),
    modified: z.string(),
    disabled: z.boolean(),
    disable_index: z.boolean(),
    enable_sign: z.boolean(),
    order_by: z.string(),
    order_direction: z.string(),
    extract_folder: z.string(),
    web_proxy: z.boolean(),
    webdav_policy: z.string(),
    proxy_range: z.boolean(),
    down_proxy_url: z.string(),
    down_proxy_sign: z.boolean(),
    /** OpenList's. */
    disable_proxy_sign: z.boolean(),
    custom_cache_policies: z.string(),
  })
  .openapi("Storage");
export type StorageObject = z.input<typeof storageSchema>;

const itemSchema = z.object({
  name: z.string(),
  type: z.string(),
  default: z.string(),
  options: z.string(),
  required: z.boolean(),
  help: z.string(),
});
export type DriverItem = z.input<typeof itemSchema>;

/** alist-api.md §12.2. */
export const driverInfoSchema = z
  .object({
    common: z.array(itemSchema),
    additional: z.array(itemSchema),
    config: z.object({
      name: z.string(),
      local_sort: z.boolean(),
      only_local: z.boolean(),
      only_proxy: z.boolean(),
      no_cache: z.boolean(),
      no_upload: z.boolean(),
      only_indices: z.boolean(),
      prefer_proxy: z.boolean(),
      need_ms: z.boolean(),
      default_root: z.string(),
      alert: z.string(),
    }),
  })
  .openapi("DriverInfo");
export type DriverInfo = z.input<typeof driverInfoSchema>;

/** A route that takes nothing. */
export const nothing = z.object({});
