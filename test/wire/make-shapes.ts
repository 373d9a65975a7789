/**
 * Makes `test/wire/shapes/*.jsonl` of recordings of the real servers: `node test/wire/make-shapes.ts FOLDER`. What is kept is what was asked, as it
 * must be to be asked again, and of the replies nothing but status, code, keys and types.
 */
import { mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import type { Exchange, ServerName } from "./recorded.ts";
import { shapeOf } from "./shape.ts";

const FILES: Readonly<Record<ServerName, string>> = {
  alist: "alist-3.63.0.jsonl",
  openlist: "openlist-4.2.5.jsonl",
};

/** What clients look for in messages (alist-api.md §3). */
const PHRASES = ["object not found", "storage not found", "please add a storage", "too many active devices"];

/** Where the recorded server had its files. */
const FILES_ROOT = "/srv/files";

interface Recorded {
  readonly n: string;
  readonly rq: { m: string; p: string; h?: Record<string, string>; b?: unknown; raw?: string };
  readonly rs: { s: number; h?: Record<string, string>; b?: unknown; text?: string };
}

// biome-ignore lint/suspicious/noExplicitAny: recorded bodies of any kind
type AnyJson = any;

/** Names of what has a number of its own on every server. */
class Numbers {
  readonly #names = new Map<string, string>();

  /** Learns numbers from one exchange. */
  learn({ rq, rs }: Recorded): void {
    const data = (rs.b as AnyJson)?.data;
    if (rq.p.startsWith("/api/admin/storage/create") && data?.id) {
      this.#names.set(`storage ${data.id}`, (rq.b as AnyJson).mount_path);
    }
    for (const row of data?.content ?? []) {
      if (rq.p.startsWith("/api/admin/user/list")) this.#names.set(`user ${row.id}`, row.username);
      if (rq.p.startsWith("/api/admin/meta/list")) this.#names.set(`meta ${row.id}`, row.path);
    }
  }

  nameOf(kind: string, id: number | string): string | undefined {
    const name = this.#names.get(`${kind} ${id}`);
    return name === undefined ? undefined : `{${kind}:${name}}`;
  }
}

function pathOf(path: string, numbers: Numbers): string {
  const kind = /^\/api\/admin\/(storage|user|meta)\//.exec(path)?.[1];
  const named = kind
    ? path.replace(/\bid=(\d+)/, (whole, id: string) => {
        const name = numbers.nameOf(kind, id);
        return name === undefined ? whole : `id=${name}`;
      })
    : path;
  return named.replace(/upload_id=[0-9a-f-]+/, "upload_id={upload}");
}

/** Bodies as they are, but for what was cut in the recording or is another number here. */
function bodyOf({ rq, n }: Recorded, numbers: Numbers): unknown {
  const body = rq.b as AnyJson;
  if (/^setting\/save: a group/.test(n)) return "{group:1}";
  if (typeof body !== "object" || body === null || Array.isArray(body)) return body;
  const kind = /^\/api\/admin\/(storage|user|meta)\/update/.exec(rq.p)?.[1];
  const more: AnyJson = {};
  if (kind && typeof body.id === "number") more.id = numbers.nameOf(kind, body.id) ?? body.id;
  if (typeof body.addition === "string") {
    const root = /"root_folder_path":"([^"]*)"/.exec(body.addition)?.[1];
    if (root !== undefined) more.addition = `{root:${root.replace(FILES_ROOT, "")}}`;
    // Invented credentials, cut in the recording.
    else if (body.addition.includes("…")) more.addition = "{}";
  }
  if (/^auth\/login\/hash$/.test(n)) more.password = "{hash:bar-secret-1}";
  if (/^auth\/2fa\/verify$/.test(n)) more.code = "{totp}";
  if (/^auth\/login: with code$/.test(n)) more.otp_code = "{totp:next}";
  return { ...body, ...more };
}

function tokenOf(header: string): string {
  const label = /^<token of (.+)>$/.exec(header)?.[1];
  if (label !== undefined) return label;
  // The session's own: a generated one, and JWTs of which only the form is recorded.
  if (/^(?:alist|openlist)-0000/.test(header)) return "generated";
  return header.startsWith("Bearer ") ? "bearer:admin" : header.startsWith("eyJ") ? "forged" : `token:${header}`;
}

function headersOf(given: Record<string, string> = {}): Record<string, string> {
  const { Authorization: _, ...headers } = given;
  return Object.fromEntries(
    Object.entries(headers).map(([name, value]) => [
      name,
      name === "X-Upload-Id" && value !== "none" ? "{upload}" : value,
    ]),
  );
}

function toExchange(recorded: Recorded, numbers: Numbers): Exchange {
  const { n: name, rq, rs } = recorded;
  const envelope = rs.b as AnyJson;
  const isEnvelope = typeof envelope === "object" && envelope !== null && "code" in envelope;
  const headers = headersOf(rq.h);
  const body = bodyOf(recorded, numbers);
  const says = isEnvelope ? PHRASES.filter((phrase) => String(envelope.message).includes(phrase)) : [];
  numbers.learn(recorded);
  return {
    name,
    method: rq.m,
    path: pathOf(rq.p, numbers),
    ...(rq.h?.Authorization !== undefined && { as: tokenOf(rq.h.Authorization) }),
    ...(Object.keys(headers).length > 0 && { headers }),
    ...(body !== undefined && { body }),
    ...(rq.raw !== undefined && { raw: rq.raw }),
    reply: {
      status: rs.s,
      headers: Object.keys(rs.h ?? {}).sort(),
      ...(isEnvelope
        ? { code: envelope.code, data: shapeOf(envelope.data) }
        : rs.b !== undefined && { other: "json" as const }),
      ...(rs.text !== undefined && { other: "text" as const }),
      ...(says.length > 0 && { says }),
    },
  };
}

function main(folder: string): void {
  const target = join(import.meta.dirname, "shapes");
  mkdirSync(target, { recursive: true });
  for (const [server, file] of Object.entries(FILES)) {
    const numbers = new Numbers();
    const lines = readFileSync(join(folder, file), "utf8")
      .trimEnd()
      .split("\n")
      .map((line) => JSON.stringify(toExchange(JSON.parse(line) as Recorded, numbers)));
    writeFileSync(join(target, `${server}.jsonl`), `${lines.join("\n")}\n`);
  }
}

const [folder] = process.argv.slice(2);
if (folder === undefined) {
  process.stderr.write("usage: node test/wire/make-shapes.ts FOLDER_OF_RECORDINGS\n");
  process.exit(2);
}
main(folder);
