/** Performs what the core decided: each action goes to who does it, and nothing waits for it. */
import type { Logger } from 'pino';
import { assert } from '../../base/assert.ts';
import type { Clock } from '../../base/clock.ts';
import type { Action } from '../model/actions.ts';
import type { HostEvent } from '../model/events.ts';
import { refusalOf } from '../model/failure.ts';
import { type HostState, vmSpec } from '../model/state.ts';
import { isBug } from '../observe/fail-stop.ts';
import { refusedOperation } from '../observe/operation-record.ts';
import type { RecordHub } from '../observe/record-hub.ts';
import type { Callers } from './callers.ts';
import { errOf, type RepeatLog } from './repeat-log.ts';
import { tellRefusal } from './reply-log.ts';
import type { Runners } from './runners.ts';
import type { VmRunner } from './vm-runner.ts';
import type { WakeTimer } from './wake.ts';

export interface PerformerParts {
  readonly clock: Clock;
  readonly log: Logger;
  readonly told: RepeatLog;
  readonly hub: RecordHub;
  readonly runners: Runners;
  readonly callers: Callers;
  readonly wake: WakeTimer;
  readonly stateOf: () => HostState;
  /** Removes old folders of VMs; those of `present` ones stay. */
  readonly trimFolders: ((present: ReadonlySet<string>) => Promise<void>) | undefined;
  /** A fault of the agent itself, met in work nobody waits for. */
  readonly onBug: (error: unknown, during: unknown) => void;
}

export class Performer {
  readonly #parts: PerformerParts;

  constructor(parts: PerformerParts) {
    this.#parts = parts;
  }

  /** Does what one event led to. */
  performAll(event: HostEvent, actions: readonly Action[]): void {
    const { wake, runners } = this.#parts;
    let wake_at_ms: number | null = null;
    for (const action of actions) {
      if (action.type === 'wake') wake_at_ms = action.at_ms;
      else this.#perform(action);
    }
    wake.set(wake_at_ms);
    if (event.type === 'vm-gone') {
      runners.delete(event.vm_id);
      this.#guard(this.#trimFolders(), { trim: event.vm_id });
    }
  }

  #perform(action: Exclude<Action, { type: 'wake' }>): void {
    const { runners, callers, hub, told, log } = this.#parts;
    switch (action.type) {
      case 'reply':
        return callers.answer(action.request_id, action.reply);
      case 'report':
        return this.#report(action);
      case 'decision':
        if (hub.isWatched('decision')) hub.publish('decision', action.decision);
        return;
      case 'record-refusal': {
        const { order, failure } = action;
        tellRefusal(told, log, order, failure);
        return hub.publish('operation', refusedOperation(order, failure));
      }
      case 'launch-vm':
        return runners.make(action.vm_id, action.spec).launch();
      case 'adopt-vm':
        return runners.make(action.vm_id, action.spec).adopt();
      case 'resize-region':
        return this.#guard(runners.of(action.order.vm_id).resize(action.order), action);
      case 'cut-shrink':
        return runners.of(action.vm_id).cutShrink(action.operation_id);
      case 'yield-cpu':
        // One that is being launched, or left by an earlier agent, has nothing to end.
        return runners.find(action.vm_id)?.yieldCpu(action.yields);
      case 'end-steps':
        return this.#guard(runners.of(action.vm_id).endSteps(action.order, action.reason), action);
      case 'deny-growth':
        return this.#guard(runners.of(action.vm_id).growth.deny(action), action);
      case 'prepare-region':
        return this.#guard(runners.of(action.vm_id).growth.prepare(action), action);
      case 'open-span':
        return this.#guard(runners.of(action.vm_id).spans.grant(action), action);
      case 'refuse-span':
        return this.#guard(runners.of(action.vm_id).spans.refuse(action), action);
      case 'shutdown-vm':
        return this.#guard(this.#ending(action.vm_id).shutdown(action.failure), action);
      case 'start-instance':
        return this.#guard(runners.of(action.vm_id).instances.start(action), action);
      case 'invoke-instance':
        return this.#guard(runners.of(action.vm_id).instances.invoke(action), action);
      case 'await-invocation':
        return this.#guard(runners.of(action.vm_id).instances.resume(action), action);
      case 'stop-instance':
        return this.#guard(runners.of(action.vm_id).instances.stop(action), action);
    }
  }

  #report(action: Extract<Action, { type: 'report' }>): void {
    const { log, hub, clock } = this.#parts;
    const { type: _, ...report } = action;
    const { level, code, vm_id, message } = report;
    hub.publish('report', { at_ms: clock.nowMs(), ...report });
    log[level]({ vm: vm_id, function: report.function, err: { code } }, message);
  }

  /** One that is to end: an earlier agent may have begun it, and then it has no runner here. */
  #ending(vm_id: string): VmRunner {
    const { runners, stateOf } = this.#parts;
    const found = runners.find(vm_id);
    if (found) return found;
    const { vms, functions } = stateOf();
    const vm = vms.get(vm_id);
    const fn = functions.get(vm?.function ?? '');
    assert(vm && fn, 'a VM that is there has its function');
    return runners.make(vm_id, vmSpec(fn, vm));
  }

  /** Failed VMs leave their folders: the oldest go while the agent runs, not only at a start. */
  async #trimFolders(): Promise<void> {
    const { stateOf, runners, trimFolders, log } = this.#parts;
    const earlier = stateOf().earlier_vms.map(({ id }) => id);
    try {
      await trimFolders?.(new Set([...runners.ids(), ...earlier]));
    } catch (error) {
      if (isBug(error)) throw error;
      log.warn({ err: errOf(refusalOf(error)) }, 'folders of ended VMs could not be removed');
    }
  }

  #guard(work: Promise<void>, during: unknown): void {
    work.catch((error: unknown) => this.#parts.onBug(error, during));
  }
}
