/**
 * Which VM's regions changed their size most while they were in use, when, and what ran there: its
 * invocations, and the named spans that they had. Pure.
 */
import type { InvocationLine, OperationLine } from '../results/schema.ts';

/** Kept of each VM, whose number is bounded by the host: as much as one picture can show. */
const INSTANCES_KEPT = 64;
const STRETCHES_KEPT = 512;

/** Something of an instance, from a time to another; NaN: it had no end in the run. */
export interface Stretch {
  readonly instance_id: string;
  readonly from_ms: number;
  to_ms: number;
}

/** A named span, from plugged to the decision to unplug it. */
export interface SpanStretch extends Stretch {
  readonly span: string;
  readonly bytes: number;
}

/** From the first start to the last end around changes of one VM's regions. */
export interface ChangedVm {
  readonly vm_id: string;
  readonly function: string;
  readonly growths: number;
  readonly shrinks: number;
  /** Named spans that were opened. */
  readonly opened: number;
  /** Of the first change and of the last. */
  readonly from_ms: number;
  readonly to_ms: number;
  /** The first ones of the instances that changed. */
  readonly invocations: readonly Stretch[];
  readonly spans: readonly SpanStretch[];
}

interface Kept extends ChangedVm {
  growths: number;
  shrinks: number;
  opened: number;
  from_ms: number;
  to_ms: number;
  readonly instances: Set<string>;
  readonly invocations: Stretch[];
  readonly spans: SpanStretch[];
}

const COUNTED = { grow: 'growths', shrink: 'shrinks', open: 'opened' } as const;

export class SizeTally {
  readonly #vms = new Map<string, Kept>();
  /** The VM of each instance that is kept. */
  readonly #vm_of = new Map<string, Kept>();

  add(line: OperationLine): void {
    const { cause, outcome, vm_id, decided_at_ms } = line;
    if (outcome !== 'done' || decided_at_ms === null) return;
    if (cause !== 'grow' && cause !== 'shrink' && cause !== 'open' && cause !== 'close') return;
    const vm = this.#vms.get(vm_id) ?? newVm(line, decided_at_ms);
    this.#vms.set(vm_id, vm);
    vm.from_ms = Math.min(vm.from_ms, decided_at_ms);
    vm.to_ms = Math.max(vm.to_ms, decided_at_ms);
    if (cause !== 'close') vm[COUNTED[cause]] += 1;
    const { instance_id } = line;
    if (instance_id === null) return;
    if (vm.instances.size < INSTANCES_KEPT) {
      vm.instances.add(instance_id);
      this.#vm_of.set(instance_id, vm);
    }
    if (cause === 'open') openSpan(vm, line, instance_id);
    if (cause === 'close') closeSpan(vm, line, instance_id);
  }

  /** Told after the operations. */
  addInvocation({ instance_id, assigned_at_ms, finished_at_ms }: InvocationLine): void {
    if (instance_id === null || assigned_at_ms === null) return;
    const kept = this.#vm_of.get(instance_id)?.invocations;
    if (!kept || kept.length >= STRETCHES_KEPT) return;
    kept.push({ instance_id, from_ms: assigned_at_ms, to_ms: finished_at_ms ?? Number.NaN });
  }

  /** The one with the most changes, the first of several; null: no size ever changed in use. */
  get most(): ChangedVm | null {
    let found: ChangedVm | null = null;
    for (const one of this.#vms.values()) {
      if (!found || changesOf(one) > changesOf(found)) found = one;
    }
    return found;
  }
}

const changesOf = ({ growths, shrinks, opened }: ChangedVm): number => growths + shrinks + opened;

function newVm({ vm_id, function: name }: OperationLine, at_ms: number): Kept {
  return {
    vm_id,
    function: name,
    growths: 0,
    shrinks: 0,
    opened: 0,
    from_ms: at_ms,
    to_ms: at_ms,
    instances: new Set(),
    invocations: [],
    spans: [],
  };
}

function openSpan({ spans }: Kept, line: OperationLine, instance_id: string): void {
  const { span, plugged_at_ms, plugged_bytes } = line;
  if (typeof span !== 'string' || plugged_at_ms === null) return;
  if (spans.length >= STRETCHES_KEPT) return;
  const from = { from_ms: plugged_at_ms, to_ms: Number.NaN };
  spans.push({ instance_id, span, bytes: plugged_bytes, ...from });
}

function closeSpan({ spans }: Kept, line: OperationLine, instance_id: string): void {
  const open = spans.findLast(
    (one) => one.instance_id === instance_id && one.span === line.span && Number.isNaN(one.to_ms),
  );
  if (open && line.decided_at_ms !== null) open.to_ms = line.decided_at_ms;
}
