/** What must hold of memory that is ready ahead of calls, reckoned apart from the core. */
import type { StepContext } from '../../../agent/core/draft.ts';
import type { Action } from '../../../agent/model/actions.ts';
import { kindOf } from '../../../agent/model/operations.ts';
import { POOL_POLICY_NAME } from '../../../agent/model/pool-spec.ts';
import { READY_RUNGS } from '../../../agent/model/pool.ts';
import type { FunctionState, HostState, VmState } from '../../../agent/model/state.ts';

/** Throws where the book of a pool is wrong, or something is made ready that had to wait. */
export function checkPool(
  before: HostState,
  after: HostState,
  actions: readonly Action[],
  { now_ms, context }: { readonly now_ms: number; readonly context: StepContext },
): void {
  for (const fn of after.functions.values())
    checkBook(before.functions.get(fn.spec.name), fn, after);
  for (const action of actions) {
    const made = madeReady(before, after, action);
    // Others may start whenever they like.
    const is_pool = made && context.policies?.has(POOL_POLICY_NAME) && made.spec.pool !== null;
    if (made && (is_pool || action.type === 'resize-region')) {
      checkMade(before, after, made, now_ms);
    }
  }
}

/** Each rung's bytes are those of its regions, whatever step changed them, and costs only grow. */
function checkBook(was: FunctionState | undefined, fn: FunctionState, state: HostState): void {
  const counted = { plugged: 0, populated: 0, warm: 0 };
  for (const id of fn.vm_ids) {
    for (const region of state.vms.get(id)?.regions ?? []) {
      const rung = rungOf(state.vms.get(id), region);
      if (rung !== null) counted[rung] += region.permit_bytes;
    }
  }
  for (const rung of READY_RUNGS) {
    const { bytes, byte_ms, hits, asked } = fn.pool[rung];
    if (bytes !== counted[rung]) {
      throw new Error(`${fn.spec.name}: ${bytes} bytes ${rung}, its rows say ${counted[rung]}`);
    }
    if (byte_ms < (was?.pool[rung].byte_ms ?? 0)) throw new Error(`${rung} costs less than before`);
    if (hits > asked) throw new Error(`${hits} hits of ${asked} who asked`);
  }
}

function rungOf(
  vm: VmState | undefined,
  { id, ready, operation_id, holder, plugged_bytes, prepared_bytes }: VmState['regions'][number],
): 'plugged' | 'populated' | 'warm' | null {
  if (holder === null) {
    if (!ready || operation_id !== null) return null;
    return (prepared_bytes ?? 0) > 0 && prepared_bytes === plugged_bytes ? 'populated' : 'plugged';
  }
  const instance = vm?.instances.find((one) => one.id === holder);
  const near = instance && vm?.regions[instance.region_index];
  const far = near?.far_index === undefined ? undefined : vm?.regions[near.far_index];
  const is_own = instance && (near?.id === id || far?.id === id);
  return is_own && instance.phase === 'idle' ? 'warm' : null;
}

/** The function for which the action makes something ready that nobody waits for; null: none. */
function madeReady(before: HostState, after: HostState, action: Action): FunctionState | null {
  if (action.type === 'resize-region') {
    const { order } = action;
    if (order.cause !== 'pool' || kindOf(order) !== 'plug' || before.operations.has(order.id)) {
      return null;
    }
    return functionOf(after, order.vm_id);
  }
  if (action.type !== 'start-instance') return null;
  const vm = after.vms.get(action.vm_id);
  const instance = vm?.instances.find(({ id }) => id === action.instance_id);
  if (instance?.cause_sequence !== null) return null;
  // The next agent asks again for what the one before had decided.
  if (before.vms.get(action.vm_id)?.instances.some(({ id }) => id === instance.id)) return null;
  const fn = functionOf(after, action.vm_id);
  // What an operator wants kept is kept as long as there is memory.
  return fn?.targets || fn?.spec.instances ? null : fn;
}

function functionOf(state: HostState, vm_id: string): FunctionState | null {
  return state.functions.get(state.vms.get(vm_id)?.function ?? '') ?? null;
}

function checkMade(before: HostState, after: HostState, fn: FunctionState, now_ms: number): void {
  const { name } = fn.spec;
  if (after.pressure.level !== 'none') {
    throw new Error(`${name} makes ready at pressure '${after.pressure.level}'`);
  }
  const [waits] = before.short.filter((one) => after.short.includes(one));
  if (waits !== undefined) throw new Error(`${name} makes ready while '${waits}' waits for memory`);
  const rests_ms = before.functions.get(name)?.pool_rest_until_ms ?? 0;
  if (rests_ms > now_ms) throw new Error(`${name} makes ready at ${now_ms}, rests to ${rests_ms}`);
}
