/** The measured cases: what is asked, in which unit it is told, and which ratio to rclone is wanted. */
import type { Contestant } from "./contestant.ts";
import type { LoadJob, RequestsJob } from "./load-job.ts";
import { REPEATED_ENTRIES, type Scale, SMALL_FILE_BYTES, type World } from "./world.ts";

export interface BenchCase {
  readonly id: string;
  readonly title: string;
  readonly unit: "requests/s" | "MiB/s";
  /** Wanted: our figure divided by rclone's. */
  readonly minimumRatio: number;
  /** The server is started anew before the timed run, and warmed up with the same work over other directories, untimed. */
  readonly restart?: boolean;
  /** With `restart`: nobody has asked for the same properties of these directories before, so that no answer is at hand. */
  readonly firstAsked?: boolean;
  /** Absent result: this server cannot take part. */
  job(server: Contestant, world: World, scale: Scale, answerLength: number): LoadJob | undefined;
  /** The same over other directories. */
  warmUp?(server: Contestant, world: World, scale: Scale, answerLength: number): LoadJob | undefined;
}

/** What rclone's WebDAV client asks for, plus the etag. */
const PROPFIND_BODY = `<?xml version="1.0" encoding="utf-8"?>
<d:propfind xmlns:d="DAV:"><d:prop><d:displayname/><d:getlastmodified/><d:getcontentlength/><d:resourcetype/><d:getetag/></d:prop></d:propfind>`;

/** The same properties in another order: an answer of its own to a server that keeps answers. */
const OTHER_BODY = `<?xml version="1.0" encoding="utf-8"?>
<d:propfind xmlns:d="DAV:"><d:prop><d:getetag/><d:displayname/><d:getlastmodified/><d:getcontentlength/><d:resourcetype/></d:prop></d:propfind>`;

/** All properties, as file managers ask. */
const ALLPROP_BODY = `<?xml version="1.0" encoding="utf-8"?><propfind xmlns="DAV:"><allprop/></propfind>`;

const CONNECTIONS = 8;
const WRITE_EVERY = 50;
const WRITE_BYTES = 1024;

export const CASES: readonly BenchCase[] = [
  {
    id: "a",
    title: "PROPFIND of different directories, once each after a restart, from the tree",
    unit: "requests/s",
    minimumRatio: 5,
    restart: true,
    job: (server, { directories }, scale, answerLength) =>
      propfind(server, server.treeDirectories(directories), 1, scale.filesPerDirectory, answerLength),
    warmUp: (server, { others }, scale, answerLength) =>
      propfind(server, server.treeDirectories(others), 1, scale.filesPerDirectory, answerLength),
  },
  {
    id: "a1",
    title: "the same, asked for properties that nobody has asked for before",
    unit: "requests/s",
    minimumRatio: 0,
    restart: true,
    firstAsked: true,
    job: (server, { directories }, scale, answerLength) =>
      propfind(server, server.treeDirectories(directories), 1, scale.filesPerDirectory, answerLength, OTHER_BODY),
    warmUp: (server, { others }, scale, answerLength) =>
      propfind(server, server.treeDirectories(others), 1, scale.filesPerDirectory, answerLength, OTHER_BODY),
  },
  {
    id: "b",
    title: "PROPFIND of different directories, once each after a restart, listed again (local folder)",
    unit: "requests/s",
    minimumRatio: 0.8,
    restart: true,
    job: (server, { directories }, scale, answerLength) =>
      propfind(server, directoryUrls(server, directories), 1, scale.filesPerDirectory, answerLength),
    warmUp: (server, { others }, scale, answerLength) =>
      propfind(server, directoryUrls(server, others), 1, scale.filesPerDirectory, answerLength),
  },
  {
    id: "c",
    title: "PROPFIND of one directory of 1,000, one write in 50 requests",
    unit: "requests/s",
    minimumRatio: 10,
    job(server, world, scale, answerLength) {
      const asked = propfind(
        server,
        directoryUrls(server, [world.wide]),
        scale.wideRequests,
        scale.wideEntries,
        answerLength,
      );
      if (server.answerPaths) return asked;
      return { ...asked, write: { every: WRITE_EVERY, path: server.urlOf(world.written), bytes: WRITE_BYTES } };
    },
  },
  repeated(100, 5),
  repeated(1000, 15),
  repeated(10_000, 20),
  ...REPEATED_ENTRIES.map((entries) => repeated(entries, 0, { "accept-encoding": "gzip" })),
  {
    id: "d",
    title: "GET of one large file",
    unit: "MiB/s",
    minimumRatio: 0.45,
    job: (server, world, scale) => ({
      kind: "get",
      origin: server.origin(),
      path: server.urlOf(world.big),
      bytes: scale.bigBytes,
      headers: server.headers,
    }),
  },
  {
    id: "e",
    title: "GET of different files of 4 KiB",
    unit: "requests/s",
    minimumRatio: 0.25,
    job: (server, world, scale) => ({
      kind: "requests",
      origin: server.origin(),
      connections: CONNECTIONS,
      method: "GET",
      paths: world.small.map((path) => server.urlOf(path)),
      passes: scale.smallPasses,
      headers: server.headers,
      expect: { status: 200, length: SMALL_FILE_BYTES },
    }),
  },
  {
    id: "f",
    title: "PUT of one large file",
    unit: "MiB/s",
    minimumRatio: 0.4,
    job: (server, world, scale) =>
      server.answerPaths
        ? undefined
        : {
            kind: "put",
            origin: server.origin(),
            path: server.urlOf(world.putTarget),
            bytes: scale.bigBytes,
            headers: server.headers,
          },
  },
];

/** One directory that nobody changes, asked for again and again; with `headers`, by a client that asks for compression, which rclone does not do. */
function repeated(
  entries: (typeof REPEATED_ENTRIES)[number],
  minimumRatio: number,
  headers?: Readonly<Record<string, string>>,
): BenchCase {
  return {
    id: `p${entries}${headers ? "z" : ""}`,
    title: `PROPFIND of one directory of ${entries}, unchanged, all properties${headers ? ", gzip asked for" : ", no compression"}`,
    unit: "requests/s",
    minimumRatio,
    job(server, { repeated }, scale, answerLength) {
      // Slow servers are asked less often: it is the rate that is told.
      const share = server.name === "rclone" ? 20 : 1;
      const passes = Math.max(50, Math.round((scale.repeatedRequests * 100) / entries / share));
      const asked = propfind(
        server,
        directoryUrls(server, [repeated[entries]]),
        passes,
        entries,
        answerLength,
        ALLPROP_BODY,
      );
      return server.answerPaths ? asked : { ...asked, headers: { ...asked.headers, ...headers } };
    },
  };
}

function directoryUrls(server: Contestant, paths: readonly string[]): readonly string[] {
  return paths.map((path) => `${server.urlOf(path)}/`);
}

function propfind(
  server: Contestant,
  paths: readonly string[],
  passes: number,
  entries: number,
  answerLength: number,
  body = PROPFIND_BODY,
): RequestsJob {
  const common = { kind: "requests", origin: server.origin(), connections: CONNECTIONS, passes } as const;
  if (server.answerPaths) {
    const files = server.answerPaths(answerLength, paths.length);
    return { ...common, method: "GET", paths: files, headers: {}, expect: { status: 200, length: answerLength } };
  }
  return {
    ...common,
    method: "PROPFIND",
    paths,
    headers: { ...server.headers, depth: "1", "content-type": "application/xml" },
    body,
    expect: { status: 207, responses: entries + 1 },
  };
}
