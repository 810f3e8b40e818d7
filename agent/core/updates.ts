/**
 * Updates of a function that serves: its definition is exchanged at once, VMs of earlier ones are
 * replaced one by one. Another is launched beside them; once it runs, one of them retires. Where
 * none comes up in a few tries they serve on, until the next Deploy.
 */
import { assert } from '../../base/assert.ts';
import { type ExpressionLedger, NO_CHECKS } from '../model/expression-ledger.ts';
import { REFUSALS, type Refusal } from '../model/refusals.ts';
import { type FunctionSpec, isElastic } from '../model/spec.ts';
import { NO_TALLY } from '../model/span.ts';
import { type FunctionState, vmSpec, type VmState } from '../model/state.ts';
import {
  FRESH_UPDATE,
  planUpdate,
  type UpdatePlan,
  type UpdateRequest,
  type UpdateState,
} from '../model/update.ts';
import { replyDeployed } from './callers.ts';
import { type Draft, editVm, readVm, replyError, vmsOf } from './draft.ts';
import { retire } from './retire.ts';
import { whyNoSuchTargets } from './targets.ts';
import { endVm, firstVm, launchVm } from './vms.ts';

/** After so many in a row that did not come up the next one would not either. */
const UPDATE_TRIES = 3;

export interface UpdateAsked {
  readonly request_id: string;
  readonly spec: FunctionSpec;
  /** What would be done is told, and nothing is. */
  readonly dry_run: boolean;
}

/**
 * Exchanges the definition of a function that serves, and launches the first VM of the new one
 * where it takes others. What is refused has changed nothing.
 */
export function update(draft: Draft, fn: FunctionState, asked: UpdateAsked): void {
  const { request_id, spec } = asked;
  const plan = planUpdate(fn.spec, spec);
  const refused = whyNoUpdate(draft, fn, spec, plan);
  if (refused) return replyError(draft, request_id, refused);
  const before = { spec: fn.spec, revision: fn.revision };
  const vms = vmsOf(draft, fn);
  const strange = vms.filter((vm) => planUpdate(vmSpec(fn, vm), spec).needs_vms);
  const apart = strange.filter((vm) => !isOver(vm) && !vm.retiring);
  // Nobody is served by one that is just coming, where others serve.
  const coming = vms.some(isServing) ? apart.filter((vm) => !isServing(vm)) : [];
  const replaced_vms = apart.length - coming.length;
  const request = { request_id, changed: plan.changed, replaced_vms };
  if (asked.dry_run) return replyPlan(draft, fn, request);
  const coming_id = vms.find(({ id }) => id === fn.update?.successor_id)?.id ?? null;
  const kept_id = strange.some(({ id }) => id === coming_id) ? null : coming_id;
  fn.spec = spec;
  const failure = replaced_vms > 0 && kept_id === null ? launchVm(draft, fn) : null;
  if (failure) {
    fn.spec = before.spec;
    return replyError(draft, request_id, failure);
  }
  fn.revision += 1;
  if (isElastic(spec)) fn.elastic = fn.elastic ?? NO_TALLY;
  fn.expression = expressionChecks({ ...fn, ...before }, spec);
  for (const { id } of vms) {
    const vm = editVm(draft, id);
    if (vm) vm.outdated = strange.some((one) => one.id === id) ? (vm.outdated ?? before) : null;
  }
  const requests = [...(fn.update?.requests ?? []), request];
  const successor_id = replaced_vms > 0 ? (kept_id ?? fn.vm_ids.at(-1) ?? null) : null;
  fn.update = { ...FRESH_UPDATE, requests, successor_id };
  for (const { id } of coming) endComing(draft, fn, id);
}

/** How good an expression is known to be, which holds for that one alone; null: there is none. */
export function expressionChecks(
  known: Pick<FunctionState, 'spec' | 'expression'> | undefined,
  { memory }: FunctionSpec,
): ExpressionLedger | null {
  const expression = memory?.expression ?? null;
  if (expression === null) return null;
  const before = known?.spec.memory?.expression ?? null;
  const is_same = JSON.stringify(before) === JSON.stringify(expression);
  return (is_same && known?.expression) || NO_CHECKS;
}

function replyPlan(draft: Draft, fn: FunctionState, request: UpdateRequest): void {
  const vm = firstVm(draft, fn);
  if (vm.phase === 'running') return replyDeployed(draft, fn, vm, request);
  const refused = REFUSALS.noUpdate(fn.spec.name, request.changed, 'none of its VMs runs now');
  replyError(draft, request.request_id, refused);
}

function endComing(draft: Draft, fn: FunctionState, id: string): void {
  const vm = editVm(draft, id);
  if (vm) endVm(draft, fn, vm, null);
}

function whyNoUpdate(
  draft: Draft,
  fn: FunctionState,
  spec: FunctionSpec,
  plan: UpdatePlan,
): Refusal | null {
  if (fn.phase !== 'serving') return REFUSALS.conflict(spec.name, plan.changed);
  const refused = whyNotBecome(draft, fn, spec, plan);
  if (refused) return refused;
  return draft.cordon && plan.needs_vms ? REFUSALS.hostCordoned(draft.cordon) : null;
}

/** Why a function that is known can never have that definition, whether it serves or is lost. */
export function whyNotBecome(
  draft: Draft,
  { targets }: FunctionState,
  spec: FunctionSpec,
  { changed, refused }: UpdatePlan,
): Refusal | null {
  if (refused !== null) return REFUSALS.noUpdate(spec.name, changed, refused);
  const why = targets && whyNoSuchTargets(draft, spec, targets.values);
  return why ? REFUSALS.noUpdate(spec.name, changed, `its targets are in the way: ${why}`) : null;
}

const isOver = ({ phase }: VmState): boolean => phase === 'ending' || phase === 'lost';

/** It takes work now, or did when the agent was last there. */
const isServing = ({ phase, retiring }: VmState): boolean =>
  (phase === 'running' || phase === 'adopting') && !retiring;

/** Deployed again as it is: what came to a stop is tried again, and waited for. */
export function resume(draft: Draft, fn: FunctionState, request_id: string): void {
  assert(fn.update, 'what is resumed was begun');
  const { requests, tries } = fn.update;
  const request = { request_id, changed: [], replaced_vms: outdatedOf(draft, fn).length };
  const state = tries < UPDATE_TRIES ? fn.update : FRESH_UPDATE;
  fn.update = { ...state, requests: [...requests, request] };
}

/** VMs of earlier definitions that still take work. */
const outdatedOf = (draft: Draft, fn: FunctionState): VmState[] =>
  vmsOf(draft, fn).filter((vm) => vm.outdated && !vm.retiring && !isOver(vm));

/** Replaces the next VM of an earlier definition, as far as it can be now. */
export function rollOut(draft: Draft, fn: FunctionState): void {
  if (!fn.update) return;
  const outdated = outdatedOf(draft, fn);
  if (outdated.length === 0) return finish(draft, fn, fn.update);
  if (fn.update.tries >= UPDATE_TRIES) return;
  const { successor_id } = fn.update;
  const successor = successor_id === null ? undefined : readVm(draft, successor_id);
  if (successor && successor.phase === 'running' && !successor.retiring) {
    return takeOver(draft, fn, outdated);
  }
  if (successor && !isOver(successor) && !successor.retiring) return;
  if (successor_id !== null) noteTry(draft, fn, successor?.failure ?? fn.last_failure?.failure);
  else if (mayLaunch(draft, fn, fn.update)) launchNext(draft, fn);
}

/** The longest there first; one that an earlier agent left once it answers. */
function takeOver(draft: Draft, fn: FunctionState, outdated: readonly VmState[]): void {
  const next = outdated.find(({ phase }) => phase === 'running');
  const vm = next && editVm(draft, next.id);
  if (!vm || !fn.update) return;
  retire(draft, fn, vm, null);
  if (vm.retiring) vm.retiring = { ...vm.retiring, is_replaced: true };
  fn.update = { ...fn.update, successor_id: null, tries: 0, retry_at_ms: null, failure: null };
  if (outdated.length === 1) finish(draft, fn, fn.update);
}

/** One at a time: what the last one held comes back before more is asked for. */
function mayLaunch(draft: Draft, fn: FunctionState, { retry_at_ms }: UpdateState): boolean {
  if (draft.cordon || (retry_at_ms !== null && retry_at_ms > draft.now_ms)) return false;
  return !vmsOf(draft, fn).some(({ outdated, retiring, phase, failure }) => {
    const is_ending = phase === 'ending' && failure?.code !== 'HP_AGENT_VM_UNDEAD';
    return outdated && (is_ending || (phase === 'running' && retiring));
  });
}

function launchNext(draft: Draft, fn: FunctionState): void {
  const failure = launchVm(draft, fn);
  if (failure) return noteTry(draft, fn, failure);
  const successor_id = fn.vm_ids.at(-1) ?? null;
  if (fn.update) fn.update = { ...fn.update, successor_id, retry_at_ms: null };
}

/** None was launched, or it is gone before it ran. */
function noteTry(draft: Draft, fn: FunctionState, failure: Refusal | null = null): void {
  assert(fn.update, 'a try is one of an update');
  const tries = fn.update.tries + 1;
  const is_over = tries >= UPDATE_TRIES;
  const retry_at_ms = is_over ? null : draft.now_ms + draft.config.start_again_ms;
  const requests = is_over ? [] : fn.update.requests;
  if (is_over) {
    const stuck = REFUSALS.updateStuck(fn.spec.name, tries, failure);
    for (const { request_id } of fn.update.requests) replyError(draft, request_id, stuck);
    const about = { function: fn.spec.name, vm_id: firstVm(draft, fn).id };
    const { code, message } = stuck;
    draft.actions.push({ type: 'report', level: 'error', code, message, ...about });
  }
  fn.update = { requests, successor_id: null, tries, retry_at_ms, failure };
}

/** All that take work are of the definition: who asked is told of one of them. */
function finish(draft: Draft, fn: FunctionState, { requests }: UpdateState): void {
  const vms = vmsOf(draft, fn).filter(({ phase }) => phase === 'running');
  const vm = vms.find(({ outdated, retiring }) => !outdated && !retiring) ?? vms[0];
  // One that an earlier agent left has not answered yet.
  if (!vm) return;
  for (const request of requests) replyDeployed(draft, fn, vm, request);
  fn.update = null;
}
