/**
 * The queue of operations: what the core decides to resize is offered here, and sent when its turn
 * is. First starts, then growth, then regions that are made ready, then what is given back; within
 * a class whoever has the least slack. Nobody waits for longer than the bound of its class.
 */
import { assert } from '../../base/assert.ts';
import {
  classOf,
  isWaiting,
  OPERATION_CLASSES,
  type OperationClass,
  tokensFor,
} from '../model/operation-queue.ts';
import type { OperationState } from '../model/operations.ts';
import { isPressed } from '../model/pressure.ts';
import type { FunctionSpec } from '../model/spec.ts';
import { type FunctionState, type RegionState, vmSpec, type VmState } from '../model/state.ts';
import { recordQueue } from './ask.ts';
import { type Draft, editRegion, editVm, readFunction, readOperation, readVm } from './draft.ts';
import { endMove } from './moved.ts';
import { operationOrder } from './orders.ts';
import { shrinkPermit } from './permits.ts';
import { pressedTo } from './pressed.ts';
import { slackMs } from './slack.ts';
import { closeEpoch } from './tokens.ts';
import { earlier } from './wakes.ts';

/** Sends an operation, or has it wait until the step has decided all the others. */
export function offer(draft: Draft, spec: FunctionSpec, operation: OperationState): void {
  const is_free = isUrgent(classOf(operation)) && draft.config.queue.at_once_max === null;
  if (is_free || operation.cause === 'pressure') return ask(draft, spec, operation);
  wait(draft, operation);
}

/** Its VMM is asked now. */
function ask(draft: Draft, spec: FunctionSpec, operation: OperationState): void {
  draft.operations.set(operation.id, operation);
  take(draft, tokensFor(operation));
  draft.actions.push({ type: 'resize-region', order: operationOrder(spec, operation) });
}

/** So many tokens are taken, or given back where there are fewer than none. */
function take(draft: Draft, tokens: number): void {
  if (tokens === 0) return;
  const { queue, now_ms } = draft;
  draft.queue = { ...queue, heavy: queue.heavy + tokens, reclaimed_at_ms: now_ms };
}

/** It waits for its turn from now on: for the first time, or between two of its steps. */
export function wait(draft: Draft, operation: OperationState): void {
  draft.operations.set(operation.id, { ...operation, waits_since_ms: draft.now_ms });
  draft.queue = { ...draft.queue, waiting: draft.queue.waiting + 1 };
}

/** It is over, or given up: nothing of it waits or is under way any more. */
export function dropOperation(draft: Draft, id: string): void {
  const operation = readOperation(draft, id);
  draft.operations.set(id, null);
  if (operation) leave(draft, operation);
}

/** What the queue counts of an operation that is to wait again, or is over. */
export function leave(draft: Draft, operation: OperationState): void {
  const { queue } = draft;
  if (isWaiting(operation)) draft.queue = { ...queue, waiting: queue.waiting - 1 };
  else take(draft, -tokensFor(operation));
}

/** What is under way, as those that wait have to know it. */
interface Load {
  sent: number;
  /** Starts and growth that are still to be sent. */
  urgent: number;
  /** An unplug waits for tokens: none that comes after it takes them. */
  lacks_tokens: boolean;
}

/**
 * Sends what may be sent now, in order; at the end of every step. When the first of those that wait
 * on is to be sent whatever else there is; null: none waits.
 */
export function dispatch(draft: Draft): number | null {
  if (draft.queue.waiting === 0) return null;
  closeEpoch(draft);
  const load: Load = { sent: 0, urgent: 0, lacks_tokens: false };
  const waiting: Waiting[] = [];
  for (const operation of draft.operations.all()) {
    if (!isWaiting(operation)) {
      load.sent += 1;
      continue;
    }
    const place = placeOf(draft, operation);
    if (place) waiting.push(place);
    // Of a VM that takes nothing now: what is made ready elsewhere does not go before it either.
    else if (isUrgent(classOf(operation))) load.urgent += 1;
  }
  waiting.sort(inOrder);
  let wake_ms: number | null = null;
  for (const one of waiting) {
    if (one.of_class === 'refill' && giveUpRefill(draft, one)) {
      wake_ms = draft.now_ms;
      continue;
    }
    const held = whyHeld(draft, one, load);
    if (held === null) {
      send(draft, one);
      load.sent += 1;
      continue;
    }
    if (isUrgent(one.of_class) || one.hurry !== null) load.urgent += 1;
    wake_ms = earlier(wake_ms, one.due_ms);
    if (one.operation.waits_since_ms !== draft.now_ms) continue;
    recordQueue(draft, one.fn, one.operation, { answer: 'hold', because: held, ...one });
  }
  return wake_ms;
}

function isUrgent(of_class: OperationClass): boolean {
  return of_class === 'start' || of_class === 'grow';
}

/** A start that nobody waits for makes something ready, like a plug ahead of one. */
function classIn(fn: FunctionState, operation: OperationState): OperationClass {
  const of_class = classOf(operation);
  return of_class === 'start' && fn.queue.length === 0 ? 'refill' : of_class;
}

interface Waiting {
  readonly operation: OperationState;
  readonly of_class: OperationClass;
  readonly fn: FunctionState;
  readonly vm: VmState;
  /** Of its class; what others wait for takes their rank. */
  readonly rank: number;
  readonly slack_ms: number;
  /** Why it goes before others of its class; null: it does not. */
  readonly hurry: string | null;
  /** When it is sent, whoever else waits. */
  readonly due_ms: number;
}

/** Null: its VM takes nothing now, and nothing of it is due. */
function placeOf(draft: Draft, operation: OperationState): Waiting | null {
  const vm = readVm(draft, operation.vm_id);
  const fn = vm && readFunction(draft, vm.function);
  assert(vm && fn, 'an operation is of a VM that is there');
  if (vm.phase !== 'running' && vm.phase !== 'filling') return null;
  const of_class = classIn(fn, operation);
  const { by_slack, wait_ms } = draft.config.queue;
  const { waits_since_ms, held_ms = 0 } = operation;
  const due_ms = (waits_since_ms ?? draft.now_ms) + wait_ms[of_class] - held_ms;
  const hurry = of_class === 'reclaim' ? whyHurry(draft, fn, operation) : null;
  const rank = hurry === null ? OPERATION_CLASSES.indexOf(of_class) : 0;
  const slack_ms = hurry === null ? slackMs(draft, { operation, fn, vm }) : 0;
  return by_slack
    ? { operation, of_class, fn, vm, rank, slack_ms, hurry, due_ms }
    : { operation, of_class, fn, vm, rank: 0, slack_ms: 0, hurry, due_ms };
}

function inOrder(a: Waiting, b: Waiting): number {
  if (a.rank !== b.rank) return a.rank - b.rank;
  if (a.slack_ms !== b.slack_ms) return a.slack_ms < b.slack_ms ? -1 : 1;
  return a.operation.decided_at_ms - b.operation.decided_at_ms || idOf(a) - idOf(b);
}

/** Ids are counted. */
const idOf = ({ operation }: Waiting): number => Number(operation.id.slice(2));

/** Somebody waits for what it gives back; null: nobody does. */
function whyHurry(draft: Draft, fn: FunctionState, { cause }: OperationState): string | null {
  if (draft.short.length > 0) return `'${draft.short[0]}' waits for memory`;
  if (cause === 'pressure' || isPressed(draft.pressure, 'reserve')) return 'the host is short';
  if (fn.phase === 'removing') return 'its function is being removed';
  return fn.waiters.drain.length > 0 ? 'its function is being drained' : null;
}

/** Why it is not sent now; null: it is. */
function whyHeld(draft: Draft, one: Waiting, load: Load): string | null {
  const { queue } = draft.config;
  if (one.due_ms <= draft.now_ms) return null;
  if (queue.at_once_max !== null && load.sent >= queue.at_once_max) {
    return `${load.sent} operations are under way, of at most ${queue.at_once_max}`;
  }
  if (isUrgent(one.of_class) || one.hurry !== null) return null;
  if (!queue.by_slack) return null;
  // Two starts that nobody waits for do not hold each other up.
  const is_start = one.operation.cause === 'start';
  const beside = is_start ? null : startBeside(draft, one.vm);
  if (beside !== null) return `${beside} of its VM is under way`;
  if (one.of_class === 'refill') {
    if (load.urgent > 0) return `${load.urgent} starts wait`;
    return draft.short.length > 0 ? `'${draft.short[0]}' waits for memory` : null;
  }
  return whyNoTokens(draft, one.operation, load);
}

/** One that needs more tokens than there are goes alone. Null: it has them, or needs none. */
function whyNoTokens(draft: Draft, operation: OperationState, load: Load): string | null {
  const needs = tokensFor(operation);
  const { heavy, tokens } = draft.queue;
  if (needs === 0) return null;
  if (!load.lacks_tokens && (heavy === 0 || heavy + needs <= tokens)) return null;
  load.lacks_tokens = true;
  return `it needs ${needs} tokens, and ${heavy} of ${tokens} are taken`;
}

/**
 * What is to be plugged ahead of need gives way before it is sent, where memory is wanted by now;
 * its permit is there for others at the next look, which is at once.
 */
function giveUpRefill(draft: Draft, { operation, fn, vm }: Waiting): boolean {
  const because = draft.short.length > 0 ? 'somebody waits for memory' : 'the host is short';
  const wanted = draft.short.length > 0 || pressedTo(draft, 'pool') !== null;
  const is_ahead = operation.cause === 'pool' || operation.cause === 'gain';
  if (!is_ahead || !wanted) return false;
  const edited = editVm(draft, vm.id);
  assert(edited, 'a VM that was read can be edited');
  const region = dropWaiting(draft, { operation, fn, vm: edited }, because);
  if (operation.cause === 'gain') endMove(draft, edited, operation.instance_id);
  region.hold_until_ms = draft.now_ms + draft.config.resize_hold_ms;
  return true;
}

/** Ends what waits for its turn: its region is as it was, and what it was granted is given back. */
export function dropWaiting(
  draft: Draft,
  { operation, fn, vm }: Pick<Waiting, 'operation' | 'fn' | 'vm'>,
  because: string,
): RegionState {
  assert(isWaiting(operation), 'what was sent ends by itself');
  const region = editRegion(draft, vm, operation.region_index);
  dropOperation(draft, operation.id);
  region.operation_id = null;
  shrinkPermit(draft, region);
  recordQueue(draft, fn, operation, { answer: 'end', because });
  return region;
}

/** A start or growth in the same VM, whose VMM does one thing at a time; null: there is none. */
export function startBeside(draft: Draft, vm: VmState): string | null {
  for (const { operation_id } of vm.regions) {
    const beside = operation_id === null ? undefined : readOperation(draft, operation_id);
    const of_class = beside && classOf(beside);
    if (beside && (of_class === 'start' || of_class === 'grow')) return `${of_class} ${beside.id}`;
  }
  return null;
}

function send(draft: Draft, one: Waiting): void {
  const { operation, fn, vm, due_ms, hurry } = one;
  const waited_ms = draft.now_ms - (operation.waits_since_ms ?? draft.now_ms);
  const held_ms = (operation.held_ms ?? 0) + waited_ms;
  const sent = { ...operation, waits_since_ms: null, held_ms, sent_at_ms: draft.now_ms };
  leave(draft, operation);
  ask(draft, vmSpec(fn, vm), sent);
  if (waited_ms === 0) return;
  const due = due_ms <= draft.now_ms ? 'it has waited for its bound' : 'its turn has come';
  recordQueue(draft, fn, sent, { answer: 'send', because: hurry ?? due, ...one });
}
