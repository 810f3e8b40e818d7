/**
 * The agent's decisions: `(state, event, now) -> {state, actions, changed}`. Pure: no clock, no
 * I/O, no randomness. The same events at the same times give the same actions.
 */
import { assert } from '../../base/assert.ts';
import type { Action } from '../model/actions.ts';
import type { HostEvent } from '../model/events.ts';
import type { OperationState } from '../model/operations.ts';
import { REFUSALS } from '../model/refusals.ts';
import type { FunctionState, HostState, VmState } from '../model/state.ts';
import type { Edits } from '../model/table.ts';
import { learn } from './answering.ts';
import { cordon, noteDrained, uncordon } from './cordon.ts';
import { deployDag, removeDag } from './dags.ts';
import { DEFAULT_POLICY } from './default-policy/policy.ts';
import {
  closeDraft,
  copyVm,
  type Draft,
  editFunction,
  editVm,
  openDraft,
  readFunction,
  readVm,
  replyError,
  type StepContext,
} from './draft.ts';
import { drain, drainVm } from './drains.ts';
import { noteExpected } from './expecting.ts';
import { cancel, deploy, invoke, remove } from './functions.ts';
import { checkStep } from './invariants.ts';
import { handleNews, type News } from './news.ts';
import { meterPools } from './pool.ts';
import { noteHostMemory } from './pressure.ts';
import { dispatch } from './queue.ts';
import { restarted } from './restart.ts';
import { settle, settleShort } from './settle.ts';
import { setTargets } from './targets.ts';
import { meterNamedSpans } from './span-tally.ts';
import { earlier } from './wakes.ts';
import { settleYields } from './yielding.ts';

/** Rows that a step made, changed or took away, by their keys. */
export interface Changed {
  readonly functions: readonly string[];
  readonly vms: readonly string[];
  readonly operations: readonly string[];
}

type Looked<Row> = Pick<Edits<Row>, 'keys' | 'rows' | 'before' | 'get' | 'rowBefore'>;

/**
 * The rows that a step changed, as they were and as they are. A look for a row into a table of
 * before the step goes through all of it.
 */
export interface Edited {
  readonly functions: Looked<FunctionState>;
  readonly vms: Looked<VmState>;
  readonly operations: Looked<OperationState>;
}

export interface Step {
  readonly state: HostState;
  readonly actions: readonly Action[];
  /** For a store, which writes these rows before the actions are performed. */
  readonly changed: Changed;
  readonly edited: Edited;
}

const BY_DEFAULT: StepContext = { policy: DEFAULT_POLICY, recording: false };

/** `context`: which policy is asked, and whether its decisions are told. */
export function step(
  state: HostState,
  event: HostEvent,
  now_ms: number,
  context: StepContext = BY_DEFAULT,
): Step {
  const draft = openDraft(state, now_ms, context);
  const { actions } = draft;
  learn(draft, event);
  handle(draft, event);
  for (const fn of draft.functions.rows) if (fn) settle(draft, fn);
  if (draft.short.length > 0) settleShort(draft, event);
  const queue_ms = dispatch(draft);
  const yields_ms = settleYields(draft);
  meterPools(draft);
  meterNamedSpans(draft);
  noteDrained(draft);
  const due_ms = draft.alarms.earliest((name) => readFunction(draft, name)?.wake_at_ms ?? null);
  const at_ms = earlier(earlier(due_ms, queue_ms), yields_ms);
  if (at_ms !== null) actions.push({ type: 'wake', at_ms });
  checkStep(draft);
  const changed = {
    functions: draft.functions.keys,
    vms: draft.vms.keys,
    operations: draft.operations.keys,
  };
  return { state: closeDraft(draft), actions, changed, edited: draft };
}

function handle(draft: Draft, event: HostEvent): void {
  switch (event.type) {
    case 'tick':
      return tick(draft);
    case 'host-memory':
      return noteHostMemory(draft, event.told);
    case 'restarted':
      return restarted(draft);
    case 'cordon':
      return cordon(draft, event);
    case 'uncordon':
      return uncordon(draft, event);
    case 'expect': {
      const fn = editFunction(draft, event.function);
      return fn && noteExpected(draft, fn, event);
    }
    case 'deploy-dag':
      return deployDag(draft, event);
    case 'remove-dag':
      return removeDag(draft, event);
    case 'deploy': {
      const known = editFunction(draft, event.spec.name);
      return deploy(draft, known, event);
    }
    case 'invoke':
    case 'remove':
    case 'drain':
    case 'set-targets':
    case 'cancel':
      return handleRequest(draft, event);
    default:
      return handleVm(draft, event);
  }
}

function handleVm(draft: Draft, event: News): void {
  const found = readVm(draft, event.vm_id);
  if (!found || found.phase === 'lost') return;
  const fn = editFunction(draft, found.function);
  assert(fn, 'a VM that is there has its function');
  handleNews(draft, fn, copyVm(draft, found), event);
}

type Request = Extract<
  HostEvent,
  { type: 'invoke' | 'remove' | 'drain' | 'set-targets' | 'cancel' }
>;

function handleRequest(draft: Draft, event: Request): void {
  const fn = editFunction(draft, event.function);
  if (!fn) {
    if (event.type === 'cancel') return;
    return replyError(draft, event.request_id, REFUSALS.noFunction(event.function));
  }
  if (event.type === 'invoke') return invoke(draft, fn, event);
  if (event.type === 'set-targets') return setTargets(draft, fn, event);
  if (event.type === 'remove') return remove(draft, fn, event.request_id, event.drain_ms);
  if (event.type === 'cancel') return cancel(draft, fn, event.request_id);
  if (event.vm_id !== undefined) return drainVm(draft, fn, event.request_id, event.vm_id);
  return drain(draft, fn, event.request_id);
}

/**
 * Time alone: functions that are due, with those of their VMs that are. Who was due first comes
 * first, whatever was known of it earlier.
 */
function tick(draft: Draft): void {
  const due: { readonly name: string; readonly at_ms: number }[] = [];
  for (const name of draft.alarms.takeDue(draft.now_ms)) {
    const at_ms = readFunction(draft, name)?.wake_at_ms ?? null;
    if (at_ms === null || at_ms > draft.now_ms) draft.alarms.set(name, at_ms);
    else due.push({ name, at_ms });
  }
  due.sort((a, b) => a.at_ms - b.at_ms || (a.name < b.name ? -1 : 1));
  for (const { name } of due) {
    const fn = editFunction(draft, name);
    for (const id of fn?.vm_ids ?? []) {
      const due_ms = readVm(draft, id)?.wake_at_ms ?? null;
      if (due_ms !== null && due_ms <= draft.now_ms) editVm(draft, id);
    }
  }
}
