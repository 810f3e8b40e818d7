/**
 * The agent's metrics: counters and histograms are kept as records come, gauges are made of the
 * state when somebody asks. An answer is made in short turns, between which the agent goes on, one
 * answer at a time, and is kept for a moment, so that many who ask cost as much as one.
 */
import { collectDefaultMetrics, Counter, Gauge, Histogram, Registry } from 'prom-client';
import type { Clock } from '../../../base/clock.ts';
import { Pieces } from '../../../base/pieces.ts';
import { AGENT_LIMITS } from '../../limits.ts';
import { grantedBytes } from '../../core/permits.ts';
import { preparesAhead } from '../../core/prepare.ts';
import { AVAILABILITIES, availabilityOf } from '../../model/cordon.ts';
import type { DagStatus } from '../../model/dag-messages.ts';
import type { StatusResponse } from '../../model/messages.ts';
import { PRESSURE_LEVELS } from '../../model/pressure.ts';
import type { AgentRecord, Invocation, Operation, RecordKind } from '../../model/records.ts';
import type { HostState, VmState } from '../../model/state.ts';
import { totalBytes } from '../../model/tiers.ts';
import { FunctionNames } from './function-names.ts';
import { type FunctionGauge, functionGauges, isFunctionGauge } from './function-gauges.ts';
import { HostFigures } from './host-figures.ts';
import type { PagesTold } from '../page-book.ts';
import { hopsOf, operationSeconds, promiseOf, secondsBetween, startTimesOf } from './records.ts';
import { METRIC_ROWS, type MetricRow } from './table.ts';

export interface MetricsOptions {
  readonly clock: Clock;
  readonly version: string;
  /** Functions with series of their own. */
  readonly functions_max: number;
  readonly state: () => HostState;
  /** What the VMM process of a VM holds of the host; null: not known. */
  readonly residentBytes: (vm: VmState) => number | null;
  /** What its guests have told of the pages that they clear; absent or null: nothing. */
  readonly pagesOf?: (name: string) => PagesTold | null;
  /** The newest record of the ledger; absent or null: there is none. */
  readonly ledgerHead?: () => StatusResponse['ledger'];
  /** What became of calls of DAGs; absent: there are none. */
  readonly dags?: () => readonly DagStatus[];
  /** Those that other long answers are made in; absent: its own. */
  readonly pieces?: Pieces;
  /** When the certificate of the API ends, in ms since 1970; absent or null: it has none. */
  readonly certificateEndMs?: (() => number | null) | undefined;
}

/**
 * The library's own that are left out: they ask Node for every socket, by a call that it is rid of
 * (DEP0161); `nodejs_active_resources` tells the same.
 */
const LEFT_OUT = ['active_handles', 'active_requests'].flatMap((name) => [
  `nodejs_${name}`,
  `nodejs_${name}_total`,
]);

type Key = keyof typeof METRIC_ROWS;
type KeysOf<Type> = {
  [K in Key]: (typeof METRIC_ROWS)[K]['type'] extends Type ? K : never;
}[Key];

export class AgentMetrics {
  readonly content_type: string;
  readonly #options: MetricsOptions;
  readonly #pieces: Pieces;
  readonly #registry = new Registry();
  readonly #names: FunctionNames;
  readonly #counters: Record<Exclude<KeysOf<'counter'>, FunctionGauge>, Counter>;
  readonly #histograms: Record<KeysOf<'histogram'>, Histogram>;
  readonly #gauges: Record<Exclude<KeysOf<'gauge'>, FunctionGauge>, Gauge>;
  #answer: { readonly at_ms: number; readonly text: Promise<string> } | null = null;
  #is_making = false;

  constructor(options: MetricsOptions) {
    this.#options = options;
    this.#pieces = options.pieces ?? new Pieces(AGENT_LIMITS.turn_ms, options.clock);
    this.#names = new FunctionNames(options.functions_max);
    this.content_type = this.#registry.contentType;
    const registers = [this.#registry];
    const all = Object.entries<MetricRow>(METRIC_ROWS);
    const rows = all.filter(([key]) => !isFunctionGauge(key));
    const made = <T>(type: MetricRow['type'], make: (row: MetricRow) => T): Record<string, T> =>
      Object.fromEntries(
        rows.filter(([, row]) => row.type === type).map(([key, row]) => [key, make(row)]),
      );
    const common = ({ name, help, labels }: MetricRow) => ({
      name,
      help,
      labelNames: [...labels],
      registers,
    });
    this.#counters = made('counter', (row) => new Counter(common(row)));
    this.#gauges = made('gauge', (row) => new Gauge(common(row)));
    this.#histograms = made(
      'histogram',
      (row) => new Histogram({ ...common(row), buckets: [...(row.buckets ?? [])] }),
    );
    collectDefaultMetrics({ register: this.#registry });
    for (const name of LEFT_OUT) this.#registry.removeSingleMetric(name);
    this.#gauges.build.set({ version: options.version }, 1);
  }

  /** Takes what a record says; in the agent's own turn, so it neither waits nor throws. */
  record<Kind extends RecordKind>(kind: Kind, record: NonNullable<AgentRecord[Kind]>): void {
    const told: AgentRecord = { [kind]: record };
    if (told.operation) this.#operation(told.operation);
    if (told.invocation) this.#invocation(told.invocation);
    if (told.report) {
      this.#counters.reports.inc({ level: told.report.level, code: told.report.code });
    }
  }

  /**
   * The whole answer to a scrape, of one moment's state; the same for all who ask within a moment,
   * or while it is being made.
   */
  render(): Promise<string> {
    const now_ms = this.#options.clock.nowMs();
    const kept = this.#answer;
    const is_new = kept !== null && now_ms - kept.at_ms < AGENT_LIMITS.metrics_kept_ms;
    if (kept && (is_new || this.#is_making)) return kept.text;
    this.#is_making = true;
    const text = this.#make(now_ms).finally(() => {
      this.#is_making = false;
    });
    this.#answer = { at_ms: now_ms, text };
    return text;
  }

  async #make(now_ms: number): Promise<string> {
    const { clock, state: stateNow, residentBytes } = this.#options;
    const pieces = this.#pieces;
    const state = stateNow();
    this.#freeNames(state);
    const figures = new HostFigures((name) => this.#names.labelOf(name), now_ms);
    for (const fn of state.functions.values()) {
      figures.addFunction(fn);
      figures.addPages(fn.spec.name, this.#options.pagesOf?.(fn.spec.name) ?? null);
      await pieces.gap();
    }
    for (const vm of state.vms.values()) {
      const fn = state.functions.get(vm.function);
      const prepares = fn !== undefined && preparesAhead(state.config, fn, vm);
      figures.addVm(vm, residentBytes(vm), prepares);
      await pieces.gap();
    }
    this.#setGauges(state, figures);
    await pieces.gap();
    const texts: string[] = [];
    for (const text of functionGauges(figures.functions)) {
      texts.push(text);
      await pieces.gap();
    }
    for (const { name } of this.#registry.getMetricsAsArray()) {
      if (name === METRIC_ROWS.scrape.name) continue;
      texts.push(await this.#registry.getSingleMetricAsString(name));
      await pieces.gap();
    }
    this.#gauges.scrape.set((clock.nowMs() - now_ms) / 1_000);
    texts.push(await this.#registry.getSingleMetricAsString(METRIC_ROWS.scrape.name));
    return `${texts.join('\n')}\n`;
  }

  #setGauges(state: HostState, figures: HostFigures): void {
    const gauges = this.#gauges;
    gauges.limit.set(totalBytes(state.capacity));
    gauges.granted.set(grantedBytes(state));
    gauges.pressure.set(PRESSURE_LEVELS.indexOf(state.pressure.level));
    gauges.cordon.set(AVAILABILITIES.indexOf(availabilityOf(state)));
    gauges.host_memory.reset();
    const { host_keep_bytes } = state.config;
    if (state.told && host_keep_bytes !== null) {
      gauges.host_memory.set({ part: 'available' }, state.told.available_bytes);
      gauges.host_memory.set({ part: 'kept' }, host_keep_bytes);
    }
    gauges.operations_now.set(state.operations.size);
    gauges.operations_waiting.set(state.queue.waiting);
    gauges.tokens.set(state.queue.tokens);
    if (state.queue.slowdown === null) gauges.slowdown.remove();
    else gauges.slowdown.set(state.queue.slowdown);
    const end_ms = this.#options.certificateEndMs?.() ?? null;
    // It is 0, which is 1970, until it is set.
    if (end_ms === null) gauges.certificate_end.remove();
    else gauges.certificate_end.set(end_ms / 1_000);
    const head = this.#options.ledgerHead?.() ?? null;
    if (head) {
      gauges.ledger_head.set({ ledger: head.ledger }, head.seq);
      gauges.ledger_full.set({ ledger: head.ledger }, head.is_full ? 1 : 0);
    }
    this.#setDags();
    const { functions, vms } = gauges;
    for (const gauge of [functions, vms]) gauge.reset();
    for (const [phase, count] of figures.phases) functions.set({ phase }, count);
    for (const [name, count] of figures.vm_states) vms.set({ state: name }, count);
  }

  /** They are counted where they are made: a DAG that is removed has no series any more. */
  #setDags(): void {
    const { dag_calls, dag_seconds } = this.#counters;
    const { dags_running } = this.#gauges;
    for (const one of [dag_calls, dag_seconds, dags_running]) one.reset();
    for (const { dag, running, met, missed, failed, spent } of this.#options.dags?.() ?? []) {
      const { name } = dag;
      dags_running.set({ dag: name }, running);
      for (const [outcome, count] of Object.entries({ met, missed, failed })) {
        dag_calls.inc({ dag: name, outcome }, count);
      }
      for (const [part, ms] of Object.entries(spent)) {
        dag_seconds.inc({ dag: name, part: part.replace(/_ms$/, '') }, ms / 1_000);
      }
    }
  }

  /** Series of functions that are gone make place for those that are there. */
  #freeNames(state: HostState): void {
    for (const name of this.#names.freeUp((one) => state.functions.has(one))) {
      for (const outcome of ['done', 'refused', 'failed']) {
        for (const cold of ['true', 'false']) {
          this.#counters.invocations.remove({ function: name, outcome, cold });
        }
      }
      for (const outcome of ['kept', 'late', 'withdrawn']) {
        this.#counters.promises.remove({ function: name, outcome });
      }
      for (const outcome of ['done', 'partial', 'refused', 'failed']) {
        for (const kind of ['plug', 'unplug']) {
          this.#counters.operations.remove({ function: name, kind, outcome });
        }
      }
    }
  }

  #operation(operation: Operation): void {
    const { kind, outcome, mechanism, cause } = operation;
    const label = this.#names.labelOf(operation.function);
    this.#counters.operations.inc({ function: label, kind, outcome });
    this.#counters.causes.inc({ cause: cause ?? 'unknown', outcome });
    const promise = promiseOf(operation);
    if (promise !== null) this.#counters.promises.inc({ function: label, outcome: promise });
    const { held_ms } = operation;
    if (held_ms !== null) this.#histograms.held.observe({ kind }, held_ms / 1_000);
    for (const { hop, seconds } of hopsOf(operation)) {
      this.#histograms.hop.observe({ kind, mechanism, hop }, seconds);
    }
    const seconds = operationSeconds(operation);
    if (seconds !== null) this.#histograms.operation.observe({ kind, mechanism, outcome }, seconds);
    const left_bytes = operation.plugged_bytes - operation.requested_bytes;
    if (kind === 'unplug' && left_bytes > 0) this.#counters.short.inc({ mechanism }, left_bytes);
    const { pages_migrated } = operation;
    if (pages_migrated !== null && pages_migrated > 0) {
      this.#counters.migrated.inc({ mechanism }, pages_migrated);
    }
  }

  #invocation(invocation: Invocation): void {
    const { outcome, error_code, received_at_ms } = invocation;
    const cold = String(invocation.cold);
    const label = this.#names.labelOf(invocation.function);
    this.#counters.invocations.inc({ function: label, outcome, cold });
    if (error_code !== null) this.#counters.invocation_errors.inc({ code: error_code });
    const seconds = secondsBetween(received_at_ms, invocation.finished_at_ms);
    if (seconds !== null) this.#histograms.invocation.observe({ outcome, cold }, seconds);
    const wait = secondsBetween(received_at_ms, invocation.assigned_at_ms);
    if (wait !== null) this.#histograms.wait.observe({ cold }, wait);
    for (const { hop: stage, seconds: stage_seconds } of startTimesOf(invocation)) {
      this.#histograms.start.observe({ stage }, stage_seconds);
    }
  }
}
