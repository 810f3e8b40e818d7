/** The figures of one moment's state, function by function. Pure but for what it is given. */
import { type ExpressionLedger, medianError } from '../../model/expression-ledger.ts';
import {
  byteMsAt,
  type PoolState,
  READY_RUNGS,
  type ReadyRung,
  type RungState,
} from '../../model/pool.ts';
import type { GuestPages } from '../../model/pool-messages.ts';
import { type NamedSpanTally, NO_NAMED_SPANS, spanByteMsAt } from '../../model/span-tally.ts';
import type { FunctionState, InstancePhase, VmState } from '../../model/state.ts';
import { totalBytes } from '../../model/tiers.ts';
import type { PagesTold } from '../page-book.ts';
import { rungCounts } from '../pool-status.ts';

export const INSTANCE_PHASES: readonly InstancePhase[] = ['starting', 'busy', 'idle', 'stopping'];

/** Of one function, or of all that share a label. */
export interface FunctionFigures {
  readonly instances: Record<InstancePhase, number>;
  queued: number;
  oldest_wait_ms: number;
  permit_bytes: number;
  plugged_bytes: number;
  boot_bytes: number;
  /** Free ones that are plugged ahead of a start, without those populated, and all others. */
  ready_regions: number;
  /** Null: no guest of the label populates any. */
  populated_regions: number | null;
  empty_regions: number;
  readonly rungs: Record<ReadyRung, RungFigures>;
  /** Null as soon as one VMM's is not known. */
  resident_bytes: number | null;
  /** Null: no function of the label has a memory expression. */
  expression: ExpressionFigures | null;
  /** Null: no function of the label can have named spans. */
  spans: SpanFigures | null;
  /** Null: no guest of the label has told what it clears. */
  pages: PageFigures | null;
}

/** `age_ms`: of the oldest word; null: no VM that told is there. */
interface PageFigures {
  readonly told: GuestPages;
  readonly age_ms: number | null;
}

type SpanFigures = Readonly<
  Pick<NamedSpanTally, 'opened' | 'closed' | 'denied' | 'plugged_bytes' | 'byte_ms'>
>;

type RungFigures = { -readonly [Key in 'want' | 'asked' | 'hits' | 'byte_ms']: RungState[Key] };

const noRung = (): RungFigures => ({ want: null, asked: 0, hits: 0, byte_ms: 0 });

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
    ready_regions: 0,
    populated_regions: null,
    empty_regions: 0,
    rungs: { plugged: noRung(), populated: noRung(), warm: noRung() },
    resident_bytes: 0,
    expression: null,
    spans: null,
    pages: null,
  };
}

/** Of all regions of one VM. */
interface RegionSums {
  readonly plugged_bytes: number;
  readonly permit_bytes: number;
  readonly ready_regions: number;
  readonly populated_regions: number;
  readonly empty_regions: number;
}

/** What was counted of a row is kept as long as the row, which never changes. */
const COUNTED = new WeakMap<VmState, RegionSums>();

/** Between two scrapes most VMs do not change, and each may have hundreds of regions. */
function regionSums(vm: VmState): RegionSums {
  const known = COUNTED.get(vm);
  if (known) return known;
  let [plugged_bytes, permit_bytes] = [0, 0];
  const { plugged, populated, unplugged } = rungCounts([vm]);
  for (const region of vm.regions) {
    plugged_bytes += region.plugged_bytes;
    permit_bytes += region.permit_bytes;
  }
  const regions = {
    ready_regions: plugged,
    populated_regions: populated,
    empty_regions: unplugged,
  };
  const sums = { plugged_bytes, permit_bytes, ...regions };
  COUNTED.set(vm, sums);
  return sums;
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

  addFunction(fn: FunctionState): void {
    const { spec, phase, queue, expression, pool } = fn;
    bump(this.phases, phase);
    const figures = this.#of(spec.name);
    if (expression) figures.expression = expressionFigures(expression);
    figures.spans = this.#withSpans(figures.spans, fn);
    for (const rung of READY_RUNGS) this.#addRung(figures.rungs[rung], pool, rung);
    figures.queued += queue.length;
    if (!queue.first) return;
    const wait_ms = Math.max(0, this.#now_ms - queue.first.received_at_ms);
    figures.oldest_wait_ms = Math.max(figures.oldest_wait_ms, wait_ms);
  }

  /** What its guests have told of the pages that they clear; null: nothing. */
  addPages(name: string, told: PagesTold | null): void {
    if (!told) return;
    const figures = this.#of(name);
    const { pages, told_at_ms } = told;
    const age_ms = told_at_ms === null ? null : Math.max(0, this.#now_ms - told_at_ms);
    const sum = figures.pages;
    const oldest_ms = Math.max(sum?.age_ms ?? 0, age_ms ?? 0);
    figures.pages = {
      told: sum ? sumOfPages(sum.told, pages) : pages,
      age_ms: (sum?.age_ms ?? age_ms) === null ? null : oldest_ms,
    };
  }

  #withSpans(
    sum: SpanFigures | null,
    { spec, named_spans = null }: FunctionState,
  ): SpanFigures | null {
    if (spec.spans.length === 0 && named_spans === null) return sum;
    const tally = named_spans ?? NO_NAMED_SPANS;
    return {
      opened: (sum?.opened ?? 0) + tally.opened,
      closed: (sum?.closed ?? 0) + tally.closed,
      denied: (sum?.denied ?? 0) + tally.denied,
      plugged_bytes: (sum?.plugged_bytes ?? 0) + tally.plugged_bytes,
      byte_ms: (sum?.byte_ms ?? 0) + spanByteMsAt(tally, this.#now_ms),
    };
  }

  #addRung(sum: RungFigures, pool: PoolState, rung: ReadyRung): void {
    const { want, asked, hits } = pool[rung];
    if (want !== null) sum.want = (sum.want ?? 0) + want;
    sum.asked += asked;
    sum.hits += hits;
    sum.byte_ms += byteMsAt(pool, rung, this.#now_ms);
  }

  /** `resident_bytes` of its VMM process; null: not known. `prepares`: its guest does so ahead. */
  addVm(vm: VmState, resident_bytes: number | null, prepares = false): void {
    const is_silent = vm.phase === 'running' && vm.unresponsive_since_ms !== null;
    const leaving = vm.phase === 'running' && vm.retiring;
    if (leaving) bump(this.vm_states, leaving.failure ? 'quarantined' : 'draining');
    else bump(this.vm_states, is_silent ? 'unresponsive' : vm.phase);
    const figures = this.#of(vm.function);
    for (const { phase } of vm.instances) figures.instances[phase] += 1;
    const { plugged_bytes, permit_bytes, ...regions } = regionSums(vm);
    figures.ready_regions += regions.ready_regions;
    figures.empty_regions += regions.empty_regions;
    if (prepares || regions.populated_regions > 0) {
      figures.populated_regions = (figures.populated_regions ?? 0) + regions.populated_regions;
    }
    figures.plugged_bytes += plugged_bytes;
    figures.permit_bytes += permit_bytes;
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

const sumOfPages = (a: GuestPages, b: GuestPages): GuestPages => ({
  cleared: a.cleared + b.cleared,
  skipped: a.skipped + b.skipped,
  prepared: a.prepared + b.prepared,
  cleared_twice: a.cleared_twice + b.cleared_twice,
});

function bump(counts: Map<string, number>, key: string): void {
  counts.set(key, (counts.get(key) ?? 0) + 1);
}
