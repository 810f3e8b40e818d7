/** What must hold of VMMs that yield the CPU, reckoned apart from the core. */
import type { Action } from '../../../agent/model/actions.ts';
import { classOf, isWaiting } from '../../../agent/model/operation-queue.ts';
import type { HostState } from '../../../agent/model/state.ts';

/** Throws where one yields while somebody waits, for too long, or is not told to. */
export function checkYields(
  before: HostState,
  after: HostState,
  actions: readonly Action[],
  now: { readonly now_ms: number; readonly wake_ms: number | null },
): void {
  const told = new Map(
    actions.flatMap((one) => (one.type === 'yield-cpu' ? [[one.vm_id, one.yields]] : [])),
  );
  const [was, is] = [new Set(before.queue.yielding), new Set(after.queue.yielding)];
  for (const id of new Set([...was, ...is, ...told.keys()])) {
    const wanted = was.has(id) === is.has(id) ? undefined : is.has(id);
    if (told.get(id) !== wanted) throw new Error(`${id} is told ${told.get(id)}, not ${wanted}`);
  }
  for (const id of is) checkYield(after, id, now);
}

function checkYield(
  { vms, functions, operations, short, pressure, config }: HostState,
  id: string,
  { now_ms, wake_ms }: { readonly now_ms: number; readonly wake_ms: number | null },
): void {
  const vm = vms.get(id);
  const fn = functions.get(vm?.function ?? '');
  const fail = (why: string): never => {
    throw new Error(`${id} yields: ${why}`);
  };
  if (!config.queue.yields) fail('it is off');
  if (vm?.phase !== 'running' || !fn) return fail('it does not run');
  if (short.length > 0 || pressure.level !== 'none') fail('somebody needs memory');
  if (fn.phase !== 'serving' || fn.waiters.drain.length > 0) fail('its function is to be gone');
  if (fn.queue.length > 0) fail('calls wait');
  if (fn.spec.reclaim_slo) fail('it is promised to be quick');
  const busy = vm.instances.find(({ phase }) => phase === 'busy' || phase === 'starting');
  if (busy) fail(`${busy.id} is ${busy.phase}`);
  const own = [...operations.values()].filter(({ vm_id }) => vm_id === id);
  if (own.some((one) => classOf(one) !== 'reclaim')) fail('something else is under way');
  const sent = own.filter((one) => !isWaiting(one));
  const ending = vm.instances.filter(({ phase }) => phase === 'stopping');
  if (sent.length + ending.length === 0) fail('nothing is under way');
  for (const { id: instance, stop_at_ms } of ending) {
    const due_ms = (stop_at_ms ?? Infinity) + config.queue.wait_ms.reclaim;
    if (due_ms <= now_ms || (wake_ms ?? Infinity) > due_ms) fail(`${instance} for too long`);
  }
  for (const { id: operation, decided_at_ms, held_ms = 0 } of sent) {
    const due_ms = decided_at_ms + held_ms + config.queue.wait_ms.reclaim;
    if (due_ms <= now_ms || (wake_ms ?? Infinity) > due_ms) fail(`${operation} for too long`);
  }
}
