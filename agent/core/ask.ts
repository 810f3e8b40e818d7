/** Puts the four questions to the policy and records its answers where somebody wants them. */
import { boundsOf } from '../../base/number-list.ts';
import type { Return } from '../model/depths.ts';
import type { OperationState } from '../model/operations.ts';
import type { ReadyRung } from '../model/pool.ts';
import type { Decision } from '../model/records.ts';
import {
  type FunctionState,
  type InstanceState,
  type QueuedInvocation,
  type RegionState,
  vmSpec,
  type VmState,
} from '../model/state.ts';
import { mostBytesOf, specInForce } from '../model/targets.ts';
import { memoryOf, policyOf } from './answering.ts';
import { type Draft, vmsOf } from './draft.ts';
import { becauseOf, type StartedParts } from '../model/tier-share.ts';
import { regionTier } from '../model/spec.ts';
import { freeBytes } from './permits.ts';
import type { Admission, Candidate, ExpectedSize, FunctionView, Scale, Size } from './policy.ts';

/** What the policy sees of a function, always as it is when it looks. */
class LiveView implements FunctionView {
  readonly #draft: Draft;
  readonly #fn: FunctionState;

  constructor(draft: Draft, fn: FunctionState) {
    this.#draft = draft;
    this.#fn = fn;
  }

  get now_ms(): number {
    return this.#draft.now_ms;
  }

  get spec(): FunctionView['spec'] {
    return specInForce(this.#fn.spec, this.#fn.targets);
  }

  get phase(): FunctionView['phase'] {
    return this.#fn.phase;
  }

  get queued(): number {
    return this.#fn.queue.length;
  }

  get oldest(): FunctionView['oldest'] {
    return this.#fn.queue.first;
  }

  get vms(): FunctionView['vms'] {
    return vmsOf(this.#draft, this.#fn);
  }

  get free_bytes(): number {
    return freeBytes(this.#draft, regionTier(this.#fn.spec));
  }

  get config(): FunctionView['config'] {
    return this.#draft.config;
  }

  get pace(): FunctionView['pace'] {
    return this.#fn.pace;
  }

  get memory(): unknown {
    return memoryOf(this.#draft, policyOf(this.#draft, this.#fn));
  }
}

type Told = Pick<Decision, 'answer'> &
  Partial<Pick<Decision, 'policy' | 'invocation_id' | 'vm_id' | 'region_id' | 'reason' | 'inputs'>>;

/** Records a decision; what is told is put together only when somebody wants it. */
function record(
  draft: Draft,
  question: Decision['question'],
  fn: FunctionState | null,
  told: () => Told,
): void {
  if (!draft.recording) return;
  draft.decisions += 1;
  if (draft.decisions > draft.config.decisions_max) return;
  const about = told();
  // Of every call: put together at once, without objects in between.
  const decision: Decision = {
    at_ms: draft.now_ms,
    policy: about.policy ?? (fn ? policyOf(draft, fn).name : ''),
    question,
    function: fn?.spec.name ?? '',
    invocation_id: about.invocation_id ?? null,
    vm_id: about.vm_id ?? null,
    region_id: about.region_id ?? null,
    reason: about.reason ?? null,
    inputs: about.inputs ?? {},
    answer: about.answer,
  };
  draft.actions.push({ type: 'decision', decision });
}

/** May one more invocation wait? */
export function askAdmit(
  draft: Draft,
  fn: FunctionState,
  { invocation_id }: Pick<QueuedInvocation, 'invocation_id'>,
): Admission {
  const view = new LiveView(draft, fn);
  const answer = policyOf(draft, fn).admit(view);
  record(draft, 'admit', fn, () => ({
    invocation_id,
    inputs: { queued: view.queued, free_bytes: view.free_bytes },
    answer: answer.admit ? 'admit' : 'refuse',
    reason: answer.admit ? null : answer.reason,
  }));
  return answer;
}

/**
 * Where does the oldest go? Null: nowhere yet. A candidate that was not offered counts as null.
 * `inputs`: by what these are offered.
 */
export function askPlace(
  draft: Draft,
  fn: FunctionState,
  candidates: readonly Candidate[],
  inputs: Readonly<Record<string, number>> | null = null,
): Candidate | null {
  const answer = policyOf(draft, fn).place(new LiveView(draft, fn), candidates);
  const offered = answer === null || candidates.includes(answer);
  record(draft, 'place', fn, () => ({
    invocation_id: fn.queue.first?.invocation_id ?? null,
    vm_id: answer?.vm.id ?? null,
    region_id: answer?.region.id ?? null,
    inputs: { queued: fn.queue.length, candidates: candidates.length, ...inputs },
    answer: answer === null ? 'wait' : (answer.instance?.id ?? 'start'),
    reason: offered ? null : 'ignored: it was not offered',
  }));
  return offered ? answer : null;
}

/** How many instances and VMs, how ready? An answer that asks for nothing is not recorded. */
export function askScale(draft: Draft, fn: FunctionState): Scale {
  const view = new LiveView(draft, fn);
  const answer = policyOf(draft, fn).scale(view);
  const { starts, stops, launches, ends, plugged, warm = 0 } = answer;
  const few = Math.max(starts, launches, plugged, warm) <= 0;
  const quiet = few && stops.length + ends.length === 0;
  if (quiet) return answer;
  record(draft, 'scale', fn, () => ({
    inputs: {
      queued: view.queued,
      vms: view.vms.length,
      instances: view.vms.reduce((sum, vm) => sum + vm.instances.length, 0),
      free_bytes: view.free_bytes,
    },
    answer:
      `start ${starts}, stop ${stops.length}, launch ${launches}, end ${ends.length}, ` +
      `plugged ${plugged}${warm > 0 ? `, warm ${warm}` : ''}`,
    reason: answer.because?.() ?? null,
  }));
  return answer;
}

/** Who answers for calls that are foreseen: no policy. */
const FORESEEN = 'foreseen';

/** Records calls that are foreseen from now on, and those that are not any more. */
export function recordExpected(
  draft: Draft,
  fn: FunctionState,
  { calls, dropped }: { readonly calls: readonly { at_ms: number }[]; readonly dropped: number },
): void {
  record(draft, 'scale', fn, () => {
    const first_ms = boundsOf(calls.map(({ at_ms }) => at_ms)).low - draft.now_ms;
    const [expected, is_known] = [fn.expected.length, calls.length > 0];
    return {
      policy: FORESEEN,
      inputs: { calls: calls.length, dropped, expected, ...(is_known && { first_ms }) },
      answer: `expect ${expected}`,
      reason: is_known ? `the first of these in ${Math.round(first_ms)} ms` : null,
    };
  });
}

/** What calls that are foreseen change of the policy's answer. */
export interface ForeseenChange {
  /** Instances that are started for them. */
  readonly more: number;
  /** Idle ones that are kept for them, of those that the policy would stop. */
  readonly kept: number;
  readonly expected: number;
  /** So many are foreseen that none is started for yet, or can be. */
  readonly lacking: number;
  /** From a start until it is ready, as it is reckoned with; infinite: not known. */
  readonly lead_ms: number;
}

/** Records it; nothing where nothing is changed. */
export function recordForeseen(draft: Draft, fn: FunctionState, change: ForeseenChange): void {
  const { more, kept, expected, lacking, lead_ms } = change;
  if (more + kept === 0) return;
  const lead = Number.isFinite(lead_ms)
    ? `a start takes ${Math.round(lead_ms)} ms`
    : 'what a start takes is not known';
  record(draft, 'scale', fn, () => ({
    policy: FORESEEN,
    inputs: { expected, lacking, ...(Number.isFinite(lead_ms) && { lead_ms }) },
    answer: `start ${more}, keep ${kept}`,
    reason: `calls of DAGs that are foreseen: ${expected}; ${lead}`,
  }));
}

/** How large is this region to be? `instance` null: for a start. */
export function askSize(
  draft: Draft,
  fn: FunctionState,
  vm: VmState,
  about: {
    readonly region: RegionState;
    readonly instance: InstanceState | null;
    readonly expected: ExpectedSize | null;
  },
): Size | null {
  const max_bytes = mostBytesOf(vmSpec(fn, vm), fn.targets);
  const spec = specInForce(vmSpec(fn, vm), fn.targets);
  const policy = policyOf(draft, fn);
  const memory = memoryOf(draft, policy);
  return policy.size({ now_ms: draft.now_ms, spec, vm, ...about, max_bytes, memory });
}

/** Records what came of a size; `ignored`: why the region does not get it, or not all of it. */
export function recordSize(
  draft: Draft,
  fn: FunctionState,
  vm: VmState,
  { region, size }: { readonly region: RegionState; readonly size: Size },
  ignored: string | null = null,
): void {
  const { id: region_id, target_bytes: before_bytes, plugged_bytes, used_bytes } = region;
  const used = used_bytes === null ? {} : { used_bytes };
  record(draft, 'size', fn, () => ({
    vm_id: vm.id,
    region_id,
    inputs: { before_bytes, plugged_bytes, ...used },
    answer: String(size.target_bytes),
    reason: ignored === null ? null : `ignored: ${ignored}`,
  }));
}

/** Who answers for where memory is: no policy. */
const TIERS = 'tiers';

/** Records which share of an instance is near, where that was chosen. */
export function recordShare(
  draft: Draft,
  fn: FunctionState,
  vm: VmState,
  { region, split }: { readonly region: RegionState; readonly split: StartedParts },
): void {
  const { chosen, near_bytes, far_bytes } = split;
  if (!chosen) return;
  const { slo_ms, latency_ms, instances, calls_per_s } = chosen;
  record(draft, 'size', fn, () => ({
    policy: TIERS,
    vm_id: vm.id,
    region_id: region.id,
    inputs: {
      near_bytes,
      far_bytes,
      slo_ms,
      latency_ms,
      instances,
      ...(calls_per_s !== null && { calls_per_s }),
    },
    answer: `share ${chosen.share}`,
    reason: becauseOf(chosen),
  }));
}

/** Who answers for the order of operations: no policy. */
const QUEUE = 'queue';

/** Records what became of an operation in the queue, and why. */
export function recordQueue(
  draft: Draft,
  fn: FunctionState,
  operation: OperationState,
  told: { readonly answer: string; readonly because: string; readonly slack_ms?: number },
): void {
  const { answer, because, slack_ms = Infinity } = told;
  record(draft, 'queue', fn, () => ({
    policy: QUEUE,
    vm_id: operation.vm_id,
    region_id: operation.region_id,
    inputs: {
      from_bytes: operation.from_bytes,
      to_bytes: operation.to_bytes,
      held_ms: operation.held_ms ?? 0,
      ...(Number.isFinite(slack_ms) && { slack_ms }),
    },
    answer: `${answer} ${operation.id}`,
    reason: because,
  }));
}

/** Records that a VMM runs behind all else from now on. */
export function recordYield(draft: Draft, fn: FunctionState, vm_id: string): void {
  record(draft, 'queue', fn, () => ({
    policy: QUEUE,
    vm_id,
    inputs: {},
    answer: `yield ${vm_id}`,
    reason: 'nobody waits for what it gives back',
  }));
}

/** Records what stood ready on a rung of the pool and goes to others that need its memory. */
export function recordGiveWay(
  draft: Draft,
  fn: FunctionState,
  about: {
    readonly vm_id: string;
    readonly region: RegionState | undefined;
    readonly rung: ReadyRung;
    /** Null: the host. */
    readonly taker: FunctionState | null;
  },
): void {
  const { vm_id, region, rung, taker } = about;
  record(draft, 'queue', fn, () => ({
    policy: QUEUE,
    vm_id,
    region_id: region?.id ?? null,
    inputs: region ? { permit_bytes: region.permit_bytes } : {},
    answer: `give way ${rung}`,
    reason: taker === null ? 'the host is short of memory' : `'${taker.spec.name}' lacks memory`,
  }));
}

/** Records how many tokens there are for heavy unplugs from now on, which is of no function. */
export function recordTokens(
  draft: Draft,
  about: {
    readonly before: number;
    readonly tokens: number;
    /** Null: nothing ran beside them. */
    readonly slowdown: number | null;
  },
): void {
  const { before, tokens, slowdown } = about;
  record(draft, 'queue', null, () => ({
    policy: QUEUE,
    inputs: { before, tokens, ...(slowdown !== null && { slowdown }) },
    answer: `tokens ${tokens}`,
    reason:
      slowdown === null
        ? 'nothing ran beside what was given back'
        : `the worst neighbour ran ${slowdown.toFixed(2)} times as long`,
  }));
}

/** Records an unplug that is left out, or is not, with what is expected and what it would cost. */
export function recordBypass(
  draft: Draft,
  fn: FunctionState,
  about: {
    readonly vm: VmState;
    readonly region: RegionState;
    readonly is_kept: boolean;
    /** It is the one in use when so many are. */
    readonly depth: number;
    readonly next: Return | null;
    readonly payback_ms: number;
  },
): void {
  const { vm, region, is_kept, depth, next, payback_ms } = about;
  const pays = `giving it back pays after ${Math.round(payback_ms)} ms`;
  record(draft, 'queue', fn, () => ({
    policy: QUEUE,
    vm_id: vm.id,
    region_id: region.id,
    inputs: { plugged_bytes: region.plugged_bytes, depth, ...next, payback_ms },
    answer: is_kept ? 'bypass' : 'give back',
    reason: next
      ? `${depth} at once are in use again after ${Math.round(next.after_ms)} ms, as a rule: ` +
        pays
      : `nothing is known of when ${depth} at once are in use again: ${pays}`,
  }));
}
