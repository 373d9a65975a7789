/** The forms of `partNumberRange` (sjtu-pan.md §4.3). */
import type { Call, Json } from "./call.ts";
import { ServiceError } from "./errors.ts";

const LARGEST_PART = 10_000;

/** The numbers of a start or a renewal. Throws `ParamInvalid` where there are none, too many or impossible ones. */
export function partNumbersOf(call: Call, value: Json | undefined, limit: number): readonly number[] {
  const numbers = listed(value) ?? (call.world.knobs.rangeStrings ? ranged(value) : undefined);
  if (!numbers) return call.refuse("body", "partNumberRange is not a list of numbers");
  if (numbers.some((n) => !Number.isInteger(n) || n < 1 || n > LARGEST_PART)) {
    return call.refuse("body", `part numbers go from 1 to ${LARGEST_PART}`);
  }
  if (new Set(numbers).size !== numbers.length) call.violate("body", "a part number comes twice");
  if (numbers.length === 0) return call.refuse("body", "partNumberRange is empty");
  if (numbers.length > limit) {
    call.violate("body", `${numbers.length} part numbers in one call, ${limit} are allowed`);
    throw new ServiceError("ParamInvalid");
  }
  return numbers;
}

function listed(value: Json | undefined): number[] | undefined {
  if (!Array.isArray(value)) return undefined;
  const [only] = value;
  if (value.length === 1 && typeof only === "string") return only.split(",").map(Number);
  return value.every((one) => typeof one === "number") ? (value as number[]) : undefined;
}

function ranged(value: Json | undefined): number[] | undefined {
  const match = typeof value === "string" ? /^(\d{1,5})-(\d{1,5})$/.exec(value) : null;
  if (!match) return undefined;
  const first = Number(match[1]);
  return Array.from({ length: Math.max(0, Number(match[2]) - first + 1) }, (_, i) => first + i);
}
