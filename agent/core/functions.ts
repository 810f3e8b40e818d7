/** Functions: deployed, invoked, removed. */
import { assert } from '../../base/assert.ts';
import type { HostEvent } from '../model/events.ts';
import { whyNoNetwork } from '../model/network.ts';
import { NONE_EXPECTED } from '../model/expected-call.ts';
import { NO_PACE, withCall } from '../model/pace.ts';
import { NO_POOL } from '../model/pool.ts';
import { Queue } from '../model/queue.ts';
import { REFUSALS, type Refusal } from '../model/refusals.ts';
import { NO_TALLY } from '../model/span.ts';
import {
  type FunctionSpec,
  isElastic,
  plugsOnDemand,
  nodesOf,
  regionTier,
  specDifferences,
  startBytes,
  whyNoSpans,
  whyNotElastic,
} from '../model/spec.ts';
import type { FunctionState, QueuedInvocation } from '../model/state.ts';
import {
  bytesOf,
  hostBytes,
  nodeLimits,
  nodeOfTier,
  sumBytes,
  type TierBytes,
  tierBytes,
  tierOf,
  tiersIn,
} from '../model/tiers.ts';
import { dividedTiers, largestParts } from '../model/tiers-spec.ts';
import { refuseTiers } from '../model/two-parts.ts';
import { planUpdate } from '../model/update.ts';
import { NOBODY, functionGone, refuseUpdates, replyDeployed } from './callers.ts';
import { policyOf } from './answering.ts';
import { askAdmit } from './ask.ts';
import { comebackLater, comebackWake, comesAtOnce } from './comeback.ts';
import { cordonedOff } from './cordon.ts';
import { type Draft, editInstance, editVm, editVmsOf, replyError, vmsOf } from './draft.ts';
import { noExpression } from './expected.ts';
import { noteCame } from './expecting.ts';
import { doomInstance } from './instances.ts';
import { refuseInvocation, refuseQueue } from './invocations.ts';
import { expressionChecks, resume, update, whyNotBecome } from './updates.ts';
import { endUndead, endVm, firstVm, launchVm, noteFailure } from './vms.ts';

/** A new function, a repeated Deploy, or a new VM for a function that lost its own. */
export function deploy(
  draft: Draft,
  known: FunctionState | undefined,
  event: Extract<HostEvent, { type: 'deploy' }>,
): void {
  const { request_id, spec } = event;
  if (known && known.phase !== 'lost') return deployAgain(draft, known, event);
  const fields = known ? specDifferences(known.spec, spec) : [];
  if (event.dry_run) return replyError(draft, request_id, REFUSALS.nothingToUpdate(spec.name));
  if (fields.length > 0 && !event.update) {
    return replyError(draft, request_id, REFUSALS.conflict(spec.name, fields));
  }
  const fn = newFunction(spec, known);
  const refused =
    (known && whyNotBecome(draft, known, spec, planUpdate(known.spec, spec))) ??
    whyNever(draft, spec) ??
    launchInstead(draft, fn, known);
  if (refused) return replyError(draft, request_id, refused);
  fn.waiters = { ...NOBODY, deploy: [request_id] };
  draft.functions.set(spec.name, fn);
}

/** No host of this configuration has it, whatever else is there. */
const whyNever = (draft: Draft, spec: FunctionSpec): Refusal | null =>
  noNetwork(draft, spec) ??
  noHostNode(draft, spec) ??
  notElastic(draft, spec) ??
  refuseTiers(spec) ??
  noSpans(spec) ??
  noExpression(spec) ??
  neverFits(draft, spec);

function deployAgain(
  draft: Draft,
  fn: FunctionState,
  event: Extract<HostEvent, { type: 'deploy' }>,
): void {
  const { request_id, spec, dry_run = false } = event;
  const fields = specDifferences(fn.spec, spec);
  if (fields.length > 0 && !event.update) {
    return replyError(draft, request_id, REFUSALS.conflict(spec.name, fields));
  }
  if (isLeaving(fn)) return replyError(draft, request_id, REFUSALS.removing(spec.name));
  if (fn.phase === 'ending') {
    const lost = REFUSALS.vmLost(spec.name, fn.failure, pauseOf(draft, fn));
    return replyError(draft, request_id, lost);
  }
  if (fields.length > 0) {
    const refused = whyNever(draft, spec);
    if (refused) return replyError(draft, request_id, refused);
    return update(draft, fn, { request_id, spec, dry_run });
  }
  if (fn.update && !dry_run) return resume(draft, fn, request_id);
  const vm = firstVm(draft, fn);
  if (vm.phase === 'running') return replyDeployed(draft, fn, vm, { request_id });
  fn.waiters = { ...fn.waiters, deploy: [...fn.waiters.deploy, request_id] };
}

const isAlike = (a: FunctionSpec, b: FunctionSpec): boolean => specDifferences(a, b).length === 0;

function newFunction(spec: FunctionSpec, known: FunctionState | undefined): FunctionState {
  return {
    spec,
    revision: (known?.revision ?? 0) + (known && isAlike(known.spec, spec) ? 0 : 1),
    update: null,
    phase: 'deploying',
    queue: known?.queue ?? Queue.empty(),
    next_sequence: known?.next_sequence ?? 1,
    vm_ids: [],
    waiters: NOBODY,
    forget: false,
    failure: null,
    comeback: known?.comeback ?? null,
    last_failure: known?.last_failure ?? null,
    remove_by_ms: null,
    elastic: known?.elastic ?? (isElastic(spec) ? NO_TALLY : null),
    expression: expressionChecks(known, spec),
    ...(known?.named_spans && { named_spans: known.named_spans }),
    reclaim: known?.reclaim ?? null,
    targets: known?.targets ?? null,
    pace: known?.pace ?? NO_PACE,
    pool: known?.pool ?? NO_POOL,
    expected: known?.expected ?? NONE_EXPECTED,
    short: null,
    wake_at_ms: null,
  };
}

/** The first VM; the lost one that Status still showed gives way to it. */
function launchInstead(
  draft: Draft,
  fn: FunctionState,
  known: FunctionState | undefined,
): Refusal | null {
  const lost = known?.vm_ids ?? [];
  const refused = launchVm(draft, fn, lost.length);
  if (!refused) for (const id of lost) draft.vms.set(id, null);
  return refused;
}

/**
 * One that lost its last VM gets another when that is due: after a fault, after a drain of the
 * host, after a start of it. Where it cannot have one now it says why, once, and tries again.
 */
export function comeBack(draft: Draft, fn: FunctionState): void {
  if (fn.phase !== 'lost') return;
  const due_ms = comebackWake(draft, fn);
  if (due_ms !== null && due_ms <= draft.now_ms && launchAgain(draft, fn)) return;
  const lost = REFUSALS.vmLost(fn.spec.name, fn.failure, pauseOf(draft, fn));
  refuseQueue(draft, fn, 'refused', lost);
}

function launchAgain(draft: Draft, fn: FunctionState): boolean {
  const fresh = newFunction(fn.spec, fn);
  const refused = launchInstead(draft, fresh, fn);
  if (!refused) {
    Object.assign(fn, fresh);
    return true;
  }
  fn.comeback = comebackLater(draft, fn);
  if (fn.failure?.code === refused.code) return false;
  const [lost] = vmsOf(draft, fn);
  assert(lost, 'a lost function has the last VM it had');
  fn.failure = refused;
  noteFailure(draft, fn, lost, refused);
  const { code, message } = refused;
  const about = { function: fn.spec.name, vm_id: lost.id };
  draft.actions.push({ type: 'report', level: 'error', code, message, ...about });
  return false;
}

/** Until it gets another VM; null: that is not known. */
function pauseOf(draft: Draft, fn: FunctionState): number | null {
  const due_ms = comebackWake(draft, fn);
  return due_ms === null ? null : Math.max(0, due_ms - draft.now_ms);
}

/** A network that the configuration does not give. */
function noNetwork({ config }: Draft, spec: FunctionSpec): Refusal | null {
  const why = whyNoNetwork(spec, config.bridges);
  return why === null ? null : REFUSALS.noNetwork(spec.name, [why]);
}

/** Sizes that this host's policy, or the function's own mechanism, cannot give. */
function notElastic({ policy }: Draft, spec: FunctionSpec): Refusal | null {
  if (!isElastic(spec)) return null;
  const why = policy.elastic
    ? whyNotElastic(spec)
    : `policy '${policy.name}' of this agent gives an instance one size`;
  return why === null ? null : REFUSALS.notElastic(spec.name, why);
}

/** Spans that its mechanism, or its program, cannot have. */
function noSpans(spec: FunctionSpec): Refusal | null {
  const why = whyNoSpans(spec);
  return why === null ? null : REFUSALS.noSpans(spec.name, why);
}

/** A node that this agent has no budget for. */
function noHostNode(draft: Draft, spec: FunctionSpec): Refusal | null {
  const { capacity } = draft.state;
  const lacking = nodesOf(spec).find((node) => bytesOf(capacity, tierOf(node)) === 0);
  return lacking === undefined
    ? null
    : REFUSALS.noHostNode(spec.name, lacking, nodeLimits(capacity));
}

/**
 * What no waiting helps: a VM with one instance, as it starts, is more than the host, empty, may
 * give. That it could not grow to its limit here is told when it wants to.
 */
function neverFits(draft: Draft, spec: FunctionSpec): Refusal | null {
  const { vmm_overhead_bytes, host_cpus } = draft.config;
  const { capacity } = draft.state;
  if (host_cpus !== null && spec.vcpus > host_cpus) {
    return REFUSALS.tooManyVcpus(spec.vcpus, host_cpus);
  }
  const regions = plugsOnDemand(spec) ? 1 : spec.concurrency;
  const region_bytes = startBytes(spec);
  const tier = regionTier(spec);
  const boot_bytes = spec.boot_bytes + vmm_overhead_bytes;
  const needed = sumBytes(hostBytes(boot_bytes), startParts(spec, regions * region_bytes));
  const lacking = tiersIn(needed).find((one) => bytesOf(needed, one) > bytesOf(capacity, one));
  if (lacking === undefined) return null;
  const needed_bytes = bytesOf(needed, lacking);
  const limit_bytes = bytesOf(capacity, lacking);
  const sizes = { needed_bytes, vmm_overhead_bytes, limit_bytes, region_bytes };
  if (tier !== 'host' || lacking !== 'host') {
    return REFUSALS.neverFitsNodes(spec.name, nodeOfTier(lacking), sizes);
  }
  const here_bytes = (needed_bytes - boot_bytes) / regions;
  return REFUSALS.neverFits(spec, regions, { ...sizes, region_bytes: here_bytes });
}

/** What of the regions is of which tier, at most. */
function startParts(spec: FunctionSpec, bytes: number): TierBytes {
  const tiers = dividedTiers(spec);
  if (!tiers) return tierBytes(regionTier(spec), bytes);
  const { near_bytes, far_bytes } = largestParts(bytes, tiers);
  const far = tierBytes(tierOf(tiers.far_node), far_bytes);
  return sumBytes(tierBytes(regionTier(spec), near_bytes), far);
}

/** Waiting invocations are refused, running ones may end within `drain_ms`. */
export function remove(
  draft: Draft,
  fn: FunctionState,
  request_id: string,
  drain_ms: number,
): void {
  fn.waiters = { ...fn.waiters, remove: [...fn.waiters.remove, request_id] };
  if (fn.phase === 'lost') return functionGone(draft, fn);
  endUndead(draft, fn);
  if (fn.phase === 'ending') {
    return refuseQueue(draft, fn, 'refused', REFUSALS.removing(fn.spec.name));
  }
  const by_ms = draft.now_ms + drain_ms;
  fn.remove_by_ms = Math.min(fn.remove_by_ms ?? by_ms, by_ms);
  if (fn.phase === 'removing') return;
  fn.phase = 'removing';
  const removing = REFUSALS.removing(fn.spec.name);
  refuseUpdates(draft, fn, removing);
  refuseQueue(draft, fn, 'refused', removing);
  for (const vm of editVmsOf(draft, fn)) {
    if (vm.phase !== 'running') endVm(draft, fn, vm, null);
    for (const instance of vm.instances) {
      if (instance.phase !== 'starting') continue;
      doomInstance(draft, fn, vm, editInstance(draft, vm, instance), removing);
    }
  }
}

/** It waits for an instance, or is refused at once. */
export function invoke(
  draft: Draft,
  fn: FunctionState,
  event: Extract<HostEvent, { type: 'invoke' }>,
): void {
  const { request_id, invocation_id, timeout_ms } = event;
  const received_at_ms = draft.now_ms;
  const sequence = fn.next_sequence;
  const about = { request_id, invocation_id, sequence, timeout_ms, received_at_ms };
  const invocation = withExtras(about, event);
  noteCame(fn, event.expected);
  fn.next_sequence += 1;
  const refused = whyNot(draft, fn, invocation);
  if (refused) return refuseInvocation(draft, invocation, 'refused', refused);
  fn.pace = withCall(fn.pace, received_at_ms, isAtRest(draft, fn));
  fn.queue = fn.queue.push(invocation);
  draft.arrived = invocation;
}

/** The same with what few callers say. */
function withExtras(
  about: QueuedInvocation,
  { key, memory, deadline_at_ms }: Extract<HostEvent, { type: 'invoke' }>,
): QueuedInvocation {
  if (!key && !memory && deadline_at_ms === undefined) return about;
  return {
    ...about,
    ...(key ? { key } : {}),
    ...(memory ? { memory } : {}),
    ...(deadline_at_ms === undefined ? {} : { deadline_at_ms }),
  };
}

/** Nothing of it runs, and nobody waits. */
function isAtRest(draft: Draft, fn: FunctionState): boolean {
  if (fn.queue.length > 0) return false;
  return vmsOf(draft, fn).every(({ instances }) =>
    instances.every(({ phase }) => phase !== 'busy'),
  );
}

/** Nothing of it is to stay. */
function isLeaving({ phase, forget, waiters }: FunctionState): boolean {
  return phase === 'removing' || (phase === 'ending' && (forget || waiters.remove.length > 0));
}

function whyNot(draft: Draft, fn: FunctionState, invocation: QueuedInvocation): Refusal | null {
  const { name } = fn.spec;
  const { queue_length_max } = draft.config;
  if (isLeaving(fn)) return REFUSALS.removing(name);
  const cordoned = cordonedOff(draft, fn);
  if (cordoned) return cordoned;
  const is_gone = fn.phase === 'lost' || (fn.phase === 'ending' && !comesAtOnce(draft, fn));
  if (is_gone) return REFUSALS.vmLost(name, fn.failure, pauseOf(draft, fn));
  const silent_since_ms = silentSince(draft, fn);
  if (silent_since_ms !== null) {
    return REFUSALS.unresponsive(name, draft.now_ms - silent_since_ms);
  }
  if (fn.queue.length >= queue_length_max) return REFUSALS.queueFull(name, queue_length_max);
  const answer = askAdmit(draft, fn, invocation);
  return answer.admit ? null : REFUSALS.notAdmitted(name, policyOf(draft, fn).name, answer.reason);
}

/** Since when none of its guests answers; null while one does, or none is there yet. */
function silentSince(draft: Draft, fn: FunctionState): number | null {
  let since_ms: number | null = null;
  for (const { phase, unresponsive_since_ms, retiring } of vmsOf(draft, fn)) {
    // One takes the place of a VM that retires, and is waited for.
    if (phase !== 'running' || retiring) continue;
    if (unresponsive_since_ms === null) return null;
    since_ms = Math.max(since_ms ?? 0, unresponsive_since_ms);
  }
  return since_ms;
}

/** The caller of an invocation went away: it waits no longer, or ends with its instance. */
export function cancel(draft: Draft, fn: FunctionState, request_id: string): void {
  for (const invocation of fn.queue) {
    if (invocation.request_id !== request_id) continue;
    fn.queue = fn.queue.without(invocation);
    return refuseInvocation(draft, invocation, 'refused', REFUSALS.cancelled());
  }
  for (const { id, instances } of vmsOf(draft, fn)) {
    const found = instances.find(({ invocation }) => invocation?.request_id === request_id);
    const vm = found && editVm(draft, id);
    if (!vm) continue;
    // What its program does meanwhile is not known: no other caller gets it.
    return doomInstance(draft, fn, vm, editInstance(draft, vm, found), REFUSALS.cancelled());
  }
}
