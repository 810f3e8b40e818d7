/**
 * A simulated run as the lines that a live one has, for the same readers. What no model tells is
 * null; what of a plug is on the host is all that is plugged, for the model knows no better.
 */
import { nothingOf } from '../../agent/model/fields.ts';
import { operationSchema as operationRecord } from '../../agent/model/records.ts';
import { invocationSchema } from '../results/schema.ts';
import type { InvocationLine, MemoryStepLine, OperationLine } from '../results/schema.ts';
import { resizeMs } from './mechanism-models.ts';
import { readyMs, type SimCosts, type SimFunction, type SimWorkload } from './workload.ts';

/** Is told what an engine decides, in the order in which it does. */
export interface RunListener {
  started(fn: number, slot: number, now_ms: number): void;
  served(fn: number, slot: number, invocation: number, now_ms: number, is_cold: boolean): void;
  refused(fn: number, invocation: number, now_ms: number): void;
  stopped(fn: number, slot: number, now_ms: number): void;
}

export interface RunLines {
  readonly operations: OperationLine[];
  readonly invocations: InvocationLine[];
  readonly memory: MemoryStepLine[];
}

/** An instance in its slot. */
interface Instance {
  readonly id: string;
  readonly operation_id: string | null;
  readonly region: number;
  readonly at_ms: number;
}

/** Change of the memory of a function's VM at one moment. */
interface Change {
  readonly fn: number;
  readonly at_ms: number;
  readonly committed_bytes: number;
  readonly plugged_bytes: number;
}

const NO_OPERATION = nothingOf(operationRecord);
const NO_INVOCATION = nothingOf(invocationSchema);

export class RunRecorder implements RunListener {
  readonly #workload: SimWorkload;
  readonly #costs: SimCosts;
  readonly #instances = new Map<number, Instance>();
  /** Of each function, with the moment from which each is empty. */
  readonly #free_regions: { readonly region: number; readonly from_ms: number }[][];
  readonly #regions: number[];
  readonly #changes: Change[] = [];
  readonly #operations: OperationLine[] = [];
  readonly #invocations: InvocationLine[] = [];
  #ids = 0;

  constructor(workload: SimWorkload, costs: SimCosts) {
    this.#workload = workload;
    this.#costs = costs;
    this.#free_regions = workload.functions.map(() => []);
    this.#regions = workload.functions.map(() => 0);
  }

  started(fn: number, slot: number, now_ms: number): void {
    const one = this.#of(fn);
    const region = this.#emptyRegion(fn, now_ms);
    const id = this.#newId('i');
    const { mechanism, start_ms } = this.#costs;
    if (!mechanism.gives_back) {
      this.#instances.set(slot, { id, operation_id: null, region, at_ms: now_ms });
      return;
    }
    const operation_id = this.#newId('o');
    const bytes = one.region_bytes;
    const plugged_at_ms = now_ms + resizeMs(mechanism.plug, bytes);
    this.#instances.set(slot, { id, operation_id, region, at_ms: now_ms });
    this.#changes.push({ fn, at_ms: now_ms, committed_bytes: bytes, plugged_bytes: 0 });
    this.#changes.push({ fn, at_ms: plugged_at_ms, committed_bytes: 0, plugged_bytes: bytes });
    this.#operations.push({
      ...this.#operation(fn, operation_id, region),
      kind: 'plug',
      cause: 'start',
      instance_id: id,
      before_bytes: 0,
      requested_bytes: bytes,
      plugged_bytes: bytes,
      decided_at_ms: round(now_ms),
      requested_at_ms: round(now_ms),
      accepted_at_ms: round(now_ms),
      plugged_at_ms: round(plugged_at_ms),
      sandbox_at_ms: round(now_ms + start_ms),
      instance_ready_at_ms: round(now_ms + readyMs(this.#costs, bytes)),
    });
  }

  served(fn: number, slot: number, invocation: number, now_ms: number, is_cold: boolean): void {
    const instance = this.#instances.get(slot);
    const took_ms = this.#workload.invocations.duration_ms[invocation] ?? 0;
    const finished_at_ms = round(now_ms + took_ms);
    const ready_ms = (instance?.at_ms ?? 0) + readyMs(this.#costs, this.#of(fn).region_bytes);
    this.#invocations.push({
      ...this.#invocation(fn, invocation, now_ms),
      instance_id: instance?.id ?? null,
      outcome: 'done',
      cold: is_cold,
      operation_id: is_cold ? (instance?.operation_id ?? null) : null,
      assigned_at_ms: round(now_ms),
      instance_ready_at_ms: is_cold ? round(ready_ms) : null,
      first_byte_at_ms: round(now_ms),
      finished_at_ms,
      guest_wall_ms: took_ms,
      replied_at_ms: finished_at_ms,
    });
  }

  refused(fn: number, invocation: number, now_ms: number): void {
    this.#invocations.push({
      ...this.#invocation(fn, invocation, now_ms),
      outcome: 'refused',
      error_code: null,
      reason: 'simulated: there was no memory for a start',
      cold: false,
      replied_at_ms: round(now_ms),
    });
  }

  stopped(fn: number, slot: number, now_ms: number): void {
    const instance = this.#instances.get(slot);
    if (!instance) return;
    this.#instances.delete(slot);
    const { mechanism, stop_ms } = this.#costs;
    const { region } = instance;
    if (!mechanism.gives_back) {
      this.#free_regions[fn]?.push({ region, from_ms: now_ms + stop_ms });
      return;
    }
    const bytes = this.#of(fn).region_bytes;
    const gone_ms = now_ms + stop_ms;
    const at_ms = gone_ms + resizeMs(mechanism.unplug, bytes);
    this.#free_regions[fn]?.push({ region, from_ms: at_ms });
    this.#changes.push({ fn, at_ms, committed_bytes: -bytes, plugged_bytes: -bytes });
    this.#operations.push({
      ...this.#operation(fn, this.#newId('o'), region),
      kind: 'unplug',
      cause: 'stop',
      instance_id: instance.id,
      before_bytes: bytes,
      requested_bytes: 0,
      plugged_bytes: 0,
      decided_at_ms: round(gone_ms),
      requested_at_ms: round(gone_ms),
      accepted_at_ms: round(gone_ms),
      plugged_at_ms: round(at_ms),
      resident_bytes: 0,
      resident_at_ms: round(at_ms),
      stop_at_ms: round(now_ms),
      gone_at_ms: round(gone_ms),
    });
  }

  /** `boot_bytes`, `held`: what the VM of each function has besides, from before the first call. */
  finish(boot_bytes: readonly number[], held: readonly number[]): RunLines {
    return {
      operations: this.#operations,
      invocations: this.#invocations,
      memory: this.#steps(boot_bytes, held),
    };
  }

  #steps(boot_bytes: readonly number[], held: readonly number[]): MemoryStepLine[] {
    const committed = this.#workload.functions.map((_, fn) => held[fn] ?? 0);
    const plugged = [...committed];
    const steps: MemoryStepLine[] = [];
    const add = (fn: number, at_ms: number): void => {
      const boot = boot_bytes[fn] ?? 0;
      const regions = plugged[fn] ?? 0;
      steps.push({
        mechanism: this.#costs.mechanism.name,
        kind: 'step',
        at_ms: round(at_ms),
        function: this.#of(fn).name,
        vm_id: vmOf(fn),
        committed_bytes: boot + (committed[fn] ?? 0),
        plugged_bytes: boot + regions,
        used_bytes: null,
        region_used_bytes: null,
        resident_bytes: boot + regions,
        region_resident_bytes: regions,
      });
    };
    for (const fn of committed.keys()) add(fn, -1);
    const changes = this.#changes.toSorted((a, b) => a.at_ms - b.at_ms);
    for (const [index, { fn, at_ms, committed_bytes, plugged_bytes }] of changes.entries()) {
      committed[fn] = (committed[fn] ?? 0) + committed_bytes;
      plugged[fn] = (plugged[fn] ?? 0) + plugged_bytes;
      const next = changes[index + 1];
      if (next?.fn !== fn || next.at_ms !== at_ms) add(fn, at_ms);
    }
    return steps;
  }

  #operation(fn: number, id: string, region: number): OperationHead {
    return {
      ...NO_OPERATION,
      mechanism: this.#costs.mechanism.name,
      id,
      function: this.#of(fn).name,
      vm_id: vmOf(fn),
      region_id: `r${region}`,
      outcome: 'done',
      nudges: 0,
    };
  }

  #invocation(fn: number, invocation: number, now_ms: number): InvocationHead {
    const { arrival_ms, duration_ms } = this.#workload.invocations;
    const at_ms = round(arrival_ms[invocation] ?? 0);
    return {
      ...NO_INVOCATION,
      mechanism: this.#costs.mechanism.name,
      invocation_id: `i${String(invocation + 1).padStart(6, '0')}`,
      function: this.#of(fn).name,
      waited: round(now_ms) > at_ms,
      planned_at_ms: at_ms,
      planned_duration_ms: duration_ms[invocation] ?? 0,
      sent_at_ms: at_ms,
      received_at_ms: at_ms,
    };
  }

  #of(fn: number): SimFunction {
    const found = this.#workload.functions[fn];
    if (!found) throw new RangeError(`there is no function ${fn}`);
    return found;
  }

  #emptyRegion(fn: number, now_ms: number): number {
    const free = this.#free_regions[fn] ?? [];
    const at = free.findIndex(({ from_ms }) => from_ms <= now_ms);
    const found = at < 0 ? undefined : free.splice(at, 1)[0];
    if (found) return found.region;
    const region = this.#regions[fn] ?? 0;
    this.#regions[fn] = region + 1;
    return region;
  }

  #newId(prefix: string): string {
    this.#ids += 1;
    return `${prefix}${this.#ids}`;
  }
}

type OperationHead = typeof NO_OPERATION &
  Pick<
    OperationLine,
    'mechanism' | 'id' | 'function' | 'vm_id' | 'region_id' | 'outcome' | 'nudges'
  >;
type InvocationHead = Omit<
  InvocationLine,
  'outcome' | 'cold' | 'instance_id' | 'finished_at_ms' | 'replied_at_ms'
> & { readonly instance_id: null; readonly finished_at_ms: null };

function vmOf(fn: number): string {
  return `simulated-${fn}`;
}

/** As the times of a live run: to the microsecond. */
function round(at_ms: number): number {
  return Math.round(at_ms * 1000) / 1000;
}
