/** What was decided, as records: answers of the policy, permits, and what the core wants done. */
import { assert } from '../../base/assert.ts';
import type { PolicyAnswer } from '../../ledger/record.ts';
import type { Action, InvokeReply } from '../model/actions.ts';
import { spanHolder } from '../model/named-span.ts';
import type { OperationOrder } from '../model/operations.ts';
import type { Refusal } from '../model/refusals.ts';
import type { VmState } from '../model/state.ts';
import { totalBytes } from '../model/tiers.ts';
import { told } from './of-event.ts';
import { type LedgerStep, regionOfVm } from './step.ts';

type ActionOf<T extends Action['type']> = Extract<Action, { type: T }>;

/** Whether the step moves memory, or denies it: then what the policy answered is kept. */
export function movesMemory(actions: readonly Action[]): boolean {
  return actions.some(isMove);
}

function isMove(action: Action): boolean {
  switch (action.type) {
    case 'resize-region':
    case 'record-refusal':
    case 'launch-vm':
    case 'stop-instance':
    case 'shutdown-vm':
      return true;
    case 'reply':
      return action.reply.kind === 'error' || isDenial(action.reply);
    default:
      return false;
  }
}

function isDenial(reply: ActionOf<'reply'>['reply']): boolean {
  return reply.kind === 'invoke' && reply.assigned_at_ms === null;
}

/** One record for each function that a policy was asked about. */
export function recordPolicy(step: LedgerStep): void {
  const asked: Asked[] = [];
  for (const action of step.decided.actions) {
    if (action.type !== 'decision') continue;
    const { function: name, policy } = action.decision;
    let one = asked.find((other) => other.function === name && other.policy === policy);
    if (!one) {
      one = { kind: 'policy', trust: 'agent', function: name, policy, answers: [] };
      asked.push(one);
    }
    one.answers.push(answerOf(action.decision));
  }
  const seqs = asked.map((one) => step.say(one));
  step.causes.push(...seqs);
}

interface Asked {
  readonly kind: 'policy';
  readonly trust: 'agent';
  readonly function: string;
  readonly policy: string;
  readonly answers: PolicyAnswer[];
}

type Written<T> = { -readonly [Key in keyof T]: T[Key] };

function answerOf(decision: ActionOf<'decision'>['decision']): PolicyAnswer {
  const { question, answer, reason, inputs, vm_id, region_id, invocation_id } = decision;
  const told_of: Written<PolicyAnswer> = { question, answer, inputs };
  if (reason !== null) told_of.reason = told(reason);
  if (vm_id !== null) told_of.vm_id = vm_id;
  if (vm_id !== null && region_id !== null) told_of.region_id = regionOfVm(vm_id, region_id);
  if (invocation_id !== null) told_of.invocation_id = invocation_id;
  return told_of;
}

/** Every permit that grew or came back. */
export function recordPermits(step: LedgerStep): void {
  const { keys, rows, before } = step.decided.edited.vms;
  for (let place = 0; place < keys.length; place += 1) {
    const [vm_id = '', was, is] = [keys[place], before[place], rows[place]];
    if (was?.boot_permit !== is?.boot_permit || was?.overhead_permit !== is?.overhead_permit) {
      permitOf(step, vm_id, null, bootBytes(was), bootBytes(is));
    }
    const regions = Math.max(was?.regions.length ?? 0, is?.regions.length ?? 0);
    for (let index = 0; index < regions; index += 1) {
      const [old, now] = [was?.regions[index], is?.regions[index]];
      if (old !== now) permitOf(step, vm_id, index, old?.permit_bytes ?? 0, now?.permit_bytes ?? 0);
    }
  }
}

function bootBytes(vm: VmState | null | undefined): number {
  return vm ? totalBytes(vm.boot_permit) + totalBytes(vm.overhead_permit) : 0;
}

function permitOf(
  step: LedgerStep,
  vm_id: string,
  index: number | null,
  from_bytes: number,
  to_bytes: number,
): void {
  if (from_bytes === to_bytes) return;
  const { anchors } = step;
  const vm = step.vm(vm_id);
  const name = vm?.function ?? '';
  const granted_bytes = totalBytes(step.decided.state.granted);
  const about = { kind: 'permit', trust: 'agent', function: name, vm_id } as const;
  if (index === null) {
    const of_vm = anchors.vms.get(vm_id) ?? anchors.functions.get(name);
    step.say({ ...about, from_bytes, to_bytes, granted_bytes }, of_vm);
    return;
  }
  const region_id = step.regionAt(vm_id, index);
  const holder = vm?.regions[index]?.holder ?? null;
  const instance = vm?.instances.find(({ id }) => id === holder);
  const request = vm && instance ? step.requestOf(vm, instance) : null;
  step.say(
    { ...about, region_id, from_bytes, to_bytes, granted_bytes },
    anchors.regions.get(region_id) ?? anchors.vms.get(vm_id),
    request === null ? undefined : anchors.requests.get(request),
  );
}

export function recordActions(step: LedgerStep): void {
  for (const action of step.decided.actions) recordAction(step, action);
}

function recordAction(step: LedgerStep, action: Action): void {
  const { anchors } = step;
  switch (action.type) {
    case 'launch-vm': {
      const { vm_id, spec } = action;
      const { name, tenant, boot_bytes: bytes } = spec;
      const about = { trust: 'agent', function: name, vm_id, bytes } as const;
      const whose = tenant === null ? {} : { tenant };
      step.say({ kind: 'launch', ...about, ...whose }, anchors.vms.get(vm_id));
      return;
    }
    case 'resize-region':
      return resize(step, action);
    case 'start-instance':
      return hold(step, action);
    case 'invoke-instance':
      return run(step, action);
    case 'stop-instance': {
      const { vm_id, instance_id } = action;
      const name = step.vm(vm_id)?.function ?? '';
      const region_id = step.regionOf(vm_id, instance_id);
      step.say(
        { kind: 'stop', trust: 'agent', function: name, vm_id, region_id, instance_id },
        anchors.instances.get(instance_id),
      );
      return;
    }
    case 'shutdown-vm': {
      const { vm_id, failure } = action;
      const why = failure ? { code: failure.code, reason: told(failure.message) } : {};
      const about = { trust: 'agent', function: step.vm(vm_id)?.function ?? '', vm_id } as const;
      step.say({ kind: 'shutdown', ...about, ...why }, anchors.vms.get(vm_id));
      return;
    }
    case 'record-refusal':
      return refused(step, action);
    case 'reply':
      return replied(step, action);
    case 'report': {
      const { vm_id, code, message } = action;
      const about = { trust: 'agent', function: action.function, vm_id } as const;
      const why = { what: 'report', code, reason: told(message) };
      step.say({ kind: 'fault', ...about, ...why }, anchors.vms.get(vm_id));
      return;
    }
    default:
  }
}

function resize(step: LedgerStep, { order }: ActionOf<'resize-region'>): void {
  const { id, kind, vm_id, instance_id, cause, from_bytes, to_bytes } = order;
  const region_id = regionOfVm(vm_id, order.region_id);
  const span_id = spanIn(order);
  const { regions, instances } = step.anchors;
  // Before an unplug memory only came, and before a plug there was less room for it.
  step.look(vm_id, order.function);
  if (span_id !== null) recordSpan(step, order, span_id);
  step.say(
    {
      kind,
      trust: 'agent',
      function: order.function,
      vm_id,
      region_id,
      instance_id: span_id ?? instance_id,
      operation_id: id,
      cause,
      from_bytes,
      to_bytes,
    },
    regions.get(region_id),
    instance_id === null ? undefined : instances.get(instance_id),
  );
  if (span_id !== null && cause === 'close') step.anchors.forget(span_id);
}

/** A span is a holder of its own, from its plug to its end. */
function recordSpan(step: LedgerStep, order: OperationOrder, span_id: string): void {
  const { vm_id, instance_id, cause, to_bytes } = order;
  const region_id = regionOfVm(vm_id, order.region_id);
  const name = { function: order.function, vm_id, region_id, instance_id: span_id };
  const { instances } = step.anchors;
  if (cause === 'open') {
    const of_instance = instance_id === null ? undefined : instances.get(instance_id);
    step.say({ ...name, kind: 'holder', trust: 'agent', baseline_bytes: to_bytes }, of_instance);
  } else {
    step.say({ ...name, kind: 'exit', trust: 'agent' }, instances.get(span_id));
  }
}

/** Whose region it is, where an operation is of a span; null: it is of none. */
function spanIn({
  instance_id,
  span,
}: Pick<OperationOrder, 'instance_id' | 'span'>): string | null {
  if (instance_id === null || span === undefined) return null;
  return spanHolder({ instance_id, name: span });
}

/** A region gets its next holder. */
function hold(step: LedgerStep, action: ActionOf<'start-instance'>): void {
  const { vm_id, spec, instance_id, far } = action;
  const { anchors } = step;
  // Asked for again after a restart: it has it already.
  if (anchors.instances.has(instance_id)) {
    if (step.decided.event.type === 'vm-adopted') return;
  }
  const vm = step.vm(vm_id);
  const instance = step.instance(vm_id, instance_id);
  const request_id = vm && instance ? step.requestOf(vm, instance) : null;
  const baseline_bytes = vm?.regions[action.region_index]?.span?.baseline_bytes;
  const say = (region_name: string, operation_id: string | null): void => {
    const region_id = regionOfVm(vm_id, region_name);
    step.say(
      {
        kind: 'holder',
        trust: 'agent',
        function: spec.name,
        vm_id,
        region_id,
        instance_id,
        ...(operation_id === null ? {} : { operation_id }),
        ...(request_id === null ? {} : { request_id }),
        ...(baseline_bytes === undefined ? {} : { baseline_bytes }),
      },
      anchors.regions.get(region_id) ?? anchors.vms.get(vm_id),
      request_id === null ? undefined : anchors.requests.get(request_id),
    );
  };
  // What follows of the instance is told by its own region, which is noted last.
  if (far) say(far.region_id, vm?.regions[far.region_index]?.operation_id ?? null);
  say(action.region_id, far ? nearOperation(vm, action) : action.operation_id);
}

/** Of an instance with two parts the first operation may be that of its far one. */
const nearOperation = (
  vm: VmState | undefined,
  { region_index }: ActionOf<'start-instance'>,
): string | null => vm?.regions[region_index]?.operation_id ?? null;

/** An invocation gets an instance, and with it all that an earlier one left there. */
function run(
  step: LedgerStep,
  { vm_id, instance_id, request_id }: ActionOf<'invoke-instance'>,
): void {
  const { anchors, decided } = step;
  const { event } = decided;
  const instance = step.instance(vm_id, instance_id);
  const { invocation_id = '' } = instance?.invocation ?? {};
  const is_new = event.type === 'invoke' && event.request_id === request_id;
  const earlier = anchors.runs.get(instance_id);
  const of_request = anchors.requests.get(request_id);
  step.say(
    {
      kind: 'run',
      trust: 'agent',
      function: step.vm(vm_id)?.function ?? '',
      vm_id,
      region_id: step.regionOf(vm_id, instance_id),
      instance_id,
      request_id,
      invocation_id,
      ...(is_new ? { peer: event.peer ?? null } : {}),
      nth: instance?.invocations ?? 1,
      ...(earlier ? { reuse_seq: earlier.seq } : {}),
    },
    anchors.instances.get(instance_id),
    of_request,
  );
}

function refused(step: LedgerStep, { order, failure }: ActionOf<'record-refusal'>): void {
  const { vm_id, instance_id, cause, from_bytes, to_bytes } = order;
  const region_id = regionOfVm(vm_id, order.region_id);
  const bytes = Math.max(0, to_bytes - from_bytes);
  const about = { trust: 'agent', function: order.function, vm_id, region_id } as const;
  const held = step.vm(vm_id)?.regions[order.region_index]?.holder ?? instance_id;
  const holder = spanIn(order) ?? held;
  const what = { instance_id: holder, operation_id: order.id, cause, outcome: 'refused', bytes };
  const { regions, instances } = step.anchors;
  const of_holder = holder === null ? undefined : instances.get(holder);
  step.say(
    { kind: 'denied', ...about, ...what, ...whyOf(failure) },
    regions.get(region_id),
    of_holder,
  );
}

function whyOf(failure: Refusal | null): { code: string | null; reason: string | null } {
  return { code: failure?.code ?? null, reason: told(failure?.message ?? null) };
}

function replied(step: LedgerStep, { request_id, reply }: ActionOf<'reply'>): void {
  if (reply.kind === 'error') {
    const name = nameOf(step, request_id, null);
    const about = { trust: 'agent', function: name, request_id, outcome: 'refused' } as const;
    step.say({ kind: 'denied', ...about, ...whyOf(reply.failure) });
  } else if (reply.kind === 'invoke') answered(step, request_id, reply);
}

function answered(step: LedgerStep, request_id: string, reply: InvokeReply): void {
  const { anchors, decided } = step;
  const { instance_id, invocation_id, outcome, failure, assigned_at_ms } = reply;
  if (instance_id === null || assigned_at_ms === null) {
    const name = nameOf(step, request_id, instance_id);
    const about = { trust: 'agent', function: name, request_id, invocation_id } as const;
    const of_instance = instance_id === null ? undefined : anchors.instances.get(instance_id);
    const where = instance_id === null ? {} : { instance_id };
    const why = { outcome, ...whyOf(failure) };
    const of_request = anchors.requests.get(request_id);
    step.say({ kind: 'denied', ...about, ...where, ...why }, of_request, of_instance);
    return;
  }
  const { code } = whyOf(failure);
  const guest_bytes = reply.result?.anonymous_bytes ?? null;
  const begun = anchors.runs.get(instance_id);
  // A short one that is not written yet is one record, from its beginning to its end.
  if (begun && failure === null && step.causes.length === 0) {
    const ended_at_ms = decided.now_ms;
    if (step.amend(begun.seq, { outcome, code, guest_bytes, ended_at_ms })) return;
  }
  const vm = step.vmOf(instance_id);
  assert(vm, 'what was answered ran in a VM');
  step.say(
    {
      kind: 'done',
      trust: 'agent',
      function: vm.function,
      vm_id: vm.id,
      region_id: step.regionOf(vm.id, instance_id),
      instance_id,
      request_id,
      outcome,
      code,
      guest_bytes,
    },
    begun?.seq,
    anchors.instances.get(instance_id),
  );
}

/** The function of what was asked and got nothing: of its start, its request, its queue, its VM. */
function nameOf(step: LedgerStep, request_id: string, instance_id: string | null): string {
  const { event } = step.decided;
  const vm = instance_id === null ? undefined : step.vmOf(instance_id);
  if (vm) return vm.function;
  if ('request_id' in event && event.request_id === request_id) {
    if (event.type === 'deploy') return event.spec.name;
    if ('function' in event) return event.function;
  }
  const own = 'vm_id' in event ? step.vm(event.vm_id ?? '') : undefined;
  return step.waitedFor(request_id) ?? own?.function ?? '';
}
