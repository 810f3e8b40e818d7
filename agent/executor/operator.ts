/** What an operator asks of a host while it runs: targets of functions, and cordons. */
import type { Logger } from 'pino';
import { assert } from '../../base/assert.ts';
import type { Reply } from '../model/actions.ts';
import { availabilityOf } from '../model/cordon.ts';
import type { HostEvent } from '../model/events.ts';
import { errorOf } from '../model/failure.ts';
import type { CordonRequest, Host, UncordonRequest } from '../model/host-messages.ts';
import { REFUSALS } from '../model/refusals.ts';
import type { HostState } from '../model/state.ts';
import { type SetTargetsRequest, type Targets, targetsOf } from '../model/targets.ts';
import { hostWhole } from '../observe/host-status.ts';

export interface OperatorParts {
  readonly log: Logger;
  readonly version: string;
  readonly stateOf: () => HostState;
  /** Throws what the event is refused for. */
  readonly request: (event: (request_id: string) => HostEvent) => Promise<Reply>;
}

export class Operator {
  readonly #parts: OperatorParts;
  #was_drained = false;

  constructor(parts: OperatorParts) {
    this.#parts = parts;
  }

  /** Throws HP_AGENT_TARGETS, HP_AGENT_TARGETS_CHANGED, HP_AGENT_NO_FUNCTION. */
  async setTargets(request: SetTargetsRequest, peer: string | null = null): Promise<Targets> {
    const asked = { type: 'set-targets', ...request, peer } as const;
    const reply = await this.#parts.request((request_id) => ({ ...asked, request_id }));
    assert(reply.kind === 'targets', 'targets are answered with targets');
    return reply.targets;
  }

  /** Throws HP_AGENT_NO_FUNCTION. */
  targets(name: string): Targets {
    const fn = this.#parts.stateOf().functions.get(name);
    if (!fn) throw errorOf(REFUSALS.noFunction(name));
    return targetsOf(name, fn.targets);
  }

  /** The host takes no new work from now on; what it is then. */
  async cordon({ drain, author, reason }: CordonRequest): Promise<Host> {
    const since = new Date().toISOString();
    const asked = { type: 'cordon', drain, author, reason, since } as const;
    await this.#parts.request((request_id) => ({ ...asked, request_id }));
    this.#parts.log.info({ author, reason, drain }, 'takes no new work');
    return this.host();
  }

  /** It takes new work again. */
  async uncordon({ author, reason }: UncordonRequest): Promise<Host> {
    const asked = { type: 'uncordon', author, reason } as const;
    await this.#parts.request((request_id) => ({ ...asked, request_id }));
    this.#parts.log.info({ author, reason }, 'takes new work');
    return this.host();
  }

  /** The host as a whole, by the book. */
  host(): Host {
    const { stateOf, version } = this.#parts;
    return { ...hostWhole(stateOf()), version, pid: process.pid };
  }

  /** Tells once that nothing is left on a host that is drained. */
  look(state: HostState): void {
    const is_drained = availabilityOf(state) === 'drained';
    if (is_drained && !this.#was_drained) this.#parts.log.info('drained: no VM is left');
    this.#was_drained = is_drained;
  }
}
