/**
 * What the agent shows over HTTP: whether it lives (`/healthz`), whether it serves (`/readyz`), its
 * metrics, its functions, its live state on a WebSocket (`/live`) and a page that draws it (`/`).
 * It is open before the agent decides anything, so that a long start can be seen.
 */
import type { Logger } from 'pino';
import { hostClock } from '../../base/clock.ts';
import { printable } from '../../base/printable.ts';
import { readProcessResident } from '../../hypervisor-client/host/smaps.ts';
import type { HostAgent } from '../executor/host-agent.ts';
import { AGENT_LIMITS } from '../limits.ts';
import { type HostState, vmSpec, type VmState } from '../model/state.ts';
import { cordonOf } from '../observe/host-status.ts';
import { LiveFeed } from '../observe/live/live-feed.ts';
import { AgentMetrics } from '../observe/metrics/metrics.ts';
import { agentError } from '../model/errors.ts';
import type { HttpAddress } from './address.ts';
import { Bodies } from './body.ts';
import { addDags } from './dags.ts';
import { addFunctions } from './functions.ts';
import { addLineage } from './lineage.ts';
import { LiveSockets } from './live-socket.ts';
import { servePage } from './page.ts';
import { Router } from './router.ts';
import { HttpServer, sendText } from './server.ts';

const LIVE_PATH = '/live';

/** Where an agent is in its life, and a word on it for people. */
type Stage =
  | { readonly name: 'starting'; readonly why: string }
  | { readonly name: 'serving' }
  | { readonly name: 'stopping'; readonly why: string }
  | { readonly name: 'failed'; readonly why: string };

export class HttpSurface {
  /** For others who serve something: paths may be added at any time. */
  readonly router: Router;
  readonly server: HttpServer;
  #stage: Stage = { name: 'starting', why: 'guest images and earlier VMs are looked at' };
  #agent: HostAgent | null = null;
  #metrics: AgentMetrics | null = null;
  #live: { readonly feed: LiveFeed; readonly sockets: LiveSockets } | null = null;

  private constructor(server: HttpServer, router: Router) {
    this.server = server;
    this.router = router;
    servePage(router);
    router.add('GET', '/healthz', ({ response }) => {
      const { name } = this.#stage;
      sendText(response, name === 'failed' ? 500 : 200, this.#told());
    });
    router.add('GET', '/readyz', ({ response }) => {
      const cordoned = this.#cordoned();
      if (this.#stage.name === 'serving' && cordoned) return sendText(response, 503, cordoned);
      sendText(response, this.#stage.name === 'serving' ? 200 : 503, this.#told());
    });
    router.add('GET', '/metrics', async ({ response }) => {
      if (!this.#metrics) return sendText(response, 503, this.#told());
      sendText(response, 200, await this.#metrics.render(), this.#metrics.content_type);
    });
  }

  /** Throws HP_AGENT_HTTP, or what the place of a socket does. */
  static async listen(address: HttpAddress, log: Logger): Promise<HttpSurface> {
    const router = new Router();
    let surface: HttpSurface | null = null;
    const server = await HttpServer.listen({
      address,
      router,
      log,
      onUpgrade: (request, socket, head) => {
        const [path = ''] = (request.url ?? '').split('?');
        if (path !== LIVE_PATH) throw agentError('HP_AGENT_HTTP_PATH', 'only /live is a stream.');
        const live = surface && surface.#live;
        if (!live) throw agentError('HP_AGENT_HTTP_EARLY', 'the agent does not serve yet.');
        live.sockets.accept(request, socket, head);
      },
    });
    surface = new HttpSurface(server, router);
    return surface;
  }

  /** From now on there is an agent to be measured. */
  attach(agent: HostAgent, certificateEndMs?: () => number | null): void {
    this.#agent = agent;
    const metrics = new AgentMetrics({
      clock: hostClock,
      version: agent.version,
      functions_max: AGENT_LIMITS.metrics_functions,
      state: () => agent.state,
      residentBytes: (vm) => residentBytes(vm, agent.state),
      pagesOf: (name) => agent.pages.of(name),
      ledgerHead: () => agent.ledger?.head ?? null,
      dags: () => agent.dags.list(null),
      certificateEndMs,
      pieces: agent.pieces,
    });
    this.#metrics = metrics;
    agent.hub.listen((kind, record) => metrics.record(kind, record));
    const bodies = new Bodies();
    addFunctions(this.router, agent, bodies);
    addDags(this.router, agent, bodies);
    addLineage(this.router, agent);
    const feed = new LiveFeed(agent, hostClock);
    this.#live = { feed, sockets: new LiveSockets(feed) };
    void agent.fatal.then(({ message }) => this.#enter({ name: 'failed', why: message }));
  }

  /** Who reads the live state now. */
  get readers(): number {
    return this.#live?.feed.readers ?? 0;
  }

  serving(): void {
    this.#enter({ name: 'serving' });
  }

  stopping(): void {
    this.#enter({ name: 'stopping', why: 'no new calls are taken' });
  }

  close(): Promise<void> {
    this.#live?.feed.close();
    this.#live?.sockets.close();
    return this.server.close();
  }

  /** Why nothing new is to be sent here, though the agent serves; null: it may be. */
  #cordoned(): string | null {
    const cordon = this.#agent && cordonOf(this.#agent.state);
    if (!cordon) return null;
    const { availability, author, reason } = cordon;
    const by = author === '' ? '' : ` by ${author}`;
    return `${printable(`${availability}${by}${reason === '' ? '' : `: ${reason}`}`, 600)}\n`;
  }

  /** A failed agent stays so. */
  #enter(stage: Stage): void {
    if (this.#stage.name !== 'failed') this.#stage = stage;
  }

  #told(): string {
    const stage = this.#stage;
    return stage.name === 'serving' ? 'ok\n' : `${stage.name}: ${stage.why}\n`;
  }
}

/** The host's word; null where it does not tell, e.g. of a VM that is just ending. */
function residentBytes(vm: VmState, state: HostState): number | null {
  const { facts } = vm;
  if (!facts || facts.vmm_pid <= 1) return null;
  const fn = state.functions.get(vm.function);
  const with_huge = fn !== undefined && vmSpec(fn, vm).backing === 'huge';
  try {
    return readProcessResident(facts.vmm_pid, with_huge);
  } catch {
    return null;
  }
}
