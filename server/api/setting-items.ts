/** The settings as AList's clients see them: items with group, flag and form, all values text (alist-api.md §12.3, §15). */
import { z } from "@hono/zod-openapi";
import { defaultOf, type SettingKey, type Settings } from "../store/settings.ts";
import { MASK } from "./storage-form.ts";

/** AList's groups (alist-api.md §12.3). */
const GROUP = {
  single: 0,
  site: 1,
  style: 2,
  preview: 3,
  global: 4,
  offline: 5,
  index: 6,
  sso: 7,
  ldap: 8,
  traffic: 11,
};
/** Who sees an item, and whether it can be changed (alist-api.md §12.3). */
const FLAG = { public: 0, private: 1, readOnly: 2, foreign: 3 } as const;

/** An item of the form (alist-api.md §12.3). */
export const settingItemSchema = z
  .object({
    key: z.string(),
    value: z.string(),
    help: z.string(),
    type: z.string(),
    options: z.string(),
    group: z.int(),
    flag: z.int(),
    index: z.int(),
  })
  .openapi("SettingItem");
export type SettingItem = z.input<typeof settingItemSchema>;

type Kind = "string" | "number" | "bool" | "text" | "select";

interface Form {
  readonly group: keyof typeof GROUP;
  readonly type?: Kind;
  readonly options?: string;
  readonly help?: string;
  readonly isPrivate?: true;
  /** Shown as a mask. */
  readonly isSecret?: true;
}

const text = (group: Form["group"], more: Partial<Form> = {}): Form => ({ group, type: "text", ...more });
const bool = (group: Form["group"], more: Partial<Form> = {}): Form => ({ group, type: "bool", ...more });
const select = (group: Form["group"], options: string): Form => ({ group, type: "select", options });

/** What may be changed here, in the order in which it is shown. */
const ITEMS: Readonly<Partial<Record<SettingKey, Form>>> = {
  token: { group: "single", isPrivate: true, isSecret: true, help: "Reset it to see a new one." },
  site_title: { group: "site" },
  announcement: text("site"),
  pagination_type: select("site", "all,pagination,load_more,auto_load_more"),
  default_page_size: { group: "site", type: "number" },
  robots_txt: text("site"),
  use_newui: bool("site"),
  frontend_remember_sort: bool("site"),
  logo: text("style"),
  favicon: { group: "style" },
  main_color: { group: "style" },
  home_icon: { group: "style" },
  share_icon: { group: "style" },
  home_container: select("style", "max_980px,hope_container"),
  settings_layout: select("style", "list,responsive"),
  show_disk_usage_in_plain_text: bool("style"),
  text_types: text("preview", { isPrivate: true }),
  audio_types: text("preview", { isPrivate: true }),
  video_types: text("preview", { isPrivate: true }),
  image_types: text("preview", { isPrivate: true }),
  external_previews: text("preview"),
  iframe_previews: text("preview"),
  preview_settings: text("preview"),
  audio_cover: { group: "preview" },
  audio_autoplay: bool("preview"),
  video_autoplay: bool("preview"),
  thumbnail_size: { group: "preview", type: "number" },
  preview_archives_by_default: bool("preview"),
  preview_download_by_default: bool("preview"),
  share_preview_archives_by_default: bool("preview"),
  share_preview_download_by_default: bool("preview"),
  readme_autorender: bool("preview"),
  filter_readme_scripts: bool("preview"),
  non_efs_zip_encoding: { group: "preview" },
  hide_files: text("global"),
  package_download: bool("global"),
  customize_head: text("global", { isPrivate: true }),
  customize_body: text("global", { isPrivate: true }),
  link_expiration: { group: "global", type: "number", isPrivate: true, help: "Hours; 0 means for ever." },
  sign_all: bool("global", { isPrivate: true }),
  share_summary_content: text("global"),
  backup_folder: { group: "global", isPrivate: true, help: "Absolute path; empty: no automatic backups." },
  backup_every_hours: { group: "global", type: "number", isPrivate: true },
  backup_keep: { group: "global", type: "number", isPrivate: true },
  notify_language: { ...select("global", "zh-CN,en"), isPrivate: true },
  search_index: {
    ...select("index", "database,database_non_full_text,bleve,meilisearch,none"),
    help: "One index, by any of these names; none turns it off.",
  },
  ignore_paths: text("index", { isPrivate: true, help: "one path per line" }),
  max_index_depth: { group: "index", type: "number", isPrivate: true, help: "levels that are crawled" },
  multipart_enabled: bool("traffic"),
  copy_task_threads_num: { group: "traffic", type: "number", isPrivate: true, help: "Tasks at once." },
  move_task_threads_num: { group: "traffic", type: "number", isPrivate: true, help: "Tasks at once." },
  multipart_chunk_size: { group: "traffic", type: "number", help: "MiB" },
};

/** What clients ask after and this server has in one way only: shown, and not changed by anybody. */
const FIXED: Readonly<Record<string, readonly [group: Form["group"], value: string, type?: Kind]>> = {
  allow_indexed: ["site", "false", "bool"],
  allow_mounted: ["site", "true", "bool"],
  allow_register: ["site", "false", "bool"],
  default_role: ["site", "0"],
  share_preview: ["global", "false", "bool"],
  share_archive_preview: ["global", "false", "bool"],
  ocr_api: ["global", ""],
  filename_char_mapping: ["global", "{}"],
  forward_direct_link_params: ["global", "false", "bool"],
  ignore_direct_link_params: ["global", "sign,alist_ts"],
  webauthn_login_enabled: ["global", "false", "bool"],
  max_devices: ["global", "0", "number"],
  device_evict_policy: ["global", "deny"],
  device_session_ttl: ["global", "86400", "number"],
  auto_update_index: ["index", "true", "bool"],
  sso_login_enabled: ["sso", "false", "bool"],
  sso_login_platform: ["sso", ""],
  sso_compatibility_mode: ["sso", "false", "bool"],
  ldap_login_enabled: ["ldap", "false", "bool"],
  ldap_login_tips: ["ldap", ""],
  frp_status: ["site", "stopped"],
};

/** Programs that fetch files elsewhere and are not driven from here: a front end's form has a field for each, and `set_*` refuses in words. */
const UNDRIVEN: Readonly<Record<string, Kind>> = {
  aria2_uri: "string",
  aria2_secret: "string",
  qbittorrent_url: "string",
  qbittorrent_seedtime: "number",
  transmission_uri: "string",
  transmission_seedtime: "number",
};

/** Everything that an administrator sees, in order. */
export function settingItems(settings: Settings, version: string): SettingItem[] {
  const items: Omit<SettingItem, "index">[] = [];
  const fixed = (key: string, group: number, value: string, type: string, flag: number) =>
    items.push({ key, value, help: "", type, options: "", group, flag });
  fixed("version", GROUP.site, version, "string", FLAG.readOnly);
  for (const [key, form] of Object.entries(ITEMS) as [SettingKey, Form][]) {
    items.push(toItem(key, form, form.isSecret ? MASK : String(settings.get(key)), settings.isFixed(key)));
  }
  for (const [key, [group, value, type = "string"]] of Object.entries(FIXED)) {
    fixed(key, GROUP[group], value, type, FLAG.readOnly);
  }
  const foreign = settings.foreign();
  for (const [key, type] of Object.entries(UNDRIVEN)) {
    fixed(key, GROUP.offline, foreign.get(key) ?? "", type, FLAG.private);
  }
  for (const [key, value] of foreign) {
    if (!Object.hasOwn(UNDRIVEN, key)) fixed(key, GROUP.site, value, "string", FLAG.foreign);
  }
  return items.map((item, index) => ({ ...item, index }));
}

/** The items of a group as they are before anybody changed them; secrets have no default. */
export function defaultItems(group: number): SettingItem[] {
  return (Object.entries(ITEMS) as [SettingKey, Form][])
    .filter(([, form]) => GROUP[form.group] === group && !form.isSecret)
    .map(([key, form], index) => ({ ...toItem(key, form, String(defaultOf(key) ?? ""), false), index }));
}

/** What everybody is told: key and value. */
export function publicSettings(settings: Settings, version: string): Record<string, string> {
  return Object.fromEntries(
    settingItems(settings, version)
      .filter(({ flag }) => flag === FLAG.public || flag === FLAG.readOnly)
      .map(({ key, value }) => [key, value]),
  );
}

/** What of the items sent is a change: what is only shown stays, and so do masked secrets. `foreign`: what this server does not know. */
export function changesIn(
  items: readonly { readonly key: string; readonly value: string }[],
  settings: Settings,
): { readonly own: Readonly<Record<string, string>>; readonly foreign: Readonly<Record<string, string>> } {
  const own: Record<string, string> = {};
  const foreign: Record<string, string> = {};
  for (const { key, value } of items) {
    if (key === "version" || Object.hasOwn(FIXED, key) || Object.hasOwn(UNDRIVEN, key)) continue;
    const form = Object.hasOwn(ITEMS, key) ? ITEMS[key as SettingKey] : undefined;
    if (!form) foreign[key] = value;
    else if (value !== (form.isSecret ? MASK : String(settings.get(key as SettingKey)))) own[key] = value;
  }
  return { own, foreign };
}

function toItem(key: string, form: Form, value: string, isFixed: boolean): Omit<SettingItem, "index"> {
  const { group, type = "string", options = "", help = "", isPrivate } = form;
  const flag = isPrivate ? FLAG.private : isFixed ? FLAG.readOnly : FLAG.public;
  return { key, value, help, type, options, group: GROUP[group], flag };
}
