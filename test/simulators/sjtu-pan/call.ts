/** One request on its way through the simulator. */
import { ServiceError } from "./errors.ts";
import { redactQuery } from "./log.ts";
import type { SimRequest } from "./wire.ts";
import type { Violation, ViolationKind, World } from "./world.ts";

export type Json = null | boolean | number | string | Json[] | { [member: string]: Json };
export type JsonObject = { [member: string]: Json };

/** Largest body of an API call, in bytes. */
const MAX_BODY = 16 * 2 ** 20;

/** The client went away in the middle of its request. */
export class ClientGone extends Error {}

export class Call {
  readonly world: World;
  readonly request: SimRequest;
  readonly requestId: string;
  /** Name of the route for log, faults and violations. */
  route = "unknown";
  /** The path for the log, where the real one holds a secret. */
  shownPath: string;
  /** Bytes of body that came in. */
  received = 0;
  /** The body of an API call. */
  text = "";
  readonly #violations: Violation[];

  constructor(world: World, request: SimRequest, violations: Violation[]) {
    this.world = world;
    this.request = request;
    this.requestId = world.secret(16);
    this.shownPath = request.rawPath;
    this.#violations = violations;
  }

  /** Notes that the request is not what the facts allow. Does not end it. */
  violate(kind: ViolationKind, message: string): void {
    const { method, host } = this.request;
    this.#violations.push({ kind, message, route: this.route, method, place: host + this.shownPath });
  }

  /** The query without what is secret. */
  shownQuery(): string {
    return redactQuery(this.request.query);
  }

  /** Notes every parameter that is not among the names, and every one that comes twice. */
  expectQuery(names: readonly string[]): void {
    const seen = new Set<string>();
    for (const [name] of this.request.query.pairs) {
      if (!names.includes(name)) this.violate("query", `the parameter ${name} is not known here`);
      if (seen.has(name)) this.violate("query", `the parameter ${name} comes twice`);
      seen.add(name);
    }
  }

  /** Reads the whole body of an API call. */
  async readText(): Promise<void> {
    const pieces: Buffer[] = [];
    try {
      for await (const piece of this.request.body as AsyncIterable<Buffer>) {
        this.received += piece.length;
        if (this.received <= MAX_BODY) pieces.push(piece);
      }
    } catch {
      throw new ClientGone();
    }
    if (this.received > MAX_BODY) throw new ServiceError("ParamInvalid", { message: "The body is too long." });
    this.text = Buffer.concat(pieces).toString("utf8");
  }

  /** The body as JSON, whatever its content type says (sjtu-pan.md §1.3); undefined where there is none. */
  json(): Json | undefined {
    if (this.text.trim() === "") return undefined;
    try {
      return JSON.parse(this.text) as Json;
    } catch {
      this.violate("body", "the body is not JSON");
      throw new ServiceError("ParamInvalid");
    }
  }

  /** The body as an object whose members are among the names; empty where there is no body. */
  members(names: readonly string[]): JsonObject {
    const value = this.json() ?? {};
    if (!isObject(value)) return this.refuse("body", "the body is not a JSON object");
    this.expectMembers(value, names);
    return value;
  }

  expectMembers(value: JsonObject, names: readonly string[]): void {
    for (const name of Object.keys(value)) {
      if (!names.includes(name)) this.violate("body", `the member ${name} is not known here`);
    }
  }

  /** Notes a body where none belongs; an empty object passes. */
  expectNoBody(): void {
    const trimmed = this.text.trim();
    if (trimmed !== "" && trimmed !== "{}") this.violate("body", "a body is not known here");
  }

  /** Notes a violation and ends the call with a refusal. */
  refuse(kind: ViolationKind, message: string, code: "ParamInvalid" | "NotFound" = "ParamInvalid"): never {
    this.violate(kind, message);
    throw new ServiceError(code, { message });
  }
}

export function isObject(value: Json | undefined): value is JsonObject {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}
