/**
 * Giving way: what gives memory back to the host now, and who can be made to. First what is plugged
 * ahead of starts, then idle instances, the one idle for the longest first, whatever function they
 * are of.
 */
import { assert } from '../../base/assert.ts';
import { finalBytes } from '../model/operation-queue.ts';
import { kindOf } from '../model/operations.ts';
import { partsAt } from '../model/parts.ts';
import { isPressed } from '../model/pressure.ts';
import { plugsOnDemand } from '../model/spec.ts';
import { type FunctionState, type RegionState, vmSpec, type VmState } from '../model/state.ts';
import { bytesOf, type Tier, totalBytes } from '../model/tiers.ts';
import { memoryOf, remember } from './answering.ts';
import { recordGiveWay } from './ask.ts';
import { spareIdle } from './bounds.ts';
import { mayEmpty } from './devices.ts';
import {
  type Draft,
  editFunction,
  editInstance,
  editRegion,
  editVm,
  readFunction,
  readVm,
  vmsOf,
} from './draft.ts';
import { stopInstance } from './instances.ts';
import { empty } from './operations.ts';
import { freeBytes, permitsOf } from './permits.ts';
import { noteIdleEnd, restPool } from './pool.ts';
import type { Yielding } from './policy.ts';
import { isFree } from './regions.ts';

/**
 * Permits of a tier, or of all (null), that come back when what is under way ends well: unplugs,
 * stops, ends of VMs.
 */
export function comingBytes(draft: Draft, tier: Tier | null): number {
  let bytes = 0;
  for (const operation of draft.operations.all()) {
    if (kindOf(operation) !== 'unplug') continue;
    const vm = readVm(draft, operation.vm_id);
    const region = vm?.regions[operation.region_index];
    if (!vm || !region || isStopping(vm, region) || !isOf(tier, region)) continue;
    bytes += Math.max(0, region.permit_bytes - finalBytes(operation));
  }
  for (const vm of draft.vms.all()) bytes += comingOf(draft, vm, tier);
  return bytes;
}

const isOf = (tier: Tier | null, region: Pick<RegionState, 'tier'>): boolean =>
  tier === null || region.tier === tier;

/** All of the region comes back with its instance, whatever is under way in it. */
function isStopping({ instances, regions }: VmState, { index }: RegionState): boolean {
  return instances.some(({ phase, region_index }) => {
    if (phase !== 'stopping') return false;
    return region_index === index || regions[region_index]?.far_index === index;
  });
}

function comingOf(draft: Draft, vm: VmState, tier: Tier | null): number {
  if (vm.phase === 'ending') {
    if (vm.failure?.code === 'HP_AGENT_VM_UNDEAD') return 0;
    const permits = permitsOf(vm);
    return tier === null ? totalBytes(permits) : bytesOf(permits, tier);
  }
  if (!vm.instances.some(({ phase }) => phase === 'stopping') || !givesBack(draft, vm)) return 0;
  let bytes = 0;
  for (const { phase, region_index } of vm.instances) {
    if (phase === 'stopping') bytes += permitsIn(vm, region_index, tier);
  }
  return bytes;
}

/** What an instance has of a tier, or of all (null). */
function permitsIn({ regions }: VmState, region_index: number, tier: Tier | null): number {
  let bytes = 0;
  for (const part of partsAt(regions, region_index)) {
    if (isOf(tier, part)) bytes += part.permit_bytes;
  }
  return bytes;
}

/** Whether an instance that ends in it gives memory back. */
function givesBack(draft: Draft, vm: VmState): boolean {
  const fn = readFunction(draft, vm.function);
  return fn !== undefined && plugsOnDemand(vmSpec(fn, vm));
}

/** Bytes of a tier that are wanted back: less than `least_bytes` helps nobody. */
export interface Room {
  readonly tier: Tier;
  readonly least_bytes: number;
  readonly wanted_bytes: number;
}

/** Has others give way to a function; what will come back for it, 0 where it would not help. */
export function makeRoom(draft: Draft, fn: FunctionState, room: Room): number {
  if (room.wanted_bytes <= 0) return 0;
  const ready = readyRegions(draft, fn, room.tier);
  const idle = idleInstances(draft, fn, room.tier);
  const most_bytes = [...ready, ...idle].reduce((sum, { bytes }) => sum + bytes, 0);
  if (most_bytes === 0 || most_bytes < room.least_bytes) return 0;
  let bytes = 0;
  for (const one of ready) {
    if (bytes >= room.wanted_bytes) return bytes;
    takeBack(draft, one, fn);
    bytes += one.bytes;
  }
  for (const one of idle) {
    if (bytes >= room.wanted_bytes) return bytes;
    stopIdle(draft, one, fn);
    bytes += one.bytes;
  }
  return bytes;
}

/** Somebody who runs waits for so much more than is free: what others can give comes back. */
export function makeRoomToGrow(
  draft: Draft,
  fn: FunctionState,
  tier: Tier,
  more_bytes: number,
): void {
  if (draft.config.memory_wait_ms === 0) return;
  const wanted_bytes = more_bytes - freeBytes(draft, tier) - comingBytes(draft, tier);
  makeRoom(draft, fn, { tier, least_bytes: wanted_bytes, wanted_bytes });
}

/** What was given back to the host. */
export interface GivenBack {
  readonly regions: number;
  readonly instances: number;
  readonly bytes: number;
}

/** Empties all that is plugged ahead of starts, then ends idle instances for so many bytes. */
export function giveBack(draft: Draft, wanted_bytes: number): GivenBack {
  const back = { regions: 0, instances: 0, bytes: 0 };
  for (const one of readyRegions(draft, null, null)) {
    takeBack(draft, one, null);
    back.regions += 1;
    back.bytes += one.bytes;
  }
  if (back.bytes >= wanted_bytes) return back;
  for (const one of idleInstances(draft, null, null)) {
    if (back.bytes >= wanted_bytes) break;
    stopIdle(draft, one, null);
    back.instances += 1;
    back.bytes += one.bytes;
  }
  return back;
}

interface Ready {
  readonly vm_id: string;
  readonly region_index: number;
  readonly bytes: number;
}

/** VMs of others, or of all (null), in which something can give way. */
function* othersOf(draft: Draft, fn: FunctionState | null): Generator<VmState, undefined> {
  for (const vm of draft.vms.all()) {
    if (vm.phase !== 'running' || vm.function === fn?.spec.name || !givesBack(draft, vm)) continue;
    if (vm.unresponsive_since_ms === null) yield vm;
  }
}

function readyRegions(draft: Draft, fn: FunctionState | null, tier: Tier | null): Ready[] {
  const found: Ready[] = [];
  for (const vm of othersOf(draft, fn)) {
    if (!vm.made_ready) continue;
    for (const region of vm.regions) {
      if (!region.ready || !isFree(region) || !isOf(tier, region)) continue;
      if (!mayEmpty(draft, vm, region)) continue;
      found.push({ vm_id: vm.id, region_index: region.index, bytes: region.permit_bytes });
    }
  }
  return found;
}

/** As the policy has them give way; those it does not name stay. */
function idleInstances(
  draft: Draft,
  fn: FunctionState | null,
  tier: Tier | null,
): readonly Yielding[] {
  const found: Yielding[] = [];
  for (const vm of othersOf(draft, fn)) {
    if (!vm.instances.some(({ phase }) => phase === 'idle')) continue;
    for (const { id, phase, region_index, idle_since_ms } of vm.instances) {
      const bytes = phase === 'idle' ? permitsIn(vm, region_index, tier) : 0;
      if (bytes === 0) continue;
      const about = { function: vm.function, vm_id: vm.id, instance_id: id };
      found.push({ ...about, idle_since_ms, bytes });
    }
  }
  found.sort(
    (a, b) => a.idle_since_ms - b.idle_since_ms || (a.instance_id < b.instance_id ? -1 : 1),
  );
  const { giveWay } = draft.policy;
  if (!giveWay || found.length === 0) return withoutKept(draft, found);
  const { now_ms, policy } = draft;
  const memory = memoryOf(draft, policy);
  const known = new Set(found);
  const named = new Set(giveWay(found, { now_ms, memory }));
  return withoutKept(
    draft,
    [...named].filter((one) => known.has(one)),
  );
}

/** Those that a function is to keep stay, as long as it could start others in their place. */
function withoutKept(draft: Draft, all: readonly Yielding[]): readonly Yielding[] {
  if (isPressed(draft.pressure, 'starts')) return all;
  const spare = new Map<string, number>();
  return all.filter(({ function: name }) => {
    const fn = readFunction(draft, name);
    const left = spare.get(name) ?? (fn ? spareIdle(draft, fn) : 0);
    spare.set(name, left - 1);
    return left > 0;
  });
}

/** `taker`: the function that needs its memory; null: the host does. */
function stopIdle(draft: Draft, one: Yielding, taker: FunctionState | null): void {
  const vm = editVm(draft, one.vm_id);
  const instance = vm?.instances.find(({ id }) => id === one.instance_id);
  assert(vm && instance?.phase === 'idle', 'what gives way is there, and idle');
  const fn = editFunction(draft, one.function);
  if (fn) {
    noteIdleEnd(fn, instance);
    const region = vm.regions[instance.region_index];
    recordGiveWay(draft, fn, { vm_id: vm.id, region, rung: 'warm', taker });
  }
  stopInstance(draft, vm, editInstance(draft, vm, instance));
  const { policy } = draft;
  const { gaveWay } = policy;
  if (!gaveWay) return;
  remember(draft, policy, gaveWay(memoryOf(draft, policy), one, liveOf(draft, one.function)));
}

/** Instances of a function that do not end. */
function liveOf(draft: Draft, name: string): number {
  const fn = readFunction(draft, name);
  let live = 0;
  for (const { instances } of fn ? vmsOf(draft, fn) : []) {
    for (const { phase } of instances) if (phase !== 'stopping') live += 1;
  }
  return live;
}

function takeBack(draft: Draft, { vm_id, region_index }: Ready, taker: FunctionState | null): void {
  const vm = editVm(draft, vm_id);
  const fn = vm && editFunction(draft, vm.function);
  assert(vm && fn, 'what gives way is there');
  const region = editRegion(draft, vm, region_index);
  restPool(draft, fn);
  recordGiveWay(draft, fn, { vm_id, region, rung: 'plugged', taker });
  empty(draft, { fn, vm, region, cause: 'pressure', instance: null });
}
