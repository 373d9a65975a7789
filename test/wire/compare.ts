/** How a reply differs from what was recorded, one line for each difference. */
import type { Exchange } from "./recorded.ts";
import type { Reply } from "./session.ts";
import { differences } from "./shape.ts";

/** Headers that say how long a text is that need not be the same. */
const OF_THE_TEXT = new Set(["content-length"]);

/** No line where clients see no difference (alist-api.md §2). */
export function compare({ reply: recorded }: Exchange, reply: Reply): string[] {
  const { json, status, headers } = reply;
  const lines: string[] = [];
  if (status !== recorded.status) lines.push(`status ${recorded.status} → ${status}`);
  const isEnvelope = typeof json === "object" && json !== null && "code" in json && "message" in json;
  if (recorded.code !== undefined) {
    if (!isEnvelope) return [...lines, "no envelope"];
    if (json.code !== recorded.code) lines.push(`code ${recorded.code} → ${json.code}`);
    // The data of another outcome has another shape.
    else lines.push(...differences(json.data, recorded.data ?? "null"));
    for (const phrase of recorded.says ?? []) {
      if (!String(json.message).includes(phrase)) lines.push(`message without "${phrase}"`);
    }
  } else if (recorded.other === "text" && isEnvelope) {
    lines.push("an envelope");
  }
  if (status === recorded.status) {
    for (const name of recorded.headers) {
      if (headers[name] === undefined && !OF_THE_TEXT.has(name)) lines.push(`header ${name} is missing`);
    }
  }
  return lines;
}
