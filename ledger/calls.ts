/**
 * The calls of a ledger: when each came, how long it ran and how much memory its instance had; and
 * how long memory took to come and to go. What a simulator needs to play the same hour again. Pure.
 */
import { csvField } from '../base/csv.ts';
import { median } from '../base/statistics.ts';
import { MIB } from '../base/units.ts';
import type { Entry, LedgerGraph } from './graph.ts';
import type { Span } from './span.ts';

export interface CallFunction {
  readonly host: string;
  readonly function: string;
  /** The most that one instance had. */
  region_bytes: number;
  /** Regions that it ever had, which is how many instances it can have. */
  readonly regions: Set<string>;
}

export interface LedgerCall {
  /** Index into the functions. */
  readonly function_index: number;
  /** From the beginning of the time in question. */
  readonly arrival_ms: number;
  readonly duration_ms: number;
}

/** Medians of what was recorded, ms; null: nothing of that kind was. */
export interface RecordedTimes {
  readonly plug_ms: number | null;
  readonly unplug_ms: number | null;
  /** From the decision to start until the instance was attached. */
  readonly start_ms: number | null;
  /** From the decision to stop until its processes were gone. */
  readonly stop_ms: number | null;
}

export interface LedgerCalls {
  readonly span: Span;
  readonly functions: readonly CallFunction[];
  /** In order of arrival; those whose end is not recorded are left out. */
  readonly calls: readonly LedgerCall[];
  readonly times: RecordedTimes;
  /** Calls that came and got nothing: no policy is asked about them. */
  readonly denied: number;
}

/** Of those that came within the time. */
export function callsOf(graph: LedgerGraph, span: Span): LedgerCalls {
  const reading = new Reading(span);
  for (const entry of graph.entries) {
    if (entry.wall_ms > span.to_ms) break;
    reading.take(entry);
  }
  return reading.end();
}

class Reading {
  readonly #span: Span;
  readonly #functions = new Map<string, { index: number; about: CallFunction }>();
  readonly #came_ms = new Map<string, number>();
  readonly #open = new Map<string, Omit<LedgerCall, 'duration_ms'> & { began_ms: number }>();
  readonly #calls: LedgerCall[] = [];
  /** Since when what is awaited was decided: starts and stops by instance. */
  readonly #since_ms = new Map<string, number>();
  readonly #times = {
    plug: [] as number[],
    unplug: [] as number[],
    start: [] as number[],
    stop: [] as number[],
  };
  #denied = 0;

  constructor(span: Span) {
    this.#span = span;
  }

  take(entry: Entry): void {
    const { source, record, wall_ms } = entry;
    const { kind, region_id, request_id, began_at_ms, at_ms } = record;
    const request = `${source.folder} ${request_id}`;
    if (kind === 'request') this.#came_ms.set(request, wall_ms);
    if (kind === 'denied' && this.#came_ms.delete(request)) this.#denied += 1;
    if (kind === 'run') this.#run(entry, request);
    if (kind === 'done') this.#done(request, wall_ms);
    this.#wait(entry);
    if (region_id === undefined) return;
    if (kind === 'plug' || kind === 'populated' || kind === 'grown' || kind === 'resumed') {
      const { about } = this.#functionOf(entry);
      about.regions.add(region_id);
      const bytes = record.vmm_bytes ?? record.to_bytes ?? 0;
      about.region_bytes = Math.max(about.region_bytes, bytes);
    }
    const took_ms = typeof began_at_ms === 'number' ? at_ms - began_at_ms : null;
    if (kind === 'populated' && took_ms !== null) this.#times.plug.push(took_ms);
    if (kind === 'emptied' && took_ms !== null) this.#times.unplug.push(took_ms);
  }

  #run(entry: Entry, request: string): void {
    const { record, wall_ms } = entry;
    const came_ms = this.#came_ms.get(request) ?? wall_ms;
    this.#came_ms.delete(request);
    const arrival_ms = came_ms - this.#span.from_ms;
    if (arrival_ms < 0) return;
    const { index: function_index } = this.#functionOf(entry);
    this.#open.set(request, { function_index, arrival_ms, began_ms: wall_ms });
    const { ended_at_ms, at_ms } = record;
    if (typeof ended_at_ms === 'number') this.#done(request, wall_ms + ended_at_ms - at_ms);
  }

  #done(request: string, ended_ms: number): void {
    const call = this.#open.get(request);
    if (!call) return;
    this.#open.delete(request);
    const { function_index, arrival_ms, began_ms } = call;
    this.#calls.push({ function_index, arrival_ms, duration_ms: ended_ms - began_ms });
  }

  #wait({ source, record, wall_ms }: Entry): void {
    const { kind, instance_id } = record;
    const key = `${source.folder} ${instance_id}`;
    if (kind === 'holder' || kind === 'stop') return void this.#since_ms.set(key, wall_ms);
    if (kind !== 'attached' && kind !== 'exit') return;
    const since_ms = this.#since_ms.get(key);
    this.#since_ms.delete(key);
    if (since_ms === undefined) return;
    this.#times[kind === 'exit' ? 'stop' : 'start'].push(wall_ms - since_ms);
  }

  #functionOf({ source, record }: Entry): { index: number; about: CallFunction } {
    const name = record.function ?? '';
    const key = `${source.folder} ${name}`;
    const known = this.#functions.get(key);
    if (known) return known;
    const about = {
      host: source.host,
      function: name,
      region_bytes: 0,
      regions: new Set<string>(),
    };
    const made = { index: this.#functions.size, about };
    this.#functions.set(key, made);
    return made;
  }

  end(): LedgerCalls {
    const { plug, unplug, start, stop } = this.#times;
    return {
      span: this.#span,
      functions: [...this.#functions.values()].map(({ about }) => about),
      calls: this.#calls.toSorted((a, b) => a.arrival_ms - b.arrival_ms),
      times: {
        plug_ms: median(plug),
        unplug_ms: median(unplug),
        start_ms: median(start),
        stop_ms: median(stop),
      },
      denied: this.#denied,
    };
  }
}

/** As `hotplane simulate --trace` reads it: `app` is the host. */
export function callsCsv({ functions, calls }: LedgerCalls): string {
  const lines = calls.map(({ function_index, arrival_ms, duration_ms }) => {
    const { function: name = '', host = '', region_bytes = 0 } = functions[function_index] ?? {};
    const times = [arrival_ms, duration_ms].map((ms) => Math.round(ms * 1_000) / 1_000);
    return [times[0], name, times[1], host, region_bytes / MIB].map((cell) => csvField(cell ?? 0));
  });
  const head = ['arrival_ms', 'function', 'duration_ms', 'app', 'memory_mib'];
  return `${[head, ...lines].map((cells) => cells.join(',')).join('\n')}\n`;
}
