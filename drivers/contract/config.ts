/** Field helpers for settings schemas, and the one description that form, command line and docs are made from. */
import { z } from "zod";

/** What a field says about itself beside its type; every field has title and description. */
export interface FieldMeta {
  readonly title: string;
  /** The first sentence stands alone. */
  readonly description: string;
  /** Masked wherever settings are shown. */
  readonly secret?: boolean;
  readonly group?: string;
  /** `folder`: the panel offers a folder picker and stores the picked entry's id. */
  readonly pick?: "folder";
}

/** A string that is masked in forms, logs and replies. */
export function secret(meta: Omit<FieldMeta, "secret">): z.ZodString {
  return z.string().meta({ ...meta, secret: true });
}

export interface FieldDescription extends FieldMeta {
  readonly name: string;
  readonly type: "string" | "number" | "boolean" | "choice";
  readonly choices?: readonly string[];
  readonly required: boolean;
  readonly default?: unknown;
}

/** The fields of a flat settings schema, in order. Throws TypeError on a field without title and description, or of a nested type. */
export function describeConfig(schema: z.ZodObject): readonly FieldDescription[] {
  const json = z.toJSONSchema(schema, { io: "input" });
  const required = new Set(json.required ?? []);
  return Object.entries(json.properties ?? {}).map(([name, property]) => {
    const field = property as Record<string, unknown>;
    if (typeof field.title !== "string" || typeof field.description !== "string") {
      throw new TypeError(`setting ${name} has no title or description`);
    }
    const choices = Array.isArray(field.enum) ? field.enum.map(String) : undefined;
    return {
      name,
      type: typeOf(name, field, choices),
      ...(choices && { choices }),
      required: required.has(name),
      title: field.title,
      description: field.description,
      ...(field.default !== undefined && { default: field.default }),
      ...(field.secret === true && { secret: true }),
      ...(typeof field.group === "string" && { group: field.group }),
      ...(field.pick === "folder" && { pick: "folder" as const }),
    };
  });
}

function typeOf(
  name: string,
  field: Record<string, unknown>,
  choices: readonly string[] | undefined,
): FieldDescription["type"] {
  if (choices) return "choice";
  if (field.type === "string" || field.type === "boolean") return field.type;
  if (field.type === "number" || field.type === "integer") return "number";
  throw new TypeError(`setting ${name} is of a type that no form can show`);
}
