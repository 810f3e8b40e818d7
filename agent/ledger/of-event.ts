/** What happened, as records: requests, results and news, each in the words of who told it. */
import { unreachable } from '../../base/assert.ts';
import { cutBytes } from '../../base/cut-bytes.ts';
import { AGENT_LIMITS } from '../limits.ts';
import type { Trust } from '../../ledger/record.ts';
import type { Action } from '../model/actions.ts';
import type { HostEvent } from '../model/events.ts';
import { kindOf } from '../model/operations.ts';
import { totalBytes } from '../model/tiers.ts';
import type { InstanceState, RegionState, VmState } from '../model/state.ts';
import type { Anchors } from './anchors.ts';
import { regionOfVm, type LedgerStep } from './step.ts';

type EventOf<T extends HostEvent['type']> = Extract<HostEvent, { type: T }>;

export const told = (text: string | null): string | null =>
  text === null ? null : cutBytes(text, AGENT_LIMITS.ledger_reason_chars);

/** Records the event; the last record of it, from which what is decided comes; 0: none. */
export function recordEvent(step: LedgerStep): number {
  const { event } = step.decided;
  switch (event.type) {
    case 'tick':
    case 'host-memory':
    case 'invocation-finished':
    case 'expect':
    case 'deploy-dag':
    case 'remove-dag':
      return 0;
    case 'deploy': {
      if (event.dry_run) return 0;
      const { name, mechanism, limit_bytes } = event.spec;
      const about = { trust: 'peer', function: name, request_id: event.request_id } as const;
      return step.say({
        kind: 'deploy',
        ...about,
        peer: event.peer ?? null,
        ...(event.spec.tenant === null ? {} : { tenant: event.spec.tenant }),
        mechanism,
        bytes: limit_bytes,
      });
    }
    case 'invoke':
      return invoked(step, event);
    case 'cancel':
      // Callers go away after every answer too.
      return endsSomething(step.decided.actions) ? asked(step, event) : 0;
    case 'remove':
    case 'drain':
    case 'set-targets':
      return asked(step, event);
    case 'cordon':
    case 'uncordon':
      return cordoned(step, event);
    case 'restarted':
      return resumed(step);
    default:
      return recordNews(step, event);
  }
}

const endsSomething = (actions: readonly Action[]): boolean =>
  actions.some(({ type }) => type === 'reply' || type === 'stop-instance');

type Asked = EventOf<'remove' | 'drain' | 'set-targets' | 'cancel'>;

function asked(step: LedgerStep, { type, function: name, request_id, peer = null }: Asked): number {
  const about = { trust: 'peer', function: name, request_id, peer, what: type } as const;
  return step.say({ kind: 'asked', ...about }, step.anchors.requests.get(request_id));
}

/** Of the host: no function is named, and who asked says himself who he is, and why. */
function cordoned(step: LedgerStep, event: EventOf<'cordon' | 'uncordon'>): number {
  const { request_id, author, reason } = event;
  const what = event.type === 'cordon' && event.drain ? 'drain of the host' : event.type;
  const about = { function: '', request_id, what };
  const who = { peer: author === '' ? null : author, reason: told(reason) };
  return step.say({ kind: 'asked', trust: 'peer', ...about, ...who });
}

/** One that an idle instance takes at once is told with its run. */
function invoked(step: LedgerStep, event: EventOf<'invoke'>): number {
  const { request_id, invocation_id } = event;
  for (const action of step.decided.actions) {
    if (action.type === 'invoke-instance' && action.request_id === request_id) return 0;
  }
  const about = { function: event.function, request_id, invocation_id, peer: event.peer ?? null };
  const { anchors } = step;
  return step.say(
    { kind: 'request', trust: 'peer', ...about },
    anchors.functions.get(event.function),
  );
}

type News = Extract<HostEvent, { vm_id: string }>;

function recordNews(
  step: LedgerStep,
  event: Exclude<News, EventOf<'invocation-finished'>>,
): number {
  const { vm_id } = event;
  const { anchors } = step;
  const vm = { function: step.vm(vm_id)?.function ?? '', vm_id };
  const of_vm = anchors.vms.get(vm_id);
  switch (event.type) {
    case 'vm-ready':
      return step.say({ kind: 'vm-ready', trust: 'vmm', ...vm, pid: event.facts.vmm_pid }, of_vm);
    case 'vm-gone':
      // Its permits return in this very step, and come of it.
      return step.say({ kind: 'vm-gone', trust: 'host', ...vm }, of_vm);
    case 'vm-adopted':
      return step.say({ kind: 'recovered', trust: 'vmm', ...vm, what: 'taken up' }, of_vm);
    case 'vm-failed': {
      const { code, message } = event.failure;
      return step.say(
        { kind: 'fault', trust: 'vmm', ...vm, what: 'vm', code, reason: told(message) },
        of_vm,
      );
    }
    case 'vm-undead':
      return step.say(
        { kind: 'fault', trust: 'host', ...vm, what: 'end', reason: told(event.reason) },
        of_vm,
      );
    case 'vm-health': {
      const what = 'guest silent';
      if (event.responsive)
        return step.say({ kind: 'recovered', trust: 'guest', ...vm, what }, of_vm);
      return step.say(
        { kind: 'fault', trust: 'agent', ...vm, what, code: 'HP_AGENT_UNRESPONSIVE' },
        of_vm,
      );
    }
    case 'usage':
      return wanted(step, event);
    // No memory moves by it.
    case 'region-prepared':
      return 0;
    case 'resized':
      return ended(step, event);
    default:
      return recordInstance(step, event);
  }
}

type InstanceNews = Exclude<Extract<News, { instance_id: string }>, EventOf<'invocation-finished'>>;

function recordInstance(step: LedgerStep, event: InstanceNews): number {
  const { vm_id, instance_id } = event;
  // Nobody of the book: nothing comes of it.
  if (!step.instance(vm_id, instance_id)) return 0;
  const of_instance = step.anchors.instances.get(instance_id);
  const region_id = step.regionOf(vm_id, instance_id);
  const about = { function: step.vm(vm_id)?.function ?? '', vm_id, region_id, instance_id };
  const fault = (trust: Trust, what: string, code: string | null, reason: string): number =>
    step.say({ ...about, kind: 'fault', trust, what, code, reason: told(reason) }, of_instance);
  switch (event.type) {
    case 'instance-started':
      return step.say(
        { ...about, kind: 'attached', trust: 'guest', ended_at_ms: event.stamps.attached_at_ms },
        of_instance,
        step.anchors.regions.get(region_id),
      );
    case 'instance-start-failed':
      return fault('guest', 'start', event.failure.code, event.failure.message);
    case 'invocation-failed':
      return fault('guest', 'invocation', event.failure.code, event.failure.message);
    case 'instance-stop-failed':
      return fault('guest', 'stop', null, event.reason);
    case 'instance-exited': {
      const { reason, status, signal } = event;
      const code = reason === 'oom' ? 'HP_AGENT_INSTANCE_OOM' : 'HP_AGENT_INSTANCE_EXITED';
      const how = `${reason}, status ${status ?? 'none'}, signal ${signal ?? 'none'}`;
      return fault('guest', reason, code, how);
    }
    case 'span-asked':
      return step.say({ ...about, kind: 'want', trust: 'guest', bytes: event.bytes }, of_instance);
    case 'span-closed':
      return 0;
    case 'instance-stopped':
      return step.say(
        { ...about, kind: 'exit', trust: 'guest', ended_at_ms: event.gone_at_ms },
        of_instance,
      );
    default:
      return unreachable(event);
  }
}

/** Somebody begins to wait for memory: the guest says so. */
function wanted(step: LedgerStep, event: EventOf<'usage'>): number {
  const [was, is] = [step.vmBefore(event.vm_id), step.decided.state.vms.get(event.vm_id)];
  let seq = 0;
  for (const { region_id, want_bytes = 0 } of event.regions) {
    if (want_bytes <= 0) continue;
    const old = was?.regions.find(({ id }) => id === region_id);
    const now = is?.regions.find(({ id }) => id === region_id);
    if (!now?.holder || old?.span?.want) continue;
    const name = regionOfVm(event.vm_id, region_id);
    const about = { function: is?.function ?? '', vm_id: event.vm_id, region_id: name };
    const [of_instance, of_region] = [
      step.anchors.instances.get(now.holder),
      step.anchors.regions.get(name),
    ];
    const want = { ...about, instance_id: now.holder, bytes: want_bytes };
    seq = step.say({ kind: 'want', trust: 'guest', ...want }, of_instance, of_region);
  }
  return seq;
}

const ENDS = {
  start: 'populated',
  fill: 'populated',
  pool: 'populated',
  grow: 'grown',
  shrink: 'shrunk',
  stop: 'emptied',
  retry: 'emptied',
  pressure: 'emptied',
  open: 'populated',
  close: 'emptied',
  gain: 'grown',
  cede: 'shrunk',
} as const;

/** What came of a resize, in the VMM's words, and, of an unplug, what the host's kernel sees. */
function ended(step: LedgerStep, { vm_id, operation_id, result }: EventOf<'resized'>): number {
  const operation = step.operationBefore(operation_id);
  // Given up with its VM.
  if (!operation) return 0;
  const { cause, from_bytes, to_bytes, instance_id, decided_at_ms } = operation;
  const { outcome, plugged_bytes, plugged_at_ms, error_code, reason } = result;
  const of_operation = step.anchors.operations.get(operation_id);
  const region_id = regionOfVm(vm_id, operation.region_id);
  const name = step.vm(vm_id)?.function ?? '';
  const about = { function: name, vm_id, region_id, instance_id, operation_id } as const;
  const is_unplug = kindOf(operation) === 'unplug';
  const seq = step.say(
    {
      ...about,
      kind: cause === 'pool' && is_unplug ? 'emptied' : ENDS[cause],
      trust: 'vmm',
      cause,
      from_bytes,
      to_bytes,
      outcome,
      vmm_bytes: plugged_bytes,
      began_at_ms: decided_at_ms,
      ended_at_ms: plugged_at_ms,
      code: error_code,
      reason: told(reason),
    },
    of_operation,
  );
  const { resident_bytes: host_bytes = null, resident_at_ms = null } = result;
  if (!is_unplug || host_bytes === null) return seq;
  return step.say(
    { ...about, kind: 'discarded', trust: 'host', host_bytes, ended_at_ms: resident_at_ms },
    seq,
  );
}

/**
 * What an earlier agent left: who has what, and how many calls nobody recorded. What the ledger
 * says beyond that was never done: a record is written before the state, and both before the deed.
 */
function resumed(step: LedgerStep): number {
  const { anchors } = step;
  const { vms } = step.decided.before;
  for (const [vm_id, seq] of anchors.vms) {
    if (vms.has(vm_id)) continue;
    step.say({ kind: 'vm-gone', trust: 'agent', vm_id }, seq);
  }
  const held = [...vms.values()].flatMap(({ instances }) => instances.map(({ id }) => id));
  anchors.keepOnly(new Set(held));
  let seq = 0;
  for (const vm of vms.values()) {
    if (vm.phase === 'lost') continue;
    const permit_bytes = totalBytes(vm.boot_permit) + totalBytes(vm.overhead_permit);
    const about = { trust: 'agent', function: vm.function, vm_id: vm.id } as const;
    const whose = step.tenantOf(vm.function);
    seq = step.say({ kind: 'resumed', ...about, ...whose, permit_bytes }, anchors.vms.get(vm.id));
    for (const region of vm.regions) resumedRegion(step, vm, region);
  }
  return seq;
}

function resumedRegion(step: LedgerStep, vm: VmState, region: RegionState): void {
  const { anchors } = step;
  const region_id = regionOfVm(vm.id, region.id);
  const instance = vm.instances.find(({ id }) => id === region.holder);
  const { plugged_bytes: vmm_bytes, operation_id, span } = region;
  const { request_id, invocation_id } = instance?.invocation ?? {};
  step.say(
    {
      kind: 'resumed',
      trust: 'agent',
      function: vm.function,
      vm_id: vm.id,
      region_id,
      instance_id: region.holder,
      ...(operation_id === null ? {} : { operation_id }),
      ...(request_id === undefined ? {} : { request_id, invocation_id: invocation_id ?? '' }),
      vmm_bytes,
      permit_bytes: region.permit_bytes,
      baseline_bytes: span?.baseline_bytes ?? vmm_bytes,
      is_idle: instance?.phase === 'idle',
      ...(instance ? { nth: instance.invocations, lost_records: lostOf(anchors, instance) } : {}),
    },
    anchors.regions.get(region_id),
    region.holder === null ? undefined : anchors.instances.get(region.holder),
  );
}

/** Calls of an instance that are not in the ledger; null: its records were not read. */
function lostOf({ instances, runs }: Anchors, { id, invocations }: InstanceState): number | null {
  const known = runs.get(id);
  if (!known && !instances.has(id)) return invocations === 0 ? 0 : null;
  return Math.max(0, invocations - (known?.nth ?? 0));
}
