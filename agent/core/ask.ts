/** Puts the four questions to the policy and records its answers where somebody wants them. */
import type { Decision, Fact, Question } from '../model/decisions.ts';
import { regionBytes } from '../model/spec.ts';
import type { FunctionState, InstanceState, RegionState, VmState } from '../model/state.ts';
import { type Draft, vmsOf } from './draft.ts';
import type { Admission, Candidate, FunctionView, Scale, Size } from './policy.ts';

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
    return this.#fn.spec;
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
    return Math.max(0, this.#draft.state.capacity.host - this.#draft.granted.host);
  }

  get config(): FunctionView['config'] {
    return this.#draft.config;
  }

  get memory(): unknown {
    return this.#draft.memory;
  }
}

type Facts = Readonly<Record<string, Fact>>;

/** Records a decision; the facts are put together only when somebody wants them. */
function record(
  draft: Draft,
  about: { readonly question: Question; readonly fn: FunctionState; readonly ignored?: string },
  facts: () => { readonly inputs: Facts; readonly answer: Facts },
): void {
  if (!draft.recording) return;
  draft.decisions += 1;
  if (draft.decisions > draft.config.decisions_max) return;
  const { question, fn, ignored = null } = about;
  const decision: Decision = {
    at_ms: draft.now_ms,
    question,
    policy: draft.policy.name,
    function: fn.spec.name,
    ...facts(),
    ignored,
  };
  draft.actions.push({ type: 'decision', decision });
}

/** May one more invocation wait? */
export function askAdmit(draft: Draft, fn: FunctionState): Admission {
  const view = new LiveView(draft, fn);
  const answer = draft.policy.admit(view);
  record(draft, { question: 'admit', fn }, () => ({
    inputs: { queued: view.queued, free_bytes: view.free_bytes },
    answer: { admit: answer.admit, reason: answer.admit ? null : answer.reason },
  }));
  return answer;
}

/** Where does the oldest go? Null: nowhere yet. A candidate that was not offered counts as null. */
export function askPlace(
  draft: Draft,
  fn: FunctionState,
  candidates: readonly Candidate[],
): Candidate | null {
  const answer = draft.policy.place(new LiveView(draft, fn), candidates);
  const unknown = answer !== null && !candidates.includes(answer);
  const ignored = unknown ? { ignored: 'it was not offered' } : {};
  record(draft, { question: 'place', fn, ...ignored }, () => ({
    inputs: { candidates: candidates.length, warm: candidates[0]?.instance !== null },
    answer: {
      vm_id: answer?.vm.id ?? null,
      region_id: answer?.region.id ?? null,
      instance_id: answer?.instance?.id ?? null,
    },
  }));
  return unknown ? null : answer;
}

/** How many instances and VMs, how ready? An answer that asks for nothing is not recorded. */
export function askScale(draft: Draft, fn: FunctionState): Scale {
  const view = new LiveView(draft, fn);
  const answer = draft.policy.scale(view);
  const { starts, stops, launches, ends, plugged, wake_at_ms } = answer;
  const quiet = stops.length + ends.length === 0 && starts + launches + plugged <= 0;
  if (quiet) return answer;
  record(draft, { question: 'scale', fn }, () => ({
    inputs: {
      queued: view.queued,
      vms: view.vms.length,
      instances: view.vms.reduce((sum, vm) => sum + vm.instances.length, 0),
      free_bytes: view.free_bytes,
    },
    answer: { starts, stops: stops.length, launches, ends: ends.length, plugged, wake_at_ms },
  }));
  return answer;
}

/** How large is this region to be? `instance` null: for a start. */
export function askSize(
  draft: Draft,
  fn: FunctionState,
  vm: VmState,
  about: { readonly region: RegionState; readonly instance: InstanceState | null },
): Size | null {
  const max_bytes = regionBytes(fn.spec);
  const { policy, now_ms, memory } = draft;
  return policy.size({ now_ms, spec: fn.spec, vm, ...about, max_bytes, memory });
}

/** Records what came of a size; `ignored`: why the region does not get it. */
export function recordSize(
  draft: Draft,
  fn: FunctionState,
  { region, size }: { readonly region: RegionState; readonly size: Size },
  ignored: string | null,
): void {
  const about = ignored === null ? {} : { ignored };
  record(draft, { question: 'size', fn, ...about }, () => ({
    inputs: {
      region_id: region.id,
      holder: region.holder,
      before_bytes: region.target_bytes,
      plugged_bytes: region.plugged_bytes,
      used_bytes: region.used_bytes,
    },
    answer: { target_bytes: size.target_bytes, at_ms: size.at_ms },
  }));
}
