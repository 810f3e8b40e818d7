/**
 * The steps of a check, one after the other: what each failure means for the rest. What does the
 * work is handed in, so that every end of a check can be had without a compiler.
 */
import type { Clock } from '../../base/clock.ts';
import { type HotplaneError, isHotplaneError, messageOf } from '../../base/errors.ts';
import type { BuiltKernel } from '../../images/kernel/manifest.ts';
import {
  type AttachedFigure,
  CHECK_STEPS,
  type CheckResult,
  type CheckStep,
  type CheckStepName,
  type CheckSubject,
  type CostFigure,
  exitCodeOf,
} from './records.ts';
import type { SelftestRun } from './selftest-run.ts';

export type Side = 'untouched' | 'patched';

/** Whether the guest said hello; if not, why not, and the end of its console. */
export type BootFinding =
  | { readonly up: true }
  | { readonly up: false; readonly reason: string; readonly lines: readonly string[] };

export interface CheckTools {
  /** Throws HP_IMAGE_PATCH_FAILED, HP_IMAGE_BUILD_FAILED, HP_IMAGE_KERNEL_CONFIG. */
  build(side: Side): Promise<BuiltKernel>;
  /** Throws when no VM could be started at all. */
  boot(side: Side, kernel: BuiltKernel): Promise<BootFinding>;
  /** Null: the series brings none. */
  selftests(kernel: BuiltKernel): Promise<SelftestRun | null>;
  /** Throws HP_BENCH_TOOL when the machine that counts does not come to its end. */
  costs(untouched: BuiltKernel, patched: BuiltKernel): Promise<readonly CostFigure[]>;
  /** Null: the series makes no partitions. Throws as `costs` does. */
  attached(patched: BuiltKernel): Promise<readonly AttachedFigure[] | null>;
}

export interface CheckRequest {
  readonly tools: CheckTools;
  readonly subject: CheckSubject;
  /** Percent that any price may be higher; null: costs are not counted. */
  readonly bound_percent: number | null;
  readonly clock: Clock;
  /** Told each step as it ends. */
  readonly onStep: (step: CheckStep, index: number) => void;
  readonly onBegin: (name: CheckStepName, index: number) => void;
  readonly signal?: AbortSignal;
}

type Finding = Pick<CheckStep, 'outcome' | 'detail'> & Partial<Pick<CheckStep, 'lines' | 'cases'>>;

/** Throws what is no answer about the tree: an interruption, a tool that is not there. */
export async function runCheck(request: CheckRequest): Promise<CheckResult> {
  const started_ms = request.clock.nowMs();
  const state: CheckState = { kernels: {}, costs: [], attached: [], failed: null };
  const steps: CheckStep[] = [];
  for (const [index, name] of CHECK_STEPS.entries()) {
    request.signal?.throwIfAborted();
    const began_ms = request.clock.nowMs();
    request.onBegin(name, index);
    const finding = await STEPS[name](request, state);
    const duration_ms = Math.round(request.clock.nowMs() - began_ms);
    const step = { name, duration_ms, lines: [], cases: [], ...finding };
    if (step.outcome === 'fail') state.failed ??= name;
    steps.push(step);
    request.onStep(step, index);
  }
  return {
    schema_version: 1,
    subject: { ...request.subject, kernel_version: versionOf(request, state) },
    steps,
    costs: state.costs,
    attached: state.attached,
    duration_ms: Math.round(request.clock.nowMs() - started_ms),
    exit_code: exitCodeOf(steps),
  };
}

interface CheckState {
  readonly kernels: Partial<Record<Side, BuiltKernel>>;
  costs: readonly CostFigure[];
  attached: readonly AttachedFigure[];
  failed: CheckStepName | null;
  /** What building the patched kernel ran into after its patches were in. */
  build_error?: HotplaneError;
}

const versionOf = ({ subject }: CheckRequest, { kernels }: CheckState): string | null =>
  (kernels.patched ?? kernels.untouched)?.manifest.kernel_version ?? subject.kernel_version;

const STEPS: Readonly<
  Record<CheckStepName, (request: CheckRequest, state: CheckState) => Promise<Finding>>
> = {
  apply: applyStep,
  build_patched: (_, state) => Promise.resolve(builtStep(state)),
  build_untouched: untouchedStep,
  boot_untouched: (request, state) => bootStep('untouched', request, state),
  boot_patched: (request, state) => bootStep('patched', request, state),
  selftests: selftestStep,
  cost: costStep,
};

const BUILD_FAILURES = ['HP_IMAGE_BUILD_FAILED', 'HP_IMAGE_KERNEL_CONFIG'];

/** Applies and builds in one: a kernel of the cache has both behind it. */
async function applyStep({ tools, subject }: CheckRequest, state: CheckState): Promise<Finding> {
  const count = `${subject.patches.length} patches`;
  try {
    state.kernels.patched = await tools.build('patched');
    return { outcome: 'pass', detail: count };
  } catch (error) {
    if (isCode(error, ['HP_IMAGE_PATCH_FAILED'])) return failure(error);
    if (!isCode(error, BUILD_FAILURES)) throw error;
    state.build_error = error;
    return { outcome: 'pass', detail: count };
  }
}

function builtStep(state: CheckState): Finding {
  if (state.build_error) return failure(state.build_error);
  const kernel = state.kernels.patched;
  if (!kernel) return skipped(state);
  return { outcome: 'pass', detail: kernel.manifest.release };
}

/** Also when the patched one does not build: whose fault that is, this tells. */
async function untouchedStep({ tools }: CheckRequest, state: CheckState): Promise<Finding> {
  if (state.failed === 'apply') return skipped(state);
  try {
    const kernel = await tools.build('untouched');
    state.kernels.untouched = kernel;
    return { outcome: 'pass', detail: kernel.manifest.release };
  } catch (error) {
    if (!isCode(error, BUILD_FAILURES)) throw error;
    return failure(error);
  }
}

async function bootStep(
  side: Side,
  { tools, signal }: CheckRequest,
  state: CheckState,
): Promise<Finding> {
  const kernel = state.kernels[side];
  if (!kernel || state.failed !== null) return skipped(state);
  const found = await tools.boot(side, kernel);
  signal?.throwIfAborted();
  if (found.up) return { outcome: 'pass', detail: '' };
  return { outcome: 'fail', detail: found.reason, lines: found.lines };
}

async function selftestStep(request: CheckRequest, state: CheckState): Promise<Finding> {
  const kernel = state.kernels.patched;
  if (!kernel || state.failed !== null) return skipped(state);
  const run = await request.tools.selftests(kernel);
  request.signal?.throwIfAborted();
  if (run === null) return { outcome: 'skip', detail: 'the series brings no hotmem selftests' };
  const { cases, totals } = run;
  const failed = cases.filter(({ outcome }) => outcome === 'fail').map(({ name }) => name);
  const lines = run.tail.split('\n');
  if (totals === null) {
    const last = cases.at(-1)?.name ?? 'none';
    const detail = `the program did not come to its end; the last case it told of: ${last}`;
    return { outcome: 'fail', detail, lines, cases };
  }
  const counts = `${totals.pass} passed, ${totals.fail} failed, ${totals.skip} skipped`;
  if (failed.length > 0 || totals.fail > 0) {
    return { outcome: 'fail', detail: `${counts}: ${failed.join(', ')}`, lines, cases };
  }
  if (totals.pass === 0) return { outcome: 'fail', detail: 'no case was run', lines, cases };
  return { outcome: 'pass', detail: counts, cases };
}

async function costStep(request: CheckRequest, state: CheckState): Promise<Finding> {
  const { tools, bound_percent, signal } = request;
  if (bound_percent === null) return { outcome: 'skip', detail: '--skip-bench' };
  const { untouched, patched } = state.kernels;
  if (!untouched || !patched || state.failed !== null) return skipped(state);
  let is_attached_missing = false;
  try {
    state.costs = await tools.costs(untouched, patched);
    const attached = await tools.attached(patched);
    state.attached = attached ?? [];
    is_attached_missing = attached?.length === 0;
  } catch (error) {
    signal?.throwIfAborted();
    // The other steps have their results: a machine too busy to count takes none of them away.
    if (!isCode(error, ['HP_BENCH_TOOL'])) throw error;
    return { outcome: 'fail', detail: `not counted: ${messageOf(error)}` };
  }
  signal?.throwIfAborted();
  return costFinding(state, bound_percent, is_attached_missing);
}

/** Of a page fault in a partition, as `bench reclaim` has it. */
const ATTACHED_BOUND_PERCENT = 5;

function costFinding(
  { costs, attached }: CheckState,
  bound_percent: number,
  is_attached_missing: boolean,
): Finding {
  const cases = [
    ...costs.map((figure) => costCase(figure, bound_percent)),
    ...attached.map(attachedCase),
  ];
  const worse = cases.filter(({ outcome }) => outcome === 'fail').map(({ name }) => name);
  if (costs.length === 0) return { outcome: 'fail', detail: 'nothing was counted', cases };
  const bounds = `off within ${bound_percent} % of untouched`;
  const and_attached =
    attached.length > 0 ? `, attached within ${ATTACHED_BOUND_PERCENT} % of unattached` : '';
  if (worse.length > 0) {
    return { outcome: 'fail', detail: `not ${bounds}${and_attached}: ${worse.join(', ')}`, cases };
  }
  if (is_attached_missing) {
    return { outcome: 'fail', detail: `${bounds}; nothing could attach to a partition`, cases };
  }
  return { outcome: 'pass', detail: `${bounds}${and_attached}`, cases };
}

function attachedCase({ threads, unattached, attached, percent }: AttachedFigure) {
  const name = threads === 1 ? 'attached_fault' : `attached_fault_${threads}_threads`;
  const detail = `${signed(percent)} %, ${attached} against ${unattached} instructions unattached`;
  return { name, outcome: percent > ATTACHED_BOUND_PERCENT ? 'fail' : 'pass', detail } as const;
}

const signed = (percent: number): string => `${percent < 0 ? '' : '+'}${percent.toFixed(2)}`;

function costCase({ metric, untouched, off, percent }: CostFigure, bound_percent: number) {
  const name = metric.replaceAll('-', '_');
  const detail = `${signed(percent)} %, ${off} against ${untouched} instructions`;
  return { name, outcome: percent > bound_percent ? 'fail' : 'pass', detail } as const;
}

function failure(error: HotplaneError): Finding {
  const { last_lines } = error.details;
  const lines = Array.isArray(last_lines) ? last_lines.map(String) : [];
  return { outcome: 'fail', detail: `${messageOf(error)} Next: ${error.next}`, lines };
}

function skipped({ failed }: CheckState): Finding {
  return { outcome: 'skip', detail: `${failed ?? 'an earlier step'} failed` };
}

function isCode(error: unknown, codes: readonly string[]): error is HotplaneError {
  return isHotplaneError(error) && codes.includes(error.code);
}
