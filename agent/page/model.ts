/** What the page knows: the agent's live state, put together from its messages. Pure. */
import {
  LIVE_PROTOCOL,
  type LiveChange,
  type LiveFunction,
  type LiveHost,
  type LiveMessage,
  type LiveOperation,
  type LiveRegion,
  type LiveRows,
  type LiveVm,
} from '../model/live.ts';
import type { MemoryStep, Operation, Report } from '../model/records.ts';
import { History } from './history.ts';
import { PAGE_LIMITS } from './limits.ts';

export interface PageVm extends Omit<LiveVm, 'regions'> {
  /** By index; all of them. */
  readonly regions: LiveRegion[];
}

/** What was not done, of one kind and function, since the page was opened. */
export interface Refused {
  readonly what: 'invocation' | 'operation';
  readonly function: string;
  readonly outcome: string;
  readonly code: string;
  readonly count: number;
  readonly last_at_ms: number;
}

export class PageModel {
  host: LiveHost | null = null;
  version = '';
  /** Newest time the agent told. */
  at_ms = 0;
  is_ready = false;
  readonly functions = new Map<string, LiveFunction>();
  readonly vms = new Map<string, PageVm>();
  readonly operations = new Map<string, LiveOperation>();
  readonly memory = new Map<string, MemoryStep>();
  /** Operations that are over, the oldest first. */
  ended: readonly Operation[] = [];
  reports: readonly Report[] = [];
  readonly refused = new Map<string, Refused>();
  history = new History();
  invocations_done = 0;
  /** Records that the agent left out since the page was opened: what is counted here is too low. */
  dropped = 0;
  #sequence = 0;

  /** Null, or what is wrong with the message: the stream must be begun anew. */
  take(message: LiveMessage): string | null {
    if (message.type === 'snapshot') {
      if (message.protocol !== LIVE_PROTOCOL) return `the agent speaks ${message.protocol}`;
      for (const rows of [this.functions, this.vms, this.operations, this.memory]) rows.clear();
      // Another host, or this one booted anew: what was seen has another clock.
      if (message.at_ms < this.at_ms) this.history = new History();
      this.host = message.host;
      this.version = message.version;
      this.at_ms = message.at_ms;
      this.#sequence = message.sequence;
      this.is_ready = false;
    } else if (message.type === 'part') this.#takeRows(message);
    else if (message.type === 'ready') this.is_ready = true;
    else return this.#takeChange(message);
    return null;
  }

  #takeChange(change: LiveChange): string | null {
    if (change.sequence !== this.#sequence + 1) {
      return `message ${change.sequence} came after ${this.#sequence}`;
    }
    this.#sequence = change.sequence;
    this.host = change.host;
    this.at_ms = change.at_ms;
    this.#takeRows(change);
    for (const name of change.gone.functions) this.functions.delete(name);
    for (const id of change.gone.operations) this.operations.delete(id);
    for (const id of change.gone.vms) {
      this.vms.delete(id);
      this.memory.delete(id);
    }
    const { operations, memory, reports, refusals, invocations_done, dropped } = change.news;
    this.invocations_done += invocations_done;
    this.dropped += dropped;
    this.ended = [...this.ended, ...operations].slice(-PAGE_LIMITS.operations);
    this.reports = [...this.reports, ...reports].slice(-PAGE_LIMITS.reports);
    for (const step of memory) if (this.vms.has(step.vm_id)) this.memory.set(step.vm_id, step);
    for (const refusal of refusals) this.#refuse({ what: 'invocation', ...refusal });
    for (const { function: name, outcome, error_code } of operations) {
      if (outcome === 'done') continue;
      const code = error_code ?? 'unknown';
      this.#refuse({ what: 'operation', function: name, outcome, code, count: 1 });
    }
    return null;
  }

  #takeRows({ functions, vms, operations }: LiveRows): void {
    for (const fn of functions) this.functions.set(fn.name, fn);
    for (const operation of operations) this.operations.set(operation.id, operation);
    for (const { regions, ...vm } of vms) {
      const all = this.vms.get(vm.id)?.regions ?? [];
      for (const region of regions) all[region.index] = region;
      this.vms.set(vm.id, { ...vm, regions: all });
    }
  }

  #refuse(told: Omit<Refused, 'last_at_ms'>): void {
    const key = `${told.what} ${told.function} ${told.outcome} ${told.code}`;
    const count = told.count + (this.refused.get(key)?.count ?? 0);
    this.refused.delete(key);
    this.refused.set(key, { ...told, count, last_at_ms: this.at_ms });
    const [oldest] = this.refused.keys();
    if (this.refused.size > PAGE_LIMITS.refusals && oldest) this.refused.delete(oldest);
  }
}
