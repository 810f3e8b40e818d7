/** Why an instance has the memory it has, from the book alone: nobody is asked. */
import { GIB } from '../../base/units.ts';
import { grantedBytes } from '../core/permits.ts';
import { type ExpressionLedger, medianError } from '../model/expression-ledger.ts';
import { errorOf } from '../model/failure.ts';
import { partsAt } from '../model/parts.ts';
import { REFUSALS } from '../model/refusals.ts';
import type {
  ExplainResponse,
  ExpressionStatus,
  InstanceTiers,
  MemoryStatus,
  SpanStatus,
} from '../model/span-messages.ts';
import { aboveByteMs } from '../model/span.ts';
import { isElastic, regionBytes } from '../model/spec.ts';
import {
  type FunctionState,
  type HostState,
  type InstanceState,
  type RegionState,
  vmSpec,
  type VmState,
} from '../model/state.ts';
import { becauseOf } from '../model/tier-share.ts';
import { bytesOf, nodeOfTier, type Tier, totalBytes } from '../model/tiers.ts';

interface Next {
  readonly next: string;
  readonly next_at_ms: number | null;
}

/** Throws HP_AGENT_NO_INSTANCE. */
export function explain(
  state: HostState,
  instance_id: string,
  about: { /** The agent's own. */ readonly policy: string; readonly now_ms: number },
): ExplainResponse {
  for (const vm of state.vms.values()) {
    const instance = vm.instances.find(({ id }) => id === instance_id);
    const region = instance && vm.regions[instance.region_index];
    const fn = state.functions.get(vm.function);
    if (!instance || !region || !fn) continue;
    const { span, used_bytes } = region;
    const parts = partsAt(vm.regions, region.index);
    const sum = (of: (part: RegionState) => number): number =>
      parts.reduce((total, part) => total + of(part), 0);
    return {
      ...about,
      policy: fn.targets?.values.policy ?? about.policy,
      instance_id,
      function: vm.function,
      vm_id: vm.id,
      region_id: region.id,
      phase: instance.phase,
      started_for: instance.started_for?.what ?? null,
      started_because: instance.started_for?.because ?? null,
      started_at_ms: instance.decided_at_ms ?? null,
      because: span?.because ?? null,
      baseline_bytes: span?.baseline_bytes ?? null,
      target_bytes: sum((part) => part.target_bytes),
      plugged_bytes: sum((part) => part.plugged_bytes),
      max_bytes: regionBytes(vmSpec(fn, vm)),
      permit_bytes: sum((part) => part.permit_bytes),
      free_bytes: leftBytes(state, region.tier),
      host_node: nodeOfTier(region.tier),
      used_bytes,
      free_tail_bytes: span?.free_tail_bytes ?? null,
      want_bytes: span?.want?.bytes ?? null,
      wanted_at_ms: span?.want?.since_ms ?? null,
      changes: [...(span?.changes ?? [])],
      expected_bytes: instance.sized?.expected_bytes ?? null,
      peak_bytes: instance.sized?.peak_bytes || null,
      spans: spansOf(vm, instance_id),
      tiers: tiersOf(state, instance, parts),
      ...nextOf(state, fn, vm, region),
    };
  }
  throw errorOf(REFUSALS.noInstance(instance_id));
}

/** Of a node its own budget; else of the whole host's. */
function leftBytes(state: HostState, tier: Tier): number {
  const { capacity, granted } = state;
  return tier === 'host'
    ? Math.max(0, totalBytes(capacity) - grantedBytes(state))
    : Math.max(0, bytesOf(capacity, tier) - bytesOf(granted, tier));
}

function spansOf({ regions }: VmState, instance_id: string): SpanStatus[] {
  return regions.flatMap(({ id: region_id, named, plugged_bytes, permit_bytes }) => {
    if (named?.instance_id !== instance_id) return [];
    const { name, bytes, asked_at_ms, opened_at_ms, deny_at_ms } = named;
    const about = { plugged_bytes, permit_bytes, asked_at_ms, opened_at_ms, deny_at_ms };
    return [{ name, region_id, bytes, ...about }];
  });
}

/** Null: it has one region. */
function tiersOf(
  { operations }: HostState,
  { parts }: InstanceState,
  [near, far]: readonly RegionState[],
): InstanceTiers | null {
  if (!parts || !near || !far) return null;
  const { near_bytes, far_bytes, chosen, moved } = parts;
  return {
    region_id: far.id,
    host_node: nodeOfTier(far.tier) ?? 0,
    near_bytes,
    far_bytes,
    near_plugged_bytes: near.plugged_bytes,
    far_plugged_bytes: far.plugged_bytes,
    share: chosen?.share ?? null,
    because: chosen && becauseOf(chosen),
    moved_at_ms: moved?.at_ms ?? null,
    gains: gainingIn({ operations }, near, far),
  };
}

function nextOf(state: HostState, fn: FunctionState, vm: VmState, region: RegionState): Next {
  const { operation_id, span, hold_until_ms } = region;
  if (state.cordon?.drains) {
    const { message } = REFUSALS.hostCordoned(state.cordon);
    return { next: `it ends with what it runs (${message})`, next_at_ms: null };
  }
  const moving = movingIn(state, partsAt(vm.regions, region.index));
  if (moving) return { next: `unused memory changes its tier (${moving})`, next_at_ms: null };
  if (!isElastic(vmSpec(fn, vm))) return { next: 'nothing: it has one size', next_at_ms: null };
  const operation = operation_id === null ? undefined : state.operations.get(operation_id);
  const want = span?.want;
  if (want && operation?.cause !== 'grow') {
    const why = want.why ? ` (${want.why.message})` : '';
    return { next: `it waits for growth${why}, and is denied then`, next_at_ms: want.deny_at_ms };
  }
  if (operation) return { next: `a ${operation.cause} is under way`, next_at_ms: null };
  if (hold_until_ms !== null) {
    return { next: 'another size is tried after a pause', next_at_ms: hold_until_ms };
  }
  if (vm.size_at_ms !== null) {
    return { next: 'the policy is asked again: it may give back', next_at_ms: vm.size_at_ms };
  }
  return { next: 'nothing before its use changes', next_at_ms: null };
}

const causeIn = ({ operations }: Pick<HostState, 'operations'>, { operation_id }: RegionState) =>
  operation_id === null ? undefined : operations.get(operation_id)?.cause;

function gainingIn(state: Pick<HostState, 'operations'>, near: RegionState, far: RegionState) {
  if (causeIn(state, near) === 'gain') return 'near';
  return causeIn(state, far) === 'gain' ? 'far' : null;
}

/** Which part gains, or cedes; null: none does. */
function movingIn(state: HostState, parts: readonly RegionState[]): string | null {
  for (const region of parts) {
    const cause = causeIn(state, region);
    if (cause === 'gain') return `${region.id} gains`;
    if (cause === 'cede') return `${region.id} cedes`;
  }
  return null;
}

/** Null: its instances have one size. */
export function memoryStatus(
  fn: FunctionState,
  vms: readonly VmState[],
  now_ms: number,
): MemoryStatus | null {
  const memory = elasticMemory(fn, vms, now_ms);
  return (
    memory && { ...memory, expression: fn.expression ? expressionStatus(fn.expression) : null }
  );
}

/** The same without what its expression came to. What is above the baseline counts until now. */
export function elasticMemory(
  fn: FunctionState,
  vms: readonly VmState[],
  now_ms: number,
): Omit<MemoryStatus, 'expression'> | null {
  if (!fn.elastic) return null;
  const held = { baseline_bytes: 0, plugged_bytes: 0, max_bytes: 0, instances: 0, waiting: 0 };
  const { above_byte_ms: metered, ...counts } = fn.elastic;
  let above_byte_ms = metered;
  for (const vm of vms) {
    const max_bytes = regionBytes(vmSpec(fn, vm));
    for (const { span, plugged_bytes } of vm.regions) {
      if (!span) continue;
      held.baseline_bytes += span.baseline_bytes;
      held.plugged_bytes += plugged_bytes;
      held.max_bytes += max_bytes;
      held.instances += 1;
      held.waiting += span.want ? 1 : 0;
      above_byte_ms += aboveByteMs(span, plugged_bytes, now_ms);
    }
  }
  return { ...held, ...counts, above_gib_s: above_byte_ms / GIB / 1_000 };
}

function expressionStatus(ledger: ExpressionLedger): ExpressionStatus {
  const { distrusted, ...counts } = ledger;
  return {
    ...counts,
    median_error: medianError(ledger),
    distrusted_because: distrusted?.because ?? null,
    distrusted_at_ms: distrusted?.since_ms ?? null,
  };
}
