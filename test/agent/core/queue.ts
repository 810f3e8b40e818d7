/** What must hold of the queue of operations, reckoned apart from the core. */
import {
  classOf,
  countQueue,
  isWaiting,
  type OperationClass,
  tokensFor,
} from '../../../agent/model/operation-queue.ts';
import type { Action } from '../../../agent/model/actions.ts';
import type { OperationOrder, OperationState } from '../../../agent/model/operations.ts';
import { countRunning } from '../../../agent/model/running.ts';
import type { HostState } from '../../../agent/model/state.ts';
import { checkYields } from './yields.ts';

/** Throws where a step lets somebody starve, counts wrongly, or sends what has to wait. */
export function checkQueue(
  before: HostState,
  after: HostState,
  actions: readonly Action[],
  now: { readonly now_ms: number; readonly wake_ms: number | null },
): void {
  const { waiting, heavy } = countQueue(after.operations.values());
  const says = after.queue;
  if (says.waiting !== waiting || says.heavy !== heavy) {
    throw new Error(`${waiting} wait, ${heavy} are heavy; the queue says ${JSON.stringify(says)}`);
  }
  const running = countRunning(after.vms.values());
  if (after.running !== running) {
    throw new Error(`${running} instances work, the state says ${after.running}`);
  }
  const { tokens_max } = after.config.queue;
  if (says.tokens < 1 || says.tokens > tokens_max) throw new Error(`${says.tokens} tokens`);
  for (const operation of after.operations.values()) checkWait(after, operation, now);
  const sent = actions.flatMap((one) => (one.type === 'resize-region' ? [one.order] : []));
  for (const order of sent) checkSent(before, after, order);
  checkTokens(before, after, sent);
  checkYields(before, after, actions, now);
}

/** What is sent in its turn has its tokens, or is alone; who waits for memory goes without. */
function checkTokens(before: HostState, after: HostState, sent: readonly OperationOrder[]): void {
  const { queue, config } = after;
  const heavy = sent.filter((order) => tokensFor(order) > 0);
  const [first] = heavy.filter((order) => !isSentAgain(before, order));
  const is_due = ({ cause, held_ms = 0 }: OperationOrder): boolean =>
    cause === 'pressure' || held_ms >= config.queue.wait_ms.reclaim;
  if (!config.queue.by_slack || isHurried(before) || isHurried(after)) return;
  if (!first || heavy.some(is_due) || queue.heavy <= queue.tokens) return;
  const beside = [...after.operations.values()].filter(
    (one) => !isWaiting(one) && tokensFor(one) > 0,
  );
  if (beside.length > 1) {
    throw new Error(`${first.id} goes: ${queue.heavy} of ${queue.tokens} tokens are taken`);
  }
}

/** Whether it was under way before the step: the next agent asks again for what it finds begun. */
function isSentAgain(before: HostState, { id, steps = 0 }: OperationOrder): boolean {
  const was = before.operations.get(id);
  return was !== undefined && !isWaiting(was) && (was.steps ?? 0) === steps;
}

/** Whether somebody waits for what is given back, of which all of it is in a hurry then. */
function isHurried({ short, pressure, functions }: HostState): boolean {
  if (short.length > 0 || pressure.level !== 'none') return true;
  return [...functions.values()].some(
    ({ phase, waiters }) => phase !== 'serving' || waiters.drain.length > 0,
  );
}

/** Longer than its bound nobody waits, and whoever waits is looked at before that. */
function checkWait(
  state: HostState,
  operation: OperationState,
  { now_ms, wake_ms }: { readonly now_ms: number; readonly wake_ms: number | null },
): void {
  const { waits_since_ms, held_ms = 0 } = operation;
  const { phase = null } = state.vms.get(operation.vm_id) ?? {};
  if (waits_since_ms === null || waits_since_ms === undefined || phase === 'adopting') return;
  const bound_ms = state.config.queue.wait_ms[classIn(state, operation)];
  const due_ms = waits_since_ms + bound_ms - held_ms;
  if (due_ms <= now_ms || (wake_ms ?? Infinity) > due_ms) {
    throw new Error(`${operation.id} waits since ${waits_since_ms}, at most for ${bound_ms} ms`);
  }
}

/** A start that nobody waits for makes something ready. */
function classIn(state: HostState, operation: OperationState): OperationClass {
  const of_class = classOf(operation);
  if (of_class !== 'start') return of_class;
  const name = state.vms.get(operation.vm_id)?.function ?? '';
  return state.functions.get(name)?.queue.length === 0 ? 'refill' : of_class;
}

/** Nothing is made ready ahead of a start that waits, and steps are no larger than they may be. */
function checkSent(before: HostState, after: HostState, order: OperationOrder): void {
  const { step_bytes } = after.config.queue;
  const gives_bytes = order.from_bytes - order.to_bytes;
  if (order.begun_bytes !== undefined && gives_bytes > (step_bytes ?? Infinity)) {
    throw new Error(`${order.id}: a step of ${gives_bytes} bytes`);
  }
  const { wait_ms, by_slack } = after.config.queue;
  const overdue = (order.held_ms ?? 0) >= wait_ms.refill;
  if (classOf(order) !== 'refill' || overdue || isSentAgain(before, order) || !by_slack) return;
  for (const other of after.operations.values()) {
    const of_class = classIn(after, other);
    if (isWaiting(other) && (of_class === 'start' || of_class === 'grow')) {
      throw new Error(`${order.id} is made ready while ${of_class} ${other.id} waits`);
    }
  }
}
