/** What the bench asks of the load generator, and what it reports. Both travel as JSON between the two processes. */

/** Many small requests over keep-alive connections. */
export interface RequestsJob {
  readonly kind: "requests";
  readonly origin: string;
  readonly connections: number;
  readonly method: "GET" | "PROPFIND";
  /** Asked one after the other, each once per pass, shared between the connections. */
  readonly paths: readonly string[];
  readonly passes: number;
  readonly headers: Readonly<Record<string, string>>;
  readonly body?: string;
  readonly expect: Expectation;
  /** Every `every`-th request is a PUT of a small file instead. */
  readonly write?: { readonly every: number; readonly path: string; readonly bytes: number };
}

/** One body of `bytes`, sent or received. */
export interface TransferJob {
  readonly kind: "get" | "put";
  readonly origin: string;
  readonly path: string;
  readonly bytes: number;
  readonly headers: Readonly<Record<string, string>>;
}

export type LoadJob = RequestsJob | TransferJob;

interface Expectation {
  readonly status: number;
  /** `response` elements of a multistatus, counted in one answer of 20. */
  readonly responses?: number;
  /** Bytes of the body, compared in every answer. */
  readonly length?: number;
}

export interface LoadResult {
  /** From the first request to the last byte of the last answer. */
  readonly seconds: number;
  readonly requests: number;
  /** Bytes of bodies, in the direction asked. */
  readonly bytes: number;
  readonly medianMs: number;
  readonly p99Ms: number;
  /** Length of the first answer's body. */
  readonly firstLength: number;
  /** CPU seconds of the load generator itself. */
  readonly clientCpuSeconds: number;
  /** Answers that were not as expected, the first five in words. */
  readonly failures: number;
  readonly failureExamples: readonly string[];
}
