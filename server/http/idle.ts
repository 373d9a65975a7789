/** The idle timeout of connections: it counts only while we wait for the client. */
import type { IncomingMessage, Server, ServerResponse } from "node:http";
import type { Socket } from "node:net";

/** The request that a connection is busy with. */
export interface ClientState {
  readonly request: IncomingMessage;
  readonly response: ServerResponse;
}

/**
 * Destroys connections on which nothing moved for `idleMs` because the client neither sends the rest of its body nor takes our bytes.
 * A storage that takes minutes to verify an upload, or has nothing to send for a while, is not the client's fault: such a connection lives on.
 */
export function watchIdle(server: Server, running: ReadonlyMap<Socket, ClientState>, idleMs: number): void {
  server.setTimeout(idleMs, (socket: Socket) => {
    const state = running.get(socket);
    if (state && !waitsForClient(state, socket)) socket.setTimeout(idleMs);
    else socket.destroy();
  });
}

function waitsForClient({ request, response }: ClientState, socket: Socket): boolean {
  if (socket.writableLength > 0 || response.writableLength > 0) return true;
  // Bytes that lie unread in our buffer mean that we are the slow ones.
  return !request.complete && request.readableLength === 0 && request.readableFlowing !== null;
}
