/** How numbers and times are shown to people. */

const UNITS = ["", "K", "M", "G", "T", "P", "E"] as const;

/** Bytes as `ls -h` and `du -h` have them: base 1024, rounded up, one decimal below ten. */
export function humanSize(bytes: number): string {
  if (bytes < 1024) return String(bytes);
  let unit = 0;
  let value = bytes;
  while (value >= 1024 && unit < UNITS.length - 1) {
    value /= 1024;
    unit += 1;
  }
  const rounded = value < 9.95 ? (Math.ceil(value * 10) / 10).toFixed(1) : String(Math.ceil(value));
  if (rounded !== "1024") return `${rounded}${UNITS[unit]}`;
  return `1.0${UNITS[unit + 1]}`;
}

/** Bytes, exact or for people. */
export function showSize(bytes: number, human: boolean): string {
  return human ? humanSize(bytes) : String(bytes);
}

/** `2026-11-24 18:05` in the local zone; a dash where the time is not known. */
export function localMinutes(ms: number | undefined): string {
  if (ms === undefined || Number.isNaN(new Date(ms).getTime())) return "-".padEnd(16);
  const at = new Date(ms);
  const two = (n: number) => String(n).padStart(2, "0");
  return `${at.getFullYear()}-${two(at.getMonth() + 1)}-${two(at.getDate())} ${two(at.getHours())}:${two(at.getMinutes())}`;
}
