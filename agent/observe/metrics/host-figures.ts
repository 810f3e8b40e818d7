/** The figures of one moment's state, function by function. Pure but for what it is given. */
import { regionPermitBytes } from '../../core/permits.ts';
import { type ExpressionLedger, medianError } from '../../model/expression-ledger.ts';
import type { FunctionState, HostState, InstancePhase, VmState } from '../../model/state.ts';
import { totalBytes } from '../../model/tiers.ts';

export const INSTANCE_PHASES: readonly InstancePhase[] = ['starting', 'busy', 'idle', 'stopping'];

/** Of one function, or of all that share a label. */
export interface FunctionFigures {
  readonly instances: Record<InstancePhase, number>;
  queued: number;
  oldest_wait_ms: number;
  permit_bytes: number;
  plugged_bytes: number;
  boot_bytes: number;
  /** Null as soon as one VMM's is not known. */
  resident_bytes: number | null;
  /** Null: no function of the label has a memory expression. */
  expression: ExpressionFigures | null;
}

/** Of the last function of a label that has one. */
interface ExpressionFigures {
  readonly answers: Readonly<Record<'right' | 'wrong' | 'unmeasured' | 'none', number>>;
  readonly median_error: number | null;
  readonly is_trusted: boolean;
}

function expressionFigures(ledger: ExpressionLedger): ExpressionFigures {
  const { answered, unanswered, checked, wrong, distrusted } = ledger;
  const answers = { right: checked - wrong, wrong, unmeasured: answered - checked };
  return {
    answers: { ...answers, none: unanswered },
    median_error: medianError(ledger),
    is_trusted: distrusted === null,
  };
}

function noFigures(): FunctionFigures {
  return {
    instances: { starting: 0, busy: 0, idle: 0, stopping: 0 },
    queued: 0,
    oldest_wait_ms: 0,
    permit_bytes: 0,
    plugged_bytes: 0,
    boot_bytes: 0,
    resident_bytes: 0,
    expression: null,
  };
}

export class HostFigures {
  readonly functions = new Map<string, FunctionFigures>();
  readonly phases = new Map<string, number>();
  readonly vm_states = new Map<string, number>();
  readonly #labelOf: (name: string) => string;
  readonly #now_ms: number;

  constructor(labelOf: (name: string) => string, now_ms: number) {
    this.#labelOf = labelOf;
    this.#now_ms = now_ms;
  }

  addFunction({ spec, phase, queue, expression }: FunctionState): void {
    bump(this.phases, phase);
    const figures = this.#of(spec.name);
    if (expression) figures.expression = expressionFigures(expression);
    figures.queued += queue.length;
    if (!queue.first) return;
    const wait_ms = Math.max(0, this.#now_ms - queue.first.received_at_ms);
    figures.oldest_wait_ms = Math.max(figures.oldest_wait_ms, wait_ms);
  }

  /** `resident_bytes` of its VMM process; null: not known. */
  addVm(vm: VmState, resident_bytes: number | null): void {
    const is_silent = vm.phase === 'running' && vm.unresponsive_since_ms !== null;
    const leaving = vm.phase === 'running' && vm.retiring;
    if (leaving) bump(this.vm_states, leaving.failure ? 'quarantined' : 'draining');
    else bump(this.vm_states, is_silent ? 'unresponsive' : vm.phase);
    const figures = this.#of(vm.function);
    for (const { phase } of vm.instances) figures.instances[phase] += 1;
    for (const region of vm.regions) figures.plugged_bytes += region.plugged_bytes;
    figures.permit_bytes += regionPermitBytes(vm);
    figures.boot_bytes += totalBytes(vm.boot_permit);
    figures.resident_bytes =
      figures.resident_bytes === null || resident_bytes === null
        ? null
        : figures.resident_bytes + resident_bytes;
  }

  #of(name: string): FunctionFigures {
    const label = this.#labelOf(name);
    const known = this.functions.get(label);
    if (known) return known;
    const made = noFigures();
    this.functions.set(label, made);
    return made;
  }
}

function bump(counts: Map<string, number>, key: string): void {
  counts.set(key, (counts.get(key) ?? 0) + 1);
}

/** The VMs in pieces, so that no look at all of them holds up a call. */
export function* inPieces(state: HostState, size: number): Generator<readonly VmState[]> {
  let piece: VmState[] = [];
  for (const vm of state.vms.values()) {
    piece.push(vm);
    if (piece.length < size) continue;
    yield piece;
    piece = [];
  }
  if (piece.length > 0) yield piece;
}
