/** `hotplane agent`: from an empty state folder to an agent that serves, and back. */
import { readdirSync } from 'node:fs';
import { chmod } from 'node:fs/promises';
import { join } from 'node:path';
import type { ServerCredentials } from '@grpc/grpc-js';
import type { Logger } from 'pino';
import { hostClock } from '../base/clock.ts';
import type { CoreConfig, FullMode } from './model/config.ts';
import { agentError } from './model/errors.ts';
import { addLastWords } from '../base/last-words.ts';
import { AGENT_LIMITS } from './limits.ts';
import { openPeerReader, type ReadPeer } from '../base/peer-credentials.ts';
import { ensureSafeFolder, socketPathTrouble } from '../base/safe-path.ts';
import { wasBegunIn } from '../hypervisor-client/lifecycle/run-dir.ts';
import type { Hypervisor } from '../hypervisor-client/vm.ts';
import type { NetworkAddress } from './api/address.ts';
import type { CertificateRoles, UserRoles } from './api/peers.ts';
import { AgentServer } from './api/server.ts';
import { type SocketAccess, SocketPlace } from './api/socket.ts';
import { ServerTls } from './api/server-tls.ts';
import type { TlsFiles } from './api/tls.ts';
import type { Policy } from './core/policy.ts';
import type { HttpAddress } from './http/address.ts';
import type { HttpSurface } from './http/surface.ts';
import { HostAgent } from './executor/host-agent.ts';
import { Taps } from './executor/host-network.ts';
import { AgentLedger } from './ledger/agent-ledger.ts';
import type { GuestImages } from './executor/images.ts';
import { endLeftovers, trimFolders } from './adopt/leftovers.ts';
import { earlierState, livingVms } from './adopt/earlier.ts';
import { endOrphans } from './adopt/orphans.ts';
import { type HostAvailable, readAvailable } from './pressure/available.ts';
import { lockStateDir } from './store/lock.ts';
import { StateFile } from './store/state-file.ts';

/** The ledger, as its owner wants it. */
export interface LedgerSettings {
  /** Absent: `ledger` in the state folder. */
  readonly folder?: string;
  /** What others call this host. */
  readonly host: string;
  readonly when_full: FullMode;
  readonly kept_bytes: number;
  /** Where heads are written for others to keep. */
  readonly heads_path?: string;
}

/** The API on a network, for those who have a certificate. */
export interface TlsSettings {
  readonly address: NetworkAddress;
  readonly files: TlsFiles;
  readonly roles: CertificateRoles;
}

export interface DaemonOptions {
  readonly socket_path: string;
  /** Who may connect besides the agent's own user; absent: nobody. */
  readonly socket_access?: SocketAccess;
  /** Of those who may connect, who may do what; absent: all of them all. */
  readonly socket_users?: UserRoles;
  /** Another socket, of which whoever can connect may look and change nothing. */
  readonly read_socket?: { readonly path: string; readonly access: SocketAccess };
  /** Where the API is served on a network; absent: nowhere. */
  readonly tls?: TlsSettings;
  readonly state_dir: string;
  /** VMMs run as others than we, who must come as far as their run folders; default: no. */
  readonly vmms_have_users?: boolean;
  /** Where private folders of runs lie; those whose owners were killed are emptied. */
  readonly runtime_dir?: string;
  readonly host_limit_bytes: number;
  /** The cgroup v2 folder in which VMMs are limited; absent or null: there is none. */
  readonly cgroup_root?: string | null;
  /** Booked for each VMM process, and CPUs of the host; default: nothing, and not known. */
  readonly vmm_overhead_bytes?: number;
  readonly host_cpus?: number;
  /** Servers that functions on a bridge (see `bounds`) ask for addresses of names; absent: none. */
  readonly dns?: readonly string[];
  /** Other bounds of the core's decisions than the product's own. */
  readonly bounds?: Partial<CoreConfig>;
  /** Where health and metrics are told over HTTP; absent: nowhere. */
  readonly http?: HttpAddress;
  readonly version: string;
  /** Who answers the core's questions; absent: the default policy. */
  readonly policy?: Policy;
  /** Others by name, which targets may name for a function; absent: none. */
  readonly policies?: ReadonlyMap<string, Policy>;
  readonly log: Logger;
  /** The VMM for new VMs. */
  readonly openHypervisor: () => Promise<Hypervisor>;
  /** Every driver there is, for VMs found in the state folder. */
  readonly drivers: readonly Hypervisor[];
  readonly prepareImages: () => Promise<GuestImages>;
  readonly onServing: () => void;
  /** Aborts when the agent is to stop. */
  readonly signal: AbortSignal;
  /** Where everything that moves memory is recorded; absent: nowhere. */
  readonly ledger?: LedgerSettings;
  /** Guests clear what was just plugged, whatever the driver says of it. */
  readonly clear_plugged?: boolean;
  /** What is plugged has its pages of the host at once, where the driver can. */
  readonly populate_plugged?: boolean;
  /** On SIGTERM VMs are left running, for the next agent with this folder. */
  readonly keep_vms?: boolean;
}

/**
 * Serves until `signal` aborts; afterwards none of its VMs and sockets is left. Throws
 * HP_AGENT_FATAL, after the same end, when the agent found a fault of its own. Whatever fails on
 * the way up, what was opened is closed again, last first.
 */
export async function runDaemon(options: DaemonOptions): Promise<void> {
  const { log, state_dir, signal, socket_path } = options;
  await using opened = new AsyncDisposableStack();
  const vms_dir = await openStateDir(state_dir, options.vmms_have_users === true);
  opened.defer(await lockStateDir(state_dir));
  opened.defer(addLastWords(() => vmsLeft(vms_dir)));
  // Before anything of an earlier agent is touched: what cannot be served is told first.
  const parts = { clock: hostClock, log };
  const server_tls = options.tls ? await ServerTls.open(options.tls.files, parts) : null;
  opened.defer(() => server_tls?.close());
  const credentials = server_tls?.credentials ?? null;
  const place = await SocketPlace.claim(socket_path, options.socket_access);
  opened.defer(() => place.release());
  const http = options.http ? await openHttp(options.http, log) : null;
  opened.defer(() => http?.close());
  const hypervisor = await options.openHypervisor();
  const { vmm, version, accelerator } = await hypervisor.probe();
  log.info({ vmm, vmm_version: version, accelerator }, 'the VMM is usable');
  const { drivers, runtime_dir } = options;
  const path = join(state_dir, STATE_FILE);
  const store = await StateFile.open(path);
  opened.defer(() => store.close());
  const living = await livingVms(store, { vms_dir, drivers, log });
  const [{ first_id, remaining }, orphans] = await Promise.all([
    endLeftovers({ vms_dir, drivers, log, living: new Set(living.keys()) }),
    runtime_dir === undefined ? [] : endOrphans({ runtime_dir, drivers, log }),
  ]);
  const images = await options.prepareImages();
  if (signal.aborted) return;
  const { host_limit_bytes, vmm_overhead_bytes = 0, host_cpus = null } = options;
  const earlier_vms = [...remaining, ...orphans];
  const facts = { ...options.bounds, earlier_vms, vmm_overhead_bytes, host_cpus };
  const state = earlierState(store, { path, host_limit_bytes, facts, first_id });
  if (state) log.info({ functions: state.functions.size, vms: living.size }, 'goes on');
  const ledger = options.ledger ? openLedger(options.ledger, state_dir, log) : null;
  opened.defer(() => closeLedger(ledger, log));
  const { cgroup_root = null } = options;
  const ask = (): HostAvailable | null => readAvailable({ proc: '/proc', vms: cgroup_root });
  const agent = new HostAgent({
    store,
    ...(ledger ? { ledger } : {}),
    ...(state ? { earlier: { state, vms: living } } : {}),
    clock: hostClock,
    hypervisor,
    images,
    log,
    host_limit_bytes,
    vmm_overhead_bytes,
    host_cpus,
    ...(options.bounds ? { bounds: options.bounds } : {}),
    vms_dir,
    network: new Taps({ vms_dir, bridges: options.bounds?.bridges ?? [], dns: options.dns ?? [] }),
    version: options.version,
    first_id,
    clear_plugged: options.clear_plugged === true,
    populate_plugged: options.populate_plugged === true,
    earlier_vms,
    trimFolders: (present) => trimFolders(vms_dir, present),
    ...(options.policy ? { policy: options.policy } : {}),
    ...(options.policies ? { policies: options.policies } : {}),
    ...(typeof options.bounds?.host_keep_bytes === 'number' ? { readAvailable: ask } : {}),
  });
  opened.defer(() => agent.close());
  http?.attach(agent, () => server_tls?.end_ms ?? null);
  await serve(agent, { place, http, credentials }, options);
  log.info({ socket: socket_path }, 'stopped');
}

/** The folder with a folder for each VM. Throws HP_PATH_UNSAFE, HP_AGENT_STATE_DIR. */
async function openStateDir(state_dir: string, has_guests: boolean): Promise<string> {
  const vms_dir = join(state_dir, 'vms');
  const trouble = socketPathTrouble(join(vms_dir, LONGEST_IN_VMS_DIR));
  if (trouble !== null) {
    throw agentError(
      'HP_AGENT_STATE_DIR',
      `the state folder has a path too long for sockets in it: ${trouble}.`,
    );
  }
  await ensureSafeFolder(state_dir);
  await ensureSafeFolder(vms_dir);
  // Others pass through, and see no names; what is theirs lies in a folder of each.
  for (const path of has_guests ? [state_dir, vms_dir] : []) await chmod(path, 0o711);
  if (!has_guests) await chmod(vms_dir, 0o700);
  return vms_dir;
}

/** Beside the folders of the VMs. */
const STATE_FILE = 'state.db';
const LEDGER_FOLDER = 'ledger';

/** The longest path of a socket that a driver makes there. */
const LONGEST_IN_VMS_DIR = 'vm1000000/channel.sock';

/** Throws HP_LEDGER_*: what cannot be written on is not begun anew. */
function openLedger(settings: LedgerSettings, state_dir: string, log: Logger): AgentLedger {
  const { folder = join(state_dir, LEDGER_FOLDER), ...parts } = settings;
  const ledger = new AgentLedger({
    ...parts,
    folder,
    clock: hostClock,
    wallMs: () => Date.now(),
    onFull: (is_full) => {
      const err = { code: 'HP_AGENT_LEDGER_FULL' };
      if (is_full) log.error({ err, folder }, 'the disk of the ledger is full');
      else log.warn({ folder }, 'the disk of the ledger has room again');
    },
  });
  log.info({ folder, head: ledger.head }, 'the ledger goes on');
  return ledger;
}

function closeLedger(ledger: AgentLedger | null, log: Logger): void {
  const lost_records = ledger?.close('the agent ended') ?? 0;
  if (lost_records === 0) return;
  const err = { code: 'HP_LEDGER_LOST' };
  log.error({ err, lost_records }, 'the disk of the ledger is full: records are lost');
}

/** For an end without order: which VMs it may leave behind. */
function vmsLeft(vms_dir: string): string {
  const left = readdirSync(vms_dir).filter((name) => wasBegunIn(join(vms_dir, name)));
  if (left.length === 0) return '';
  return `VMs left in ${vms_dir}: ${left.join(', ')}; the next agent with this --state-dir goes on with them.`;
}

/** Loaded by agents that serve it only. */
async function openHttp(address: HttpAddress, log: Logger): Promise<HttpSurface> {
  const module = await import('./http/surface.ts');
  const surface = await module.HttpSurface.listen(address, log);
  log.info({ http: surface.server.port ?? address }, 'health and metrics are served');
  return surface;
}

interface Opened {
  readonly place: SocketPlace;
  readonly http: HttpSurface | null;
  readonly credentials: ServerCredentials | null;
}

/** All of them, or none. */
async function openServers(
  agent: HostAgent,
  { place, credentials }: Opened,
  { socket_path, socket_users: users, read_socket, tls, log }: DaemonOptions,
): Promise<AgentServer[]> {
  const servers: AgentServer[] = [];
  const local = { agent, log, users: users ?? null, readPeer: await peerReader(users, log) };
  try {
    servers.push(await AgentServer.listen({ ...local, socket_path, place }));
    if (read_socket) {
      const { path, access } = read_socket;
      const own = { socket_path: path, place: await SocketPlace.claim(path, access) };
      servers.push(await AgentServer.listen({ ...local, role: 'read', ...own }));
      log.info({ socket: path }, 'may be looked at');
    }
    if (tls && credentials) {
      const { address, roles } = tls;
      const server = await AgentServer.listenTls({ agent, log, address, roles, credentials });
      servers.push(server);
      log.info({ host: address.host, port: server.port }, 'serves those with a certificate');
    }
    return servers;
  } catch (error) {
    await Promise.all(servers.map((one) => one.close(0)));
    throw error;
  }
}

/** Throws HP_AGENT_NO_USERS where what a user may do depends on it, and it cannot be known. */
async function peerReader(users: UserRoles | undefined, log: Logger): Promise<ReadPeer | null> {
  const readPeer = await openPeerReader();
  if (readPeer) return readPeer;
  const message = 'this host does not tell whose user connects to a socket';
  if (users) throw agentError('HP_AGENT_NO_USERS', `${message}.`);
  log.warn(`${message}: peers of the socket are not told apart`);
  return null;
}

async function serve(agent: HostAgent, opened: Opened, options: DaemonOptions): Promise<void> {
  const { socket_path, log, signal } = options;
  const { http } = opened;
  const servers = await openServers(agent, opened, options);
  try {
    log.info({ socket: socket_path, host_limit_bytes: options.host_limit_bytes }, 'serving');
    http?.serving();
    options.onServing();
    const asked = new Promise<void>((resolve) => {
      if (signal.aborted) resolve();
      signal.addEventListener('abort', () => resolve(), { once: true });
    });
    await Promise.race([asked, agent.fatal]);
  } finally {
    http?.stopping();
    const keeps = options.keep_vms === true && signal.reason === 'SIGTERM';
    const reason = String(signal.reason ?? 'HP_AGENT_FATAL');
    log.info({ reason }, `stopping: no new calls, VMs ${keeps ? 'go on' : 'are being shut down'}`);
    const close_ms = AGENT_LIMITS.drain_ms + AGENT_LIMITS.close_ms;
    const closed = Promise.all(servers.map((one) => one.close(close_ms)));
    try {
      if (keeps && !agent.isFatal) await agent.release();
      else await agent.stop(AGENT_LIMITS.drain_ms);
    } finally {
      await closed;
    }
  }
}
