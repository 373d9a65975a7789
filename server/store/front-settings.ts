/** Settings that front ends act on and this server only keeps, with AList's names (alist-api.md §15): all text. Defaults name no foreign host: a page must not call one unasked. */

/** What each is until somebody says otherwise. */
export const FRONT_SETTINGS = {
  site_title: "Pandav",
  announcement: "",
  pagination_type: "all",
  default_page_size: "50",
  use_newui: "false",
  frontend_remember_sort: "false",
  logo: "/logo.svg",
  favicon: "/logo.svg",
  main_color: "#1890ff",
  home_icon: "🏠",
  share_icon: "🎁",
  home_container: "max_980px",
  settings_layout: "list",
  show_disk_usage_in_plain_text: "false",
  external_previews: "{}",
  iframe_previews: "{}",
  preview_settings: "{}",
  audio_cover: "/logo.svg",
  audio_autoplay: "true",
  video_autoplay: "true",
  thumbnail_size: "144",
  preview_archives_by_default: "false",
  preview_download_by_default: "false",
  share_preview_archives_by_default: "false",
  share_preview_download_by_default: "true",
  readme_autorender: "true",
  filter_readme_scripts: "true",
  non_efs_zip_encoding: "IBM437",
  hide_files: "/\\/README.md/i",
  package_download: "true",
  customize_head: "",
  customize_body: "",
  share_summary_content: "{{site_title}}: {{base_url}}/@s/{{id}}",
} as const satisfies Readonly<Record<string, string>>;

/** The name of a setting that is kept for front ends. */
export type FrontSetting = keyof typeof FRONT_SETTINGS;
