/**
 * A host whose VMs and guests answer at once. It plays one workload on a core and keeps the events,
 * so that the same steps can be made again with nothing else between them.
 */
import { PLAIN_SPEC } from '../../agent/model/spec.ts';
import type { Action } from '../../agent/model/actions.ts';
import type { HostEvent } from '../../agent/model/events.ts';
import type { HostState } from '../../agent/model/state.ts';
import { MIB } from '../../base/units.ts';
import { coreBroken } from './errors.ts';
import type { CoreUnderTest } from './core-under-test.ts';
import { BUSY_PER_VM, type Case, REGIONS_PER_VM } from './plan.ts';

export interface RecordedStep {
  readonly event: HostEvent;
  readonly now_ms: number;
}

export interface Recording {
  readonly first: HostState;
  readonly steps: readonly RecordedStep[];
  /** Of all steps together: who makes them again must come to the same number. */
  readonly actions: number;
}

/** Invocations of one recording, each with what follows from it. */
const CYCLES = 120;
const KEEP_ALIVE_MS = 1_000;
/** VMs with an idle instance at one time, before those are stopped. */
const KEPT_ALIVE = 3;
const HOST_BYTES = 2 ** 50;
const STEPS_MAX = 200_000;

/** Throws HP_BENCH_CORE when the core refuses a part of the workload. */
export function record(core: CoreUnderTest, of: Case): Recording {
  const host = new RecordedHost(core);
  for (let vm = 0; vm < of.vms; vm += 1) host.deploy(`f${vm}`);
  host.settle();
  for (let vm = 0; vm < of.vms; vm += 1) {
    for (let count = 0; count < BUSY_PER_VM; count += 1) host.invoke(`f${vm}`, 'held');
    host.settle();
  }
  if (of.kind === 'queue') {
    for (let count = BUSY_PER_VM; count < REGIONS_PER_VM + of.queued; count += 1) {
      host.invoke('f0', 'held');
      if (count < REGIONS_PER_VM) host.settle();
    }
    host.settle();
  }
  host.begin();
  for (let count = 0; count < CYCLES; count += 1) {
    if (of.kind === 'queue') host.finishOldest();
    if (of.kind === 'queue') host.invoke('f0', 'held');
    if (of.kind === 'cycle') for (const _ of ['cold', 'warm']) host.serve(`f${count % of.vms}`);
    host.settle();
    if (count % KEPT_ALIVE === KEPT_ALIVE - 1) host.rest();
  }
  return host.end();
}

class RecordedHost {
  readonly #core: CoreUnderTest;
  #state: HostState;
  #first: HostState;
  #steps: RecordedStep[] = [];
  #actions = 0;
  #made = 0;
  #now_ms = 0;
  #requests = 0;
  #wake_ms: number | null = null;
  #answers: HostEvent[] = [];
  readonly #held = new Set<string>();
  /** Ends of held invocations, oldest first. */
  readonly #ends: HostEvent[] = [];

  constructor(core: CoreUnderTest) {
    this.#core = core;
    this.#state = core.emptyHost(HOST_BYTES, 1, { vms_max: Number.MAX_SAFE_INTEGER });
    this.#first = this.#state;
  }

  deploy(name: string): void {
    this.#send({ type: 'deploy', request_id: this.#request(), spec: specOf(name) });
  }

  /** `held`: it runs until it is the oldest and told to end. */
  invoke(name: string, how: 'held' | 'served'): void {
    const request_id = this.#request();
    if (how === 'held') this.#held.add(request_id);
    const about = { request_id, function: name, invocation_id: request_id };
    this.#send({ type: 'invoke', ...about, timeout_ms: null });
  }

  serve(name: string): void {
    this.invoke(name, 'served');
    this.settle();
  }

  finishOldest(): void {
    const end = this.#ends.shift();
    if (!end) throw coreBroken('no invocation is at work where all regions should be');
    this.#send(end);
  }

  /** Every answer that is due, and what follows from it. */
  settle(): void {
    for (;;) {
      const answer = this.#answers.shift();
      if (answer) this.#send(answer);
      else if (this.#wake_ms !== null && this.#wake_ms <= this.#now_ms)
        this.#send({ type: 'tick' });
      else return;
    }
  }

  /** Nothing comes until every idle instance is too old, stopped and its region empty. */
  rest(): void {
    this.#now_ms += KEEP_ALIVE_MS;
    this.settle();
  }

  /** From here on steps are kept. */
  begin(): void {
    this.#first = this.#state;
    this.#steps = [];
    this.#actions = 0;
  }

  end(): Recording {
    return { first: this.#first, steps: this.#steps, actions: this.#actions };
  }

  #request(): string {
    this.#requests += 1;
    return `q${this.#requests}`;
  }

  #send(event: HostEvent): void {
    this.#made += 1;
    if (this.#made > STEPS_MAX) throw coreBroken(`the host was not quiet after ${STEPS_MAX} steps`);
    this.#now_ms += 1;
    const now_ms = this.#now_ms;
    const { state, actions } = this.#core.step(this.#state, event, now_ms);
    this.#state = state;
    this.#steps.push({ event, now_ms });
    this.#actions += actions.length;
    this.#wake_ms = null;
    for (const action of actions) this.#take(action);
  }

  #take(action: Action): void {
    if (action.type === 'wake') {
      this.#wake_ms = action.at_ms;
    } else if (action.type === 'reply') {
      checkReply(action.reply);
    } else if (action.type === 'invoke-instance' && this.#held.delete(action.request_id)) {
      this.#ends.push(finished(action, this.#now_ms));
    } else {
      const answer = answerTo(action, this.#now_ms);
      if (answer) this.#answers.push(answer);
    }
  }
}

function checkReply(reply: Extract<Action, { type: 'reply' }>['reply']): void {
  const failure = reply.kind === 'error' || reply.kind === 'invoke' ? reply.failure : null;
  if (failure) throw coreBroken(`${failure.code}: ${failure.message}`);
}

/** What a VMM and a guest say that do at once what they are asked for. */
function answerTo(action: Action, now_ms: number): HostEvent | null {
  switch (action.type) {
    case 'launch-vm':
      return { type: 'vm-ready', vm_id: action.vm_id, launched_at_ms: now_ms, facts: FACTS };
    case 'resize-region': {
      const { vm_id, id: operation_id } = action.order;
      const plugged_bytes = targetOf(action.order);
      const told = { accepted: true, plugged_at_ms: now_ms, error_code: null, reason: null };
      return {
        type: 'resized',
        vm_id,
        operation_id,
        result: { outcome: 'done', plugged_bytes, ...told },
      };
    }
    case 'start-instance': {
      const { vm_id, instance_id } = action;
      const times = { created_at_ms: now_ms, sandbox_at_ms: now_ms, attached_at_ms: now_ms };
      const stamps = { ...times, ready_at_ms: now_ms };
      return { type: 'instance-started', vm_id, instance_id, stamps };
    }
    case 'stop-instance': {
      const { vm_id, instance_id } = action;
      return { type: 'instance-stopped', vm_id, instance_id, gone_at_ms: now_ms };
    }
    case 'invoke-instance':
      return finished(action, now_ms);
    default:
      return null;
  }
}

/** Bytes asked for, in the words of this core or of an older one. */
function targetOf(order: { readonly to_bytes?: number; readonly bytes?: number }): number {
  const target_bytes = order.to_bytes ?? order.bytes;
  if (target_bytes === undefined) throw coreBroken('a resize asks for no size');
  return target_bytes;
}

function finished(
  { vm_id, instance_id, request_id }: Extract<Action, { type: 'invoke-instance' }>,
  now_ms: number,
): HostEvent {
  const result = {
    first_byte_at_ms: now_ms,
    finished_at_ms: now_ms,
    guest_wall_ms: 1,
    guest_cpu_ms: 1,
    guest_touch_cpu_ms: null,
    anonymous_bytes: MIB,
    minor_faults: 256,
    function_error: null,
  };
  return { type: 'invocation-finished', vm_id, instance_id, request_id, result };
}

function specOf(name: string): Extract<HostEvent, { type: 'deploy' }>['spec'] {
  return {
    name,
    mechanism: 'hotmem',
    limit_bytes: 128 * MIB,
    concurrency: REGIONS_PER_VM,
    vcpus: 1,
    boot_bytes: 256 * MIB,
    keep_alive_ms: KEEP_ALIVE_MS,
    ...PLAIN_SPEC,
  };
}

const FACTS = {
  guest_kernel: '',
  vmm: '',
  accelerator: '',
  vmm_path: '',
  vmm_pid: 1,
  vmm_command: [],
  kernel_variant: '',
  kernel_key: '',
  series_revision: '',
  rootfs_key: '',
};
