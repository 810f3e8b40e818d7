/** News of VMs and instances: noted here, concluded from in `settle`. */
import { unreachable } from '../../base/assert.ts';
import type { HostEvent } from '../model/events.ts';
import { REFUSALS } from '../model/refusals.ts';
import type { FunctionState, InstanceState, VmState } from '../model/state.ts';
import { type Draft, editInstance, editRegion } from './draft.ts';
import { checkCall } from './expected.ts';
import {
  doomInstance,
  findInstance,
  readyWhenComplete,
  stopFailed,
  stopInstance,
} from './instances.ts';
import { answerInvocation } from './invocations.ts';
import { hasSpan, spanAsked, spanClosed } from './named-spans.ts';
import { notePrepared } from './prepare.ts';
import { adopted } from './restart.ts';
import { resized } from './resized.ts';
import { returnUnheard } from './returned.ts';
import { noteUsage } from './spans.ts';
import { endUnwanted } from './steps.ts';
import { noteRun, noteStarted } from './tokens.ts';
import { endVm, vmGone, vmReady, vmUndead } from './vms.ts';

export type News = Exclude<
  Extract<HostEvent, { vm_id: string }>,
  { request_id: string; function: string }
>;
type InstanceNews = Extract<News, { instance_id: string }>;

export function handleNews(draft: Draft, fn: FunctionState, vm: VmState, event: News): void {
  switch (event.type) {
    case 'vm-ready':
      if (vm.phase !== 'booting') return;
      vm.facts = event.facts;
      vm.launched_at_ms = event.launched_at_ms;
      for (const [index, device] of (event.devices ?? []).entries()) {
        if (index < vm.regions.length) editRegion(draft, vm, index).device = device;
      }
      return vmReady(draft, fn, vm);
    case 'vm-adopted':
      return adopted(draft, fn, vm, event);
    case 'vm-failed':
      return endVm(draft, fn, vm, event.failure);
    case 'vm-health':
      vm.unresponsive_since_ms = event.responsive ? null : draft.now_ms;
      return;
    case 'vm-gone':
      return vmGone(draft, fn, vm);
    case 'vm-undead':
      return vmUndead(draft, fn, vm, event.reason);
    case 'usage':
      noteUsage(draft, fn, vm, event.regions);
      return endUnwanted(draft, fn, vm);
    case 'region-prepared':
      return notePrepared(draft, vm, event);
    case 'resized':
      return resized(draft, fn, vm, { id: event.operation_id, result: event.result });
    default: {
      const found = findInstance(vm, event.instance_id);
      if (!found) return;
      const instance = editInstance(draft, vm, found);
      return handleInstance(draft, fn, vm, { instance, event });
    }
  }
}

function handleInstance(
  draft: Draft,
  fn: FunctionState,
  vm: VmState,
  { instance, event }: { readonly instance: InstanceState; readonly event: InstanceNews },
): void {
  switch (event.type) {
    case 'instance-started':
      instance.start_pending = false;
      instance.start_stamps = event.stamps;
      noteStarted(fn, event.stamps);
      return readyWhenComplete(draft, vm, instance);
    case 'instance-start-failed':
      instance.start_pending = false;
      return doomInstance(draft, fn, vm, instance, event.failure);
    case 'invocation-finished': {
      const { invocation } = instance;
      if (invocation?.request_id !== event.request_id) return;
      checkCall(draft, fn, vm, { instance, result: event.result });
      answerInvocation(draft, instance, invocation, { result: event.result });
      noteRun(draft, fn, instance);
      instance.phase = 'idle';
      instance.idle_since_ms = draft.now_ms;
      // What it did not close with its invocation is closed with the instance.
      const is_over = hasSpan(vm, instance.id) || invocation.left === 'ended';
      if (is_over) stopInstance(draft, vm, instance);
      return;
    }
    case 'invocation-failed': {
      const { invocation } = instance;
      if (invocation?.request_id !== event.request_id) return;
      if (event.is_unheard) returnUnheard(draft, fn, instance, null);
      const has_ended = invocation.left === 'ended';
      const failure = has_ended ? REFUSALS.endedUnseen(instance.id) : event.failure;
      return doomInstance(draft, fn, vm, instance, failure);
    }
    case 'span-asked':
      return spanAsked(draft, fn, vm, { instance, asked: event });
    case 'span-closed':
      return spanClosed(draft, fn, vm, { instance, span: event.span, serial: event.serial });
    case 'instance-stopped':
      instance.stop_pending = false;
      instance.gone_at_ms = event.gone_at_ms;
      return;
    case 'instance-stop-failed':
      return stopFailed(draft, fn, vm, { instance, reason: event.reason });
    case 'instance-exited': {
      // Its guest says so once more when it is asked, and keeps the answer of what it ran.
      if (vm.phase === 'adopting' && instance.invocation) return;
      const { reason, status, signal, ran } = event;
      const { denied = null } = vm.regions[instance.region_index]?.span ?? {};
      const failure =
        (reason === 'oom' ? denied : null) ?? REFUSALS.instanceExited(reason, status, signal);
      if (ran !== undefined) returnUnheard(draft, fn, instance, ran);
      return doomInstance(draft, fn, vm, instance, failure);
    }
    default:
      return unreachable(event);
  }
}
