/** HTTP's and ISO's dates in whole seconds, fast: listings write two per entry. */

const DAY_MS = 86_400_000;
const TWO_DIGITS = Array.from({ length: 60 }, (_, n) => String(n).padStart(2, "0"));
/** Days remembered at most; dates in a listing repeat. */
const MAX_DAYS = 4096;
/** The widest range that a Date can hold, in milliseconds. */
const MAX_DATE_MS = 8.64e15;

interface Day {
  readonly http: string;
  readonly iso: string;
}
const days = new Map<number, Day>();

/** `Sun, 06 Nov 1994 08:49:37 GMT` (RFC 9110 §5.6.7) for milliseconds since the epoch, cut to the second. */
export function formatHttpDate(ms: number): string {
  const whole = clamp(ms);
  const day = Math.floor(whole / DAY_MS);
  return `${dayOf(day).http} ${timeOf(whole - day * DAY_MS)} GMT`;
}

/** `1994-11-06T08:49:37Z` (RFC 3339), cut to the second. */
export function formatIsoDate(ms: number): string {
  const whole = clamp(ms);
  const day = Math.floor(whole / DAY_MS);
  return `${dayOf(day).iso}T${timeOf(whole - day * DAY_MS)}Z`;
}

/** Milliseconds of any of the three date forms of RFC 9110 §5.6.7; undefined for what is none. */
export function parseHttpDate(text: string): number | undefined {
  if (!/^(?:Mon|Tue|Wed|Thu|Fri|Sat|Sun)[a-z]*,? /.test(text)) return undefined;
  // asctime names no zone and means GMT.
  const ms = Date.parse(/GMT$|UTC$/.test(text) ? text : `${text} GMT`);
  return Number.isNaN(ms) ? undefined : ms;
}

function clamp(ms: number): number {
  return Math.max(-MAX_DATE_MS, Math.min(MAX_DATE_MS, Math.floor(ms)));
}

function dayOf(day: number): Day {
  let known = days.get(day);
  if (!known) {
    const date = new Date(day * DAY_MS);
    const iso = date.toISOString();
    known = { http: date.toUTCString().slice(0, -13), iso: iso.slice(0, iso.indexOf("T")) };
    if (days.size >= MAX_DAYS) days.clear();
    days.set(day, known);
  }
  return known;
}

function timeOf(msOfDay: number): string {
  const seconds = Math.floor(msOfDay / 1000);
  const minutes = Math.floor(seconds / 60);
  return `${TWO_DIGITS[Math.floor(minutes / 60)]}:${TWO_DIGITS[minutes % 60]}:${TWO_DIGITS[seconds % 60]}`;
}
