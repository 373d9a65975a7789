/** The one module that imports webdav-server: its server, context and filesystem, with everything in them that serves requests replaced (webdav.md §4). */
import type { IncomingMessage, ServerResponse } from "node:http";
import { PassThrough, type Readable, Writable } from "node:stream";
import { v2 as webdav } from "webdav-server";
import { type ErrorKind, kindOf, StorageError } from "#drivers/contract/errors.ts";
import type { Action } from "#server/auth/permission-bits.ts";
import { fullPath, type Rights, visiblePath } from "#server/auth/permissions.ts";
import type { User } from "#server/auth/users.ts";
import { closeSignal } from "#server/http/send.ts";
import type { Vfs } from "#server/vfs/api.ts";
import type { LockingOptions } from "#server/vfs/locks/api.ts";
import { permitted } from "#server/vfs/permitted.ts";
import type { Resource, VfsOptions } from "#server/vfs/resource.ts";
import { type IfHeader, parseIfHeader } from "./if-header.ts";
import type { LongTransfers } from "./long-transfer.ts";
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
  readonly transfers: LongTransfers;
}

/** One authenticated request at a path that was judged legal. */
export class DavContext {
  readonly front: DavFront;
  /** The filesystem as the caller may use it. */
  readonly vfs: Vfs;
  readonly rights: Rights;
  readonly request: IncomingMessage;
  readonly response: ServerResponse;
  readonly caller: User;
  /** The path as the caller named it, below the front's prefix. */
  readonly named: string;
  /** The path in the vfs: the caller's base path with the one that he named. */
  readonly path: string;
  /** Aborts when the client leaves. */
  readonly signal: AbortSignal;
  readonly ifHeader: IfHeader | undefined;
  /** For every call of the vfs: when to stop, and who asks, with the lock tokens that he submits. */
  readonly options: LockingOptions;
  readonly #server: DavServer;
  #frame: FrameContext | undefined;

  /** Throws HttpError 400 for an If header that cannot be read. */
  constructor(server: DavServer, request: IncomingMessage, response: ServerResponse, rights: Rights, path: string) {
    this.#server = server;
    this.front = server.front;
    this.vfs = permitted(server.front.vfs, rights);
    this.rights = rights;
    this.request = request;
    this.response = response;
    this.caller = rights.user;
    this.named = path;
    this.path = fullPath(rights.user, path);
    this.signal = closeSignal(response);
    this.ifHeader = parseIfHeader(request.headers.if);
    this.options = { signal: this.signal, holder: { userId: rights.user.id, tokens: this.ifHeader?.tokens ?? [] } };
  }

  /** The request as the package knows one. Made when it is asked for: it costs more than all that our methods need of a request (webdav.md §2). */
  get frame(): webdav.HTTPRequestContext {
    this.#frame ??= new FrameContext(this.#server, this);
    return this.#frame;
  }

  /** Throws AuthError 403 unless the caller may do it; a name that is hidden from him is not found when he reads, as if it were not there. */
  demand(action: Action): void {
    if (action === "webdav-read" && this.rights.isHidden(this.path)) {
      throw new StorageError("not-found", "there is nothing at this path", { path: this.path });
    }
    this.rights.demand(action, this.path);
  }

  /** The encoded path that this caller knows a resource by. */
  hrefOf(resource: Pick<Resource, "path" | "kind">): string {
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
      const listing = await this.#for(context).list(at(path, context, "webdav-read"), { signal: signalOf(context) });
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
      const file = await this.#for(context).open(at(path, context, "webdav-read"), { signal: signalOf(context) });
      return await file.read();
    });
  }
  protected override _openWriteStream(path: webdav.Path, info: webdav.OpenWriteStreamInfo, done: Done<Writable>): void {
    settle(done, async () => {
      const stream = new PassThrough();
      const size = info.estimatedSize;
      const target = at(path, info.context, "webdav-write");
      const stored = this.#for(info.context).write(
        target,
        { stream, ...(size >= 0 && { size }) },
        optionsOf(info.context),
      );
      return writableOver(stream, stored);
    });
  }
  protected override _create(path: webdav.Path, { context, type }: webdav.CreateInfo, done: Done<void>): void {
    settle(done, async () => {
      const target = at(path, context, "webdav-write");
      const o = optionsOf(context);
      if (type.isDirectory) await this.#for(context).makeDirectory(target, o);
      else {
        const stream = new PassThrough().end() as PassThrough;
        await this.#for(context).write(target, { stream, size: 0 }, { ...o, conflict: "fail" });
      }
    });
  }
  protected override _delete(path: webdav.Path, { context }: webdav.DeleteInfo, done: Done<void>): void {
    settle(done, () => this.#for(context).remove(at(path, context, "webdav-remove"), optionsOf(context)));
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
        await this.#for(context).move(source, target, {
          ...optionsOf(context),
          conflict: overwrite ? "replace" : "fail",
        })
      ).created;
    });
  }
  protected override _copy(from: webdav.Path, to: webdav.Path, info: webdav.CopyInfo, done: Done<boolean>): void {
    settle(done, async () => {
      const { context, overwrite, depth } = info;
      const source = at(from, context, "webdav-read");
      const target = at(to, context, "webdav-copy");
      const conflict = overwrite ? "replace" : "fail";
      const o = { ...optionsOf(context), recursive: depth !== 0 };
      return !(await this.#for(context).copy(source, target, { ...o, conflict })).created;
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

  /** Embedders, who have no caller, see everything. */
  #for(context: webdav.RequestContext): Vfs {
    return context instanceof FrameContext ? context.dav.vfs : this.#vfs;
  }

  #fact<T>(path: webdav.Path, context: webdav.RequestContext, done: Done<T>, pick: (resource: Resource) => T): void {
    settle(done, async () =>
      pick(await this.#for(context).stat(at(path, context, "webdav-read"), { signal: signalOf(context) })),
    );
  }
}

/** A path of the package as the context's caller may use it; embedders, who have no caller, name full paths. */
function at(path: webdav.Path, context: webdav.RequestContext, action: Action): string {
  if (!(context instanceof FrameContext)) return path.toString();
  const { rights } = context.dav;
  const target = fullPath(rights.user, path.toString());
  rights.demand(action, target);
  return target;
}

function optionsOf(context: webdav.RequestContext): VfsOptions {
  return context instanceof FrameContext ? context.dav.options : { signal: signalOf(context) };
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
