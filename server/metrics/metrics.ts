/** What is counted of this process, for `/metrics`. No label holds a path, a name of a file or a name of a user. */
import { readdir, stat } from "node:fs/promises";
import { METHODS } from "node:http";
import { join } from "node:path";
import type { Outcome } from "../http/server.ts";
import type { Recorder } from "../layers/observe.ts";
import { counter, gauge, histogram, type Relabel } from "./registry.ts";

export interface Metrics {
  /** Counts a request of a client. */
  request(method: string | undefined, outcome: Outcome): void;
  /** Counts calls to mounts. */
  readonly recorder: Recorder;
  /** Counts a request to a service: its status, or undefined where none came. */
  upstream(environment: string, status: number | undefined): void;
  /** Adds a server whose connections are shown. */
  watch(server: { connections(): number }): void;
  /** The text of one scrape. */
  text(): Promise<string>;
}

export interface MetricsOptions {
  readonly version: string;
  readonly dataDir: string;
  /** The mounts of now. */
  mounts(): readonly {
    readonly id: number;
    readonly mountPath: string;
    readonly driver: string;
    readonly state: string;
  }[];
}

/** Seconds. */
const BOUNDS = [0.001, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60, 300];
const KNOWN_METHODS = new Set(METHODS);

/** Counters at zero. */
export function createMetrics(o: MetricsOptions): Metrics {
  const servers: { connections(): number }[] = [];
  // Mount paths are names that people gave: what leaves is the storage's number.
  const byMount: Relabel = ({ mount = "", ...rest }) => {
    const found = o.mounts().find(({ mountPath }) => mountPath === mount);
    const known = found && { mount: String(found.id), driver: found.driver };
    return { ...(known ?? { mount: mount.startsWith("/") ? "removed" : "none", driver: "" }), ...rest };
  };
  const requests = counter("pandav_http_requests_total", "Requests of clients.");
  const durations = histogram(
    "pandav_http_request_duration_seconds",
    "From the first byte of a request to the last of its reply.",
    BOUNDS,
  );
  const broken = counter("pandav_http_broken_replies_total", "Replies whose connection ended before they did.");
  const calls = counter("pandav_driver_calls_total", "Calls to mounts, by outcome.", byMount);
  const callSeconds = counter("pandav_driver_call_seconds_total", "Time that calls to mounts took.", byMount);
  const upstream = counter("pandav_upstream_requests_total", "Requests to services, by class of status.", byMount);
  let spoolBytes = 0;
  const shown = [
    gauge("pandav_build_info", "The version that runs.", () => [{ labels: { version: o.version }, value: 1 }]),
    requests,
    durations,
    broken,
    calls,
    callSeconds,
    upstream,
    gauge("pandav_mount_up", "1 where the mount works.", () =>
      o.mounts().map(({ id, driver, state }) => ({
        labels: { mount: String(id), driver },
        value: state === "working" ? 1 : 0,
      })),
    ),
    gauge("pandav_open_connections", "Connections of clients that are open.", () => [
      { value: servers.reduce((sum, server) => sum + server.connections(), 0) },
    ]),
    gauge("pandav_spool_bytes", "Bytes of uploads that wait on the disk.", () => [{ value: spoolBytes }]),
    gauge("process_resident_memory_bytes", "Memory that the process holds.", () => [
      { value: process.memoryUsage.rss() },
    ]),
    gauge("nodejs_heap_size_used_bytes", "Heap in use.", () => [{ value: process.memoryUsage().heapUsed }]),
    gauge("process_cpu_seconds_total", "Processor time that the process took.", () => {
      const { user, system } = process.cpuUsage();
      return [{ value: (user + system) / 1e6 }];
    }),
    gauge("process_start_time_seconds", "When the process began, in seconds since the epoch.", () => [
      { value: Math.round(Date.now() / 1000 - process.uptime()) },
    ]),
  ];
  return {
    request(method, { status, durationMs, finished }) {
      const known = method !== undefined && KNOWN_METHODS.has(method) ? method : "other";
      requests.add({ method: known, status: String(status) });
      durations.observe({ method: known }, durationMs / 1000);
      if (!finished) broken.add({ method: known });
    },
    recorder: {
      begun() {},
      ended({ mountPath: mount, operation, outcome, durationMs }) {
        calls.add({ mount, operation, outcome });
        callSeconds.add({ mount, operation }, durationMs / 1000);
      },
    },
    upstream(mount, status) {
      upstream.add({ mount, outcome: status === undefined ? "no-answer" : `${Math.floor(status / 100)}xx` });
    },
    watch(server) {
      servers.push(server);
    },
    async text() {
      spoolBytes = await sizeOf(join(o.dataDir, "spool"));
      return shown.map((metric) => metric.text()).join("");
    },
  };
}

/** Bytes of the files in a folder; what vanishes meanwhile counts nothing. */
async function sizeOf(folder: string): Promise<number> {
  const names = await readdir(folder).catch(() => []);
  const sizes = await Promise.all(
    names.map((name) =>
      stat(join(folder, name)).then(
        ({ size }) => size,
        () => 0,
      ),
    ),
  );
  return sizes.reduce((sum, size) => sum + size, 0);
}
