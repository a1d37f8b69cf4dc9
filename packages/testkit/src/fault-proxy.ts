import { connect, createServer, type Server, type Socket } from 'node:net';
import { createLane, type Lane, type LaneFault } from './proxy-lane.ts';

/** `toServer`: what the client sends. `toClient`: what the server sends. */
export type Direction = 'toServer' | 'toClient';

/** `next`: the next connection that is made. `open`: every connection that is open now. */
export type FaultTarget = 'next' | 'open';

export type Fault = LaneFault & {
  /** Default: both, each on its own. */
  readonly direction?: Direction | undefined;
};

export interface SetFault {
  /** Resolves when the fault has had its first effect. */
  readonly fired: Promise<void>;
  /** Ends the fault: a freeze thaws, a delay or a drop stops. A cut that has happened stays. */
  lift(): void;
}

export interface ProxyCounters {
  /** Connections that were accepted. */
  readonly connections: number;
  readonly openConnections: number;
  /** Bytes that were handed on. */
  readonly toServerBytes: number;
  readonly toClientBytes: number;
}

/** A TCP proxy that breaks connections at an exact point. */
export interface FaultProxy {
  readonly host: string;
  readonly port: number;
  /** The same URL, through the proxy. */
  urlFor(url: string): string;
  /**
   * Sets a fault. A cut gives the receiver every byte before it, then an orderly end, and the sender a reset: so what
   * passed before the cut has arrived.
   */
  set(target: FaultTarget, fault: Fault): SetFault;
  /** Resets every open connection on both sides. */
  cutAll(): void;
  /** Refuses new connections; open ones go on. */
  refuse(): Promise<void>;
  /** Ends `refuse`, on the same port. */
  accept(): Promise<void>;
  counters(): ProxyCounters;
  close(): Promise<void>;
  [Symbol.asyncDispose](): Promise<void>;
}

interface Connection {
  readonly client: Socket;
  readonly server: Socket;
  readonly lanes: Readonly<Record<Direction, Lane>>;
}

const HOST = '127.0.0.1';

/** Starts a proxy in front of the server at `host` and `port`, on a free loopback port. */
export async function startFaultProxy(upstream: {
  readonly host: string;
  readonly port: number;
}): Promise<FaultProxy> {
  const open = new Set<Connection>();
  const bytes: Record<Direction, number> = { toServer: 0, toClient: 0 };
  let connections = 0;
  let awaitingNext: ((connection: Connection) => void)[] = [];

  const reset = (connection: Connection): void => {
    connection.client.resetAndDestroy();
    connection.server.resetAndDestroy();
  };

  const take = (client: Socket): void => {
    const server = connect({ ...upstream, allowHalfOpen: true });
    connections += 1;
    const lane = (from: Socket, to: Socket, direction: Direction): Lane =>
      createLane({
        from,
        to,
        onForwarded: (count) => (bytes[direction] += count),
        onCut: () => {
          connection.lanes.toServer.stop();
          connection.lanes.toClient.stop();
          to.end();
          from.resetAndDestroy();
        },
      });
    const connection: Connection = {
      client,
      server,
      lanes: {
        toServer: lane(client, server, 'toServer'),
        toClient: lane(server, client, 'toClient'),
      },
    };
    open.add(connection);
    for (const [socket, peer] of [
      [client, server],
      [server, client],
    ] as const) {
      socket.setNoDelay(true);
      // A reset is handed on as a reset; when the proxy made it, the peer has been dealt with already.
      socket.on('error', () => peer.resetAndDestroy());
      socket.on('close', () => {
        if (!client.destroyed || !server.destroyed) return;
        connection.lanes.toServer.stop();
        connection.lanes.toClient.stop();
        open.delete(connection);
      });
    }
    const waiting = awaitingNext;
    awaitingNext = [];
    for (const set of waiting) set(connection);
  };

  const listener = createServer({ allowHalfOpen: true }, take);
  const port = await listen(listener, 0);

  const proxy: FaultProxy = {
    host: HOST,
    port,
    urlFor(url) {
      const through = new URL(url);
      through.hostname = HOST;
      through.port = String(port);
      return through.href;
    },
    set(target, fault) {
      const lifts: (() => void)[] = [];
      let isLifted = false;
      let fire!: () => void;
      const fired = new Promise<void>((resolve) => (fire = resolve));
      const directions: readonly Direction[] =
        fault.direction === undefined ? ['toServer', 'toClient'] : [fault.direction];
      const setOn = (connection: Connection): void => {
        if (isLifted) return;
        for (const direction of directions)
          lifts.push(connection.lanes[direction].set(fault, fire));
      };
      if (target === 'next') awaitingNext.push(setOn);
      else for (const connection of open) setOn(connection);
      return {
        fired,
        lift() {
          isLifted = true;
          for (const lift of lifts) lift();
        },
      };
    },
    cutAll() {
      for (const connection of open) reset(connection);
    },
    async refuse() {
      if (listener.listening) await stopListening(listener);
    },
    async accept() {
      if (!listener.listening) await listen(listener, port);
    },
    counters: () => ({
      connections,
      openConnections: open.size,
      toServerBytes: bytes.toServer,
      toClientBytes: bytes.toClient,
    }),
    async close() {
      for (const connection of open) reset(connection);
      if (listener.listening) await stopListening(listener);
    },
    [Symbol.asyncDispose]: () => proxy.close(),
  };
  return proxy;
}

function listen(server: Server, port: number): Promise<number> {
  return new Promise((resolve, reject) => {
    server.once('error', reject);
    server.listen(port, HOST, () => {
      server.removeListener('error', reject);
      const address = server.address();
      resolve(address !== null && typeof address === 'object' ? address.port : port);
    });
  });
}

/** Not waited for: `close` of a server resolves only when its open connections are gone, and those go on. */
function stopListening(server: Server): Promise<void> {
  server.close();
  return new Promise((resolve) => setImmediate(resolve));
}
