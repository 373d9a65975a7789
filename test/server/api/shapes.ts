/** The keys and JSON types of real servers' answers (alist-api.md §5, 6, 11, 12), as a client of each dialect reads them. */

/** A JSON type, a choice of them (`object|null`), a list of one shape, or an object's keys. Lists may be null and the reverse (alist-api.md §2). */
export type Shape = string | readonly [Shape] | readonly [] | { readonly [key: string]: Shape };

export const ENVELOPE: Shape = { code: "number", message: "string" };

const OBJ = {
  name: "string",
  size: "number",
  is_dir: "boolean",
  modified: "string",
  created: "string",
  sign: "string",
  thumb: "string",
  type: "number",
  hashinfo: "string",
  hash_info: "object|null",
} as const;

/** Beside `OBJ` in AList 3.46 and later. */
const OBJ_A = { ...OBJ, id: "string", path: "string", virtual_path: "string" } as const;

export const LOGIN: Shape = { token: "string", device_key: "string" };

const ME = {
  id: "number",
  username: "string",
  password: "string",
  base_path: "string",
  disabled: "boolean",
  permission: "number",
  sso_id: "string",
  otp: "boolean",
} as const;
export const ME_C: Shape = { ...ME, role: "number" };
export const ME_A: Shape = {
  ...ME,
  role: ["number"],
  role_names: ["string"],
  permissions: [{ path: "string", permission: "number" }],
};

const USER = {
  id: "number",
  username: "string",
  password: "string",
  base_path: "string",
  disabled: "boolean",
  permission: "number",
  sso_id: "string",
} as const;
export const USER_C: Shape = { ...USER, role: "number" };
export const USER_A: Shape = { ...USER, role: ["number"] };
export const USERS_C: Shape = { content: [USER_C], total: "number" };
export const USERS_A: Shape = { content: [USER_A], total: "number" };

export const META: Shape = {
  id: "number",
  path: "string",
  password: "string",
  p_sub: "boolean",
  write: "boolean",
  w_sub: "boolean",
  hide: "string",
  h_sub: "boolean",
  readme: "string",
  r_sub: "boolean",
  header: "string",
  header_sub: "boolean",
};
export const METAS: Shape = { content: [META], total: "number" };

export const TWO_FACTOR: Shape = { qr: "string", secret: "string" };

export const LIST_C: Shape = {
  content: [OBJ],
  total: "number",
  readme: "string",
  header: "string",
  write: "boolean",
  provider: "string",
};
export const LIST_A: Shape = {
  content: [{ ...OBJ_A, label_list: "null" }],
  total: "number",
  filtered_total: "number",
  page: "number",
  per_page: "number",
  has_more: "boolean",
  pages_total: "number",
  readme: "string",
  header: "string",
  write: "boolean",
  provider: "string",
};

const GET = { raw_url: "string", readme: "string", header: "string", provider: "string" } as const;
export const GET_C: Shape = { ...OBJ, ...GET, related: [OBJ] };
export const GET_A: Shape = { ...OBJ_A, ...GET, web_proxy: "boolean", related: [{ ...OBJ_A, label_list: "null" }] };

export const DIRS: Shape = [{ name: "string", modified: "string" }];
export const COPY: Shape = { tasks: [] };

export const STORAGE: Shape = {
  id: "number",
  mount_path: "string",
  order: "number",
  driver: "string",
  cache_expiration: "number",
  status: "string",
  addition: "string",
  remark: "string",
  modified: "string",
  disabled: "boolean",
  disable_index: "boolean",
  enable_sign: "boolean",
  order_by: "string",
  order_direction: "string",
  extract_folder: "string",
  web_proxy: "boolean",
  webdav_policy: "string",
  proxy_range: "boolean",
  down_proxy_url: "string",
  down_proxy_sign: "boolean",
};
export const STORAGES: Shape = { content: [STORAGE], total: "number" };
export const CREATED: Shape = { id: "number" };

const ITEM: Shape = {
  name: "string",
  type: "string",
  default: "string",
  options: "string",
  required: "boolean",
  help: "string",
};
export const DRIVER: Shape = {
  common: [ITEM],
  additional: [ITEM],
  config: {
    name: "string",
    local_sort: "boolean",
    only_local: "boolean",
    only_proxy: "boolean",
    no_cache: "boolean",
    no_upload: "boolean",
    need_ms: "boolean",
    default_root: "string",
    alert: "string",
  },
};

/** How a value differs from a shape, one line each; extra keys are no difference. */
export function differences(value: unknown, shape: Shape, at = "$"): string[] {
  if (typeof shape === "string") {
    return shape.split("|").includes(typeOf(value)) ? [] : [`${at} is ${typeOf(value)}, not ${shape}`];
  }
  if (isList(shape)) {
    if (value === null) return [];
    if (!Array.isArray(value)) return [`${at} is ${typeOf(value)}, not an array`];
    const [element] = shape;
    return element === undefined ? [] : value.flatMap((one, i) => differences(one, element, `${at}[${i}]`));
  }
  if (typeOf(value) !== "object") return [`${at} is ${typeOf(value)}, not an object`];
  return Object.entries(shape).flatMap(([key, below]) => {
    const found = (value as Record<string, unknown>)[key];
    return found === undefined ? [`${at}.${key} is missing`] : differences(found, below, `${at}.${key}`);
  });
}

function isList(shape: Shape): shape is readonly [Shape] | readonly [] {
  return Array.isArray(shape);
}

function typeOf(value: unknown): string {
  if (value === null) return "null";
  return Array.isArray(value) ? "array" : typeof value;
}
