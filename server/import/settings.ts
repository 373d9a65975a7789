/** Settings, the static token, and the key of logins. */
import { StorageError } from "#drivers/contract/errors.ts";
import type { SettingKey, Settings } from "../store/settings.ts";
import type { Dump, DumpedConfig } from "./dump.ts";
import type { Imported } from "./imported.ts";
import { notes, remark, type Step } from "./step.ts";

/** What of another server's settings this one acts on, by key, and what it keeps for front ends; what is in neither is fixed here. */
export type SettingChanges = (items: readonly { readonly key: string; readonly value: string }[]) => {
  readonly own: Readonly<Record<string, string>>;
  readonly foreign: Readonly<Record<string, string>>;
};

/** State of that server, no setting. */
const STATE = new Set(["version", "index_progress"]);

/** Settings of what this server has not (alist-api.md §15). */
const ELSEWHERE: readonly (readonly [what: string, keys: RegExp])[] = [
  ["single sign-on", /^sso_/],
  ["LDAP", /^ldap_/],
  ["the S3 front", /^s3_/],
  ["the FTP and SFTP fronts", /^s?ftp_/],
  ["the FRP tunnel", /^frp_/],
  ["offline downloads", /^(aria2|qbittorrent|transmission|offline_download)_|_temp_dir$/],
  ["archives", /^(decompress_|max_extract)/],
];

/** Hosts of those servers' own pictures and pages: their defaults, which make every browser call there. */
const THEIR_HOSTS = /\b(alist-org|AlistGo|OpenListTeam|oplist\.org|alistgo\.com|nn\.ci)\b/i;

/** Secrets that would lie in the open among the settings that are only kept. */
const SECRET = /secret|password|token|key/i;

export function* settingSteps(
  { settings: dumped, config, storages }: Pick<Dump, "settings" | "config" | "storages">,
  { settings, imported, changes }: { settings: Settings; imported: Imported; changes: SettingChanges },
): Generator<Step> {
  const items = dumped.filter(({ key }) => !STATE.has(key));
  const elsewhere = (key: string) => ELSEWHERE.find(([, keys]) => keys.test(key))?.[0];
  const here = items.filter(({ key }) => elsewhere(key) === undefined);
  const { own, foreign } = changes(here);
  const signed = storages.find(({ enable_sign }) => enable_sign);
  for (const [key, value] of Object.entries(own)) {
    if (THEIR_HOSTS.test(value)) {
      yield remark("setting", key, "skip", "is that server's own default, which makes browsers call its host");
    } else if (key === "sign_all" && value === "false" && signed) {
      yield remark(
        "setting",
        key,
        "skip",
        `links stay signed: ${signed.mount_path} asks for that, and signing is all or nothing here`,
      );
    } else yield ownStep(key as SettingKey, value, settings, imported);
  }
  if (config) for (const [key, value] of configured(config)) yield ownStep(key, value, settings, imported);
  else
    yield remark("other", "config.json", "skip", "not found beside the file: open logins end (name it with --config)");
  yield* keptSteps(foreign, settings, imported);
  const listed = new Set([...Object.keys(own), ...Object.keys(foreign)]);
  const rest = here
    .filter(({ key, value }) => !listed.has(key) && !isCurrent(key, value, settings))
    .map(({ key }) => key);
  if (rest.length > 0)
    yield remark("setting", named(rest), "skip", `this server has these in one way only: ${rest.join(", ")}`);
  for (const [what] of ELSEWHERE) {
    const count = items.filter(({ key, value }) => elsewhere(key) === what && value !== "").length;
    if (count > 0) yield remark("other", `${what} (${count})`, "skip", "there is no such thing here");
  }
}

/** What `config.json` says and a setting here is. */
function configured({ jwt_secret, site_url, token_expires_in }: DumpedConfig): [SettingKey, string][] {
  return [
    ["jwt_secret", jwt_secret],
    ...(/^https?:/.test(site_url) ? [["site_url", site_url] as [SettingKey, string]] : []),
    ...(token_expires_in > 0 ? [["token_expires_in", String(token_expires_in)] as [SettingKey, string]] : []),
  ];
}

/** What each change ends. */
const ENDS: Readonly<Partial<Record<SettingKey, string>>> = {
  token: "links that this server has signed so far end, and that server's go on",
  jwt_secret: "logins at this server end, and that server's go on",
};

function ownStep(key: SettingKey, value: string, settings: Settings, imported: Imported): Step {
  if (isCurrent(key, value, settings)) return remark("setting", key, "same");
  if (imported.has("setting", key)) return remark("setting", key, "same", "imported before, and changed since");
  try {
    settings.check(key, value);
  } catch (error) {
    if (!(error instanceof StorageError)) throw error;
    return remark("setting", key, "conflict", error.message);
  }
  return {
    mark: "",
    row: { what: "setting", name: key, outcome: "replace", ...notes(ENDS[key]) },
    async apply() {
      await settings.setAll({ [key]: value }, {});
      return undefined;
    },
  };
}

function* keptSteps(
  foreign: Readonly<Record<string, string>>,
  settings: Settings,
  imported: Imported,
): Generator<Step> {
  const secrets = Object.keys(foreign).filter((key) => SECRET.test(key) && foreign[key] !== "");
  if (secrets.length > 0) {
    yield remark("setting", named(secrets), "skip", `secrets of what this server has not: ${secrets.join(", ")}`);
  }
  const kept = Object.fromEntries(
    Object.entries(foreign).filter(
      ([key, value]) => !secrets.includes(key) && !THEIR_HOSTS.test(value) && settings.foreign().get(key) !== value,
    ),
  );
  const fresh = Object.keys(kept).filter((key) => !imported.has("setting", key));
  if (fresh.length === 0) return;
  yield {
    mark: "",
    names: fresh,
    row: {
      what: "setting",
      name: named(fresh),
      outcome: "keep",
      note: `shown among the settings, without effect: ${fresh.join(", ")}`,
    },
    async apply() {
      await settings.setAll({}, Object.fromEntries(fresh.map((key) => [key, kept[key] ?? ""])));
      return undefined;
    },
  };
}

function named({ length }: readonly string[]): string {
  return length === 1 ? "1 setting" : `${length} settings`;
}

function isCurrent(key: string, value: string, settings: Settings): boolean {
  try {
    return String(settings.get(key as SettingKey)) === value;
  } catch {
    return false; // no setting of ours
  }
}
