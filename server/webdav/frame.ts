/** The one module that imports webdav-server: its server, context and filesystem, with everything in them that serves requests replaced (webdav.md §4). */
import type { IncomingMessage, ServerResponse } from "node:http";
import { PassThrough, type Readable, Writable } from "node:stream";
import { v2 as webdav } from "webdav-server";
import { type ErrorKind, kindOf } from "#drivers/contract/errors.ts";
import { type Action, demand, fullPath, visiblePath } from "#server/auth/permissions.ts";
import type { User } from "#server/auth/users.ts";
import { closeSignal } from "#server/http/send.ts";
import type { Vfs } from "#server/vfs/api.ts";
import type { Resource } from "#server/vfs/resource.ts";
import { hrefOf } from "./paths.ts";

/** One HTTP method of the front. */
export interface DavMethod {
  /** What the caller must be allowed at the request's path. */
  readonly action: Action;
  /** Where this method's status differs from the error table's. */
  readonly statuses: Readonly<Partial<Record<ErrorKind, number>>>;
  handle(context: DavContext): Promise<void>;
}

/** What every request of one front shares. */
export interface DavFront {
  readonly vfs: Vfs;
  /** As configured, byte for byte: `/dav`, or `""` for the root. */
  readonly prefix: string;
  /** Hosts beside the request's own that a Destination may name. */
  readonly publicHosts: readonly string[];
}

/** One authenticated request at a path that was judged legal. */
export class DavContext {
  readonly front: DavFront;
  readonly vfs: Vfs;
  readonly request: IncomingMessage;
  readonly response: ServerResponse;
  readonly caller: User;
  /** The path as the caller named it, below the front's prefix. */
  readonly named: string;
  /** The path in the vfs: the caller's base path with the one that he named. */
  readonly path: string;
  /** Aborts when the client leaves. */
  readonly signal: AbortSignal;
  readonly #server: DavServer;
  #frame: FrameContext | undefined;

  constructor(server: DavServer, request: IncomingMessage, response: ServerResponse, caller: User, path: string) {
    this.#server = server;
    this.front = server.front;
    this.vfs = server.front.vfs;
    this.request = request;
    this.response = response;
    this.caller = caller;
    this.named = path;
    this.path = fullPath(caller, path);
    this.signal = closeSignal(response);
  }

  /** The request as the package knows one. Made when it is asked for: it costs more than all that our methods need of a request (webdav.md §2). */
  get frame(): webdav.HTTPRequestContext {
    this.#frame ??= new FrameContext(this.#server, this);
    return this.#frame;
  }

  /** The encoded path that this caller knows a resource by. */
  hrefOf(resource: Resource): string {
    return hrefOf(this.front.prefix, visiblePath(this.caller, resource.path) ?? "/", resource.kind === "directory");
  }
}

/** A request of ours in the package's own form, for its interface. */
class FrameContext extends webdav.HTTPRequestContext {
  readonly dav: DavContext;

  constructor(server: DavServer, dav: DavContext) {
    const { request, response, named, caller } = dav;
    // Without a response the package adds no listener that prints; without the prefix its own path is right.
    const facade = { url: hrefOf("", named, false) || "/", headers: request.headers } as unknown as IncomingMessage;
    const prefix = server.front.prefix || undefined;
    super(server, facade, undefined as unknown as ServerResponse, () => response.end(), prefix);
    this.dav = dav;
    this.request = request;
    this.response = response;
    this.user = {
      uid: String(caller.id),
      username: caller.name,
      isAdministrator: caller.role === "admin",
      isDefaultUser: caller.role === "guest",
    };
  }
}

/** The package's server with our methods and dispatcher. Never started: requests are given to it. */
export class DavServer extends webdav.WebDAVServer {
  readonly front: DavFront;

  constructor(
    front: DavFront,
    methods: Readonly<Record<string, DavMethod>>,
    execute: (server: DavServer, request: IncomingMessage, response: ServerResponse) => Promise<void>,
  ) {
    super({
      rootFileSystem: new VfsFileSystem(front.vfs),
      httpAuthentication: {
        askForAuthentication: () => ({}),
        getUser: (_context, done) => done(webdav.Errors.UserNotFound),
      },
    });
    this.front = front;
    for (const name of Object.keys(this.methods)) delete this.methods[name];
    for (const [name, method] of Object.entries(methods)) this.method(name, method as unknown as webdav.HTTPMethod);
    this.executeRequest = (request: IncomingMessage, response: ServerResponse) => execute(this, request, response);
  }

  /** Our method of that name (upper case, as in the request line); undefined for what the front does not speak. */
  methodOf(name: string): DavMethod | undefined {
    const key = this.normalizeMethodName(name);
    return Object.hasOwn(this.methods, key) ? (this.methods[key] as unknown as DavMethod) : undefined;
  }
}

/** How long a call by way of the package's own interface may take, where no request bounds it. */
const EMBEDDED_TIMEOUT_MS = 5 * 60_000;

type Done<T> = (error?: Error, result?: T) => void;

/** The vfs as one of the package's filesystems, so that its own interface (`getResource` and the like) works for those who embed it. */
class VfsFileSystem extends webdav.FileSystem {
  readonly #vfs: Vfs;

  constructor(vfs: Vfs) {
    super({
      uid: () => "Pandav-1.0",
      serialize: (_fs, done) => done(webdav.Errors.InvalidOperation, undefined),
      unserialize: (_data, done) => done(webdav.Errors.InvalidOperation, undefined as unknown as webdav.FileSystem),
    });
    this.#vfs = vfs;
    this.doNotSerialize();
  }

  protected override _type(path: webdav.Path, { context }: webdav.TypeInfo, done: Done<webdav.ResourceType>): void {
    this.#fact(path, context, done, ({ kind }) =>
      kind === "file" ? webdav.ResourceType.File : webdav.ResourceType.Directory,
    );
  }
  protected override _size(path: webdav.Path, { context }: webdav.SizeInfo, done: Done<number>): void {
    this.#fact(path, context, done, ({ size }) => size ?? 0);
  }
  protected override _etag(path: webdav.Path, { context }: webdav.ETagInfo, done: Done<string>): void {
    this.#fact(path, context, done, ({ etag }) => etag ?? "");
  }
  protected override _lastModifiedDate(
    path: webdav.Path,
    { context }: webdav.LastModifiedDateInfo,
    done: Done<number>,
  ): void {
    this.#fact(path, context, done, ({ modifiedAt }) => modifiedAt ?? 0);
  }
  protected override _creationDate(path: webdav.Path, { context }: webdav.CreationDateInfo, done: Done<number>): void {
    this.#fact(path, context, done, ({ createdAt, modifiedAt }) => createdAt ?? modifiedAt ?? 0);
  }
  protected override _readDir(path: webdav.Path, { context }: webdav.ReadDirInfo, done: Done<string[]>): void {
    settle(done, async () => {
      const names: string[] = [];
      const listing = await this.#vfs.list(at(path, context, "webdav-read"), { signal: signalOf(context) });
      for await (const page of listing.pages()) for (const { name } of page) names.push(name);
      return names;
    });
  }
  protected override _openReadStream(
    path: webdav.Path,
    { context }: webdav.OpenReadStreamInfo,
    done: Done<Readable>,
  ): void {
    settle(done, async () => {
      const file = await this.#vfs.open(at(path, context, "webdav-read"), { signal: signalOf(context) });
      return await file.read();
    });
  }
  protected override _openWriteStream(path: webdav.Path, info: webdav.OpenWriteStreamInfo, done: Done<Writable>): void {
    settle(done, async () => {
      const stream = new PassThrough();
      const size = info.estimatedSize;
      const target = at(path, info.context, "webdav-write");
      const stored = this.#vfs.write(
        target,
        { stream, ...(size >= 0 && { size }) },
        { signal: signalOf(info.context) },
      );
      return writableOver(stream, stored);
    });
  }
  protected override _create(path: webdav.Path, { context, type }: webdav.CreateInfo, done: Done<void>): void {
    settle(done, async () => {
      const target = at(path, context, "webdav-write");
      const o = { signal: signalOf(context) };
      if (type.isDirectory) await this.#vfs.makeDirectory(target, o);
      else {
        const stream = new PassThrough().end() as PassThrough;
        await this.#vfs.write(target, { stream, size: 0 }, { ...o, conflict: "fail" });
      }
    });
  }
  protected override _delete(path: webdav.Path, { context }: webdav.DeleteInfo, done: Done<void>): void {
    settle(done, () => this.#vfs.remove(at(path, context, "webdav-remove"), { signal: signalOf(context) }));
  }
  protected override _move(
    from: webdav.Path,
    to: webdav.Path,
    { context, overwrite }: webdav.MoveInfo,
    done: Done<boolean>,
  ): void {
    settle(done, async () => {
      const source = at(from, context, "webdav-move");
      const target = at(to, context, "webdav-move");
      return !(
        await this.#vfs.move(source, target, { signal: signalOf(context), conflict: overwrite ? "replace" : "fail" })
      ).created;
    });
  }
  protected override _copy(from: webdav.Path, to: webdav.Path, info: webdav.CopyInfo, done: Done<boolean>): void {
    settle(done, async () => {
      const { context, overwrite, depth } = info;
      const source = at(from, context, "webdav-read");
      const target = at(to, context, "webdav-copy");
      const conflict = overwrite ? "replace" : "fail";
      const o = { signal: signalOf(context), recursive: depth !== 0 };
      return !(await this.#vfs.copy(source, target, { ...o, conflict })).created;
    });
  }
  protected override _lockManager(
    _path: webdav.Path,
    _info: webdav.LockManagerInfo,
    done: Done<webdav.ILockManager>,
  ): void {
    done(webdav.Errors.InvalidOperation);
  }
  protected override _propertyManager(_path: webdav.Path, _info: unknown, done: Done<webdav.IPropertyManager>): void {
    done(webdav.Errors.InvalidOperation);
  }

  #fact<T>(path: webdav.Path, context: webdav.RequestContext, done: Done<T>, pick: (resource: Resource) => T): void {
    settle(done, async () =>
      pick(await this.#vfs.stat(at(path, context, "webdav-read"), { signal: signalOf(context) })),
    );
  }
}

/** A path of the package as the context's caller may use it; embedders, who have no caller, name full paths. */
function at(path: webdav.Path, context: webdav.RequestContext, action: Action): string {
  if (!(context instanceof FrameContext)) return path.toString();
  const { caller } = context.dav;
  const target = fullPath(caller, path.toString());
  demand(caller, action, target);
  return target;
}

function signalOf(context: webdav.RequestContext): AbortSignal {
  return context instanceof FrameContext ? context.dav.signal : AbortSignal.timeout(EMBEDDED_TIMEOUT_MS);
}

function settle<T>(done: Done<T>, work: () => Promise<T>): void {
  work().then(
    (result) => done(undefined, result),
    (error: Error) => done(PACKAGE_ERRORS[kindOf(error) ?? "upstream"] ?? error),
  );
}

/** The package compares errors by identity. */
const PACKAGE_ERRORS: Partial<Record<ErrorKind, Error>> = {
  "not-found": webdav.Errors.ResourceNotFound,
  "already-exists": webdav.Errors.ResourceAlreadyExists,
  "not-a-directory": webdav.Errors.WrongParentTypeForCreation,
  "is-a-directory": webdav.Errors.InvalidOperation,
  "permission-denied": webdav.Errors.Forbidden,
  "quota-exceeded": webdav.Errors.InsufficientStorage,
  locked: webdav.Errors.Locked,
};

/** A writable that finishes only when what it fed is stored. */
function writableOver(stream: PassThrough, stored: Promise<unknown>): Writable {
  const sink = new Writable({
    write: (chunk, encoding, done) => {
      if (stream.write(chunk, encoding)) done();
      else stream.once("drain", done);
    },
    final: (done) => {
      stream.end();
      stored.then(() => done(), done);
    },
    destroy: (error, done) => {
      if (!stream.writableEnded) stream.destroy(error ?? new DOMException("the write was given up", "AbortError"));
      done(error);
    },
  });
  stored.catch((error: Error) => sink.destroy(error));
  return sink;
}
