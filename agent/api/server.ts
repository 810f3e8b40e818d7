/**
 * The agent's API: on a Unix socket, where the kernel decides who may connect, or on a port, where
 * a certificate does. A server is one of them: no call of one is taken for one of the other.
 */
import {
  Server,
  ServerCredentials,
  type ServerUnaryCall,
  type ServerWritableStream,
  type sendUnaryData,
  Metadata,
} from '@grpc/grpc-js';
import type { Logger } from 'pino';
import { timerMs } from '../../base/clock.ts';
import { isHotplaneError, messageOf } from '../../base/errors.ts';
import type { ReadPeer } from '../../base/peer-credentials.ts';
import { ourUid } from '../../base/safe-path.ts';
import { AGENT_LIMITS } from '../limits.ts';
import type { HostAgent } from '../executor/host-agent.ts';
import { isBug } from '../observe/fail-stop.ts';
import { refusalOf } from '../model/failure.ts';
import { agentError } from '../model/errors.ts';
import { API_PROTOCOL, type Role } from '../model/methods.ts';
import { addressText, type NetworkAddress } from './address.ts';
import { Discovery } from './discovery.ts';
import { type OnGone, STREAMS, type StreamHandler, UNARY, type UnaryHandler } from './handlers.ts';
import { LocalConnections, peerAmong } from './local-connections.ts';
import {
  certifiedPeer,
  type CertificateRoles,
  checkAllowed,
  type Connection,
  type Peer,
  type PeerOf,
  type UserRoles,
} from './peers.ts';
import { SERVICE } from './service.ts';
import { SocketPlace } from './socket.ts';
import { InvocationNotDone, otherVersion, toStatus } from './status-codes.ts';

export interface AgentServerOptions {
  readonly agent: HostAgent;
  readonly socket_path: string;
  /** The claimed place of the socket, which close() gives back. Default: claimed by listen(). */
  readonly place?: SocketPlace;
  readonly log: Logger;
  /** The most that anybody may do there. Default: all. */
  readonly role?: Role;
  /** Who may do what, by user. Absent or null: whoever can connect may do what the role says. */
  readonly users?: UserRoles | null;
  /** Asks the kernel who connects; absent or null: it is not known. */
  readonly readPeer?: ReadPeer | null;
}

export interface TlsServerOptions {
  readonly agent: HostAgent;
  readonly log: Logger;
  readonly address: NetworkAddress;
  readonly credentials: ServerCredentials;
  readonly roles: CertificateRoles;
}

interface Parts {
  readonly agent: HostAgent;
  readonly log: Logger;
  readonly place: SocketPlace | null;
  readonly peerOf: PeerOf;
}

/** Earlier versions of the protocol, whose clients are told what is the matter. */
const EARLIER_PROTOCOLS = ['hotplane.agent.v1', 'hotplane.agent.v2'];

export class AgentServer {
  readonly #server = new Server({
    'grpc.max_receive_message_length': AGENT_LIMITS.message_bytes,
    // Nobody asks for what gRPC would count of every call.
    'grpc.enable_channelz': 0,
  });
  readonly #options: Parts;
  readonly #discovery: Discovery;
  #local: LocalConnections | null = null;
  #port: number | null = null;

  private constructor(options: Parts) {
    const server = this.#server;
    this.#options = options;
    this.#addServices();
    this.#discovery = new Discovery(server);
    void options.agent.fatal.then(() => this.#discovery.stopping());
  }

  /** Throws HP_AGENT_SOCKET_IN_USE when another agent listens there, HP_AGENT_SOCKET else. */
  static async listen(options: AgentServerOptions): Promise<AgentServer> {
    const place = options.place ?? (await SocketPlace.claim(options.socket_path));
    const { agent, log, role: most = 'write', users = null, readPeer = null } = options;
    const peers = new Map<string, Peer>();
    const result = new AgentServer({ agent, log, place, peerOf: peerAmong(peers) });
    const insecure = ServerCredentials.createInsecure();
    const injector = result.#server.createConnectionInjector(insecure);
    const rights = { most, users, our_uid: ourUid() };
    const local = new LocalConnections(injector, peers, rights, readPeer);
    result.#local = local;
    try {
      await place.bind((path) => local.listen(path));
    } catch (error) {
      await local.close(0);
      result.#server.forceShutdown();
      await place.release();
      throw error;
    }
    return result;
  }

  /** Throws HP_AGENT_TLS where it cannot listen. */
  static async listenTls(options: TlsServerOptions): Promise<AgentServer> {
    const { agent, log, roles, credentials } = options;
    const result = new AgentServer({ agent, log, place: null, peerOf: certifiedPeer(roles) });
    const address = addressText(options.address);
    try {
      result.#port = await bind(result.#server, address, credentials);
    } catch (cause) {
      result.#server.forceShutdown();
      const message = `the API cannot be served on ${address}: ${messageOf(cause)}.`;
      throw agentError('HP_AGENT_TLS', message, { cause });
    }
    return result;
  }

  /** The port it got, where 0 was asked for; null on a Unix socket. */
  get port(): number | null {
    return this.#port;
  }

  /** Takes no new calls, waits for the open ones up to `deadline_ms`, then ends them. */
  async close(deadline_ms: number): Promise<void> {
    this.#discovery.stopping();
    await this.#local?.close(deadline_ms);
    const { promise, resolve } = Promise.withResolvers<void>();
    const timer = setTimeout(() => {
      this.#server.forceShutdown();
      resolve();
    }, timerMs(deadline_ms));
    this.#server.tryShutdown(() => resolve());
    await promise;
    clearTimeout(timer);
    await this.#options.place?.release();
  }

  #addServices(): void {
    for (const one of UNARY) this.#unary(one);
    for (const one of STREAMS) this.#stream(one);
    for (const protocol of EARLIER_PROTOCOLS) this.#refuse(protocol);
  }

  /** Every method of an earlier version: one clear error instead of answers that are misread. */
  #refuse(protocol: string): void {
    const refusal = toStatus(otherVersion(protocol, this.#options.agent.version));
    const answer = (_call: unknown, done: sendUnaryData<Buffer>): void => done(refusal);
    for (const { path } of Object.values(SERVICE)) {
      this.#server.register(path.replace(API_PROTOCOL, protocol), answer, asIs, asIs, 'unary');
    }
  }

  #unary({ name, path, role, serve }: UnaryHandler): void {
    const { agent, peerOf } = this.#options;
    const take = (call: ServerUnaryCall<Buffer, Buffer>, done: sendUnaryData<Buffer>): void => {
      const onGone: OnGone = (run) => void call.on('cancelled', run);
      const answer = async (): Promise<void> => {
        try {
          const peer = peerOf(connectionOf(call));
          checkAllowed(peer, role, name);
          done(null, await serve(agent, call.request, { peer, onGone }));
        } catch (error) {
          if (isBug(error)) agent.failStop(error, { method: name });
          this.#logFailure(name, error);
          done(toStatus(error));
        }
      };
      void answer();
    };
    this.#server.register(path, take, asIs, asIs, 'unary');
  }

  /** A refused request is the caller's affair (debug); what we did not foresee is ours (error). */
  #logFailure(method: string, error: unknown): void {
    if (error instanceof InvocationNotDone) return;
    const level = isHotplaneError(error) ? 'debug' : 'error';
    this.#options.log[level]({ method, err: refusalOf(error) }, 'a call was not served');
  }

  #stream({ name, path, role, open }: StreamHandler): void {
    const { agent, peerOf } = this.#options;
    const take = async (call: ServerWritableStream<Buffer, Buffer>): Promise<void> => {
      const gone = new AbortController();
      call.on('cancelled', () => gone.abort());
      try {
        checkAllowed(peerOf(connectionOf(call)), role, name);
        const messages = open(agent, call.request, gone.signal);
        // Tells the caller that from here on nothing is missed.
        call.sendMetadata(new Metadata());
        for await (const bytes of messages) {
          if (call.cancelled) return;
          if (!call.write(bytes)) await drained(call);
        }
        call.end();
      } catch (error) {
        if (isBug(error)) agent.failStop(error, { method: name });
        this.#logFailure(name, error);
        call.emit('error', toStatus(error));
      }
    };
    const serve = (call: ServerWritableStream<Buffer, Buffer>): void => void take(call);
    this.#server.register(path, serve, asIs, asIs, 'serverStream');
  }
}

type AnyCall = Pick<ServerUnaryCall<Buffer, Buffer>, 'getAuthContext' | 'getPeer'>;

function connectionOf(call: AnyCall): Connection {
  const { sslPeerCertificate: certificate = null } = call.getAuthContext();
  return { certificate, remote: call.getPeer() };
}

/** Messages are made and read by their methods, where errors can be told. */
const asIs = (bytes: Buffer): Buffer => bytes;

/** Until the caller has read what it was sent, or went away. */
function drained(call: ServerWritableStream<Buffer, Buffer>): Promise<void> {
  return new Promise((resolve) => {
    const goOn = (): void => {
      call.off('drain', goOn);
      call.off('cancelled', goOn);
      resolve();
    };
    call.once('drain', goOn);
    call.once('cancelled', goOn);
  });
}

/** The port that it got. */
function bind(server: Server, address: string, credentials: ServerCredentials): Promise<number> {
  return new Promise((resolve, reject) => {
    server.bindAsync(address, credentials, (error, port) => {
      if (error) reject(error);
      else resolve(port);
    });
  });
}
