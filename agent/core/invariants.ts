/** What must hold after every step, whatever the guest, the VMM or the callers do. */
import { assert } from '../../base/assert.ts';
import { isHome } from '../model/parts.ts';
import type {
  FunctionState,
  HostState,
  InstanceState,
  RegionState,
  VmState,
} from '../model/state.ts';
import {
  bytesOf,
  isNoBytes,
  lessBytes,
  type Tier,
  type TierBytes,
  tiersIn,
} from '../model/tiers.ts';
import { type Draft, readFunction, readOperation, readVm } from './draft.ts';
import { permitsOf } from './permits.ts';

/** By how much a sum of permits has changed, as it is being counted. */
type Change = Record<Tier, number>;

/** Checks the rows that changed, and the sums. A failure is a bug of the core. */
export function checkStep(draft: Draft): void {
  const { vms, operations, functions } = draft;
  const change: Change = { host: 0 };
  for (let place = 0; place < vms.keys.length; place += 1) {
    const vm = vms.rows[place] ?? null;
    const before = vms.before[place] ?? null;
    if (vm) checkVm(draft, vm, before, change);
    else if (before) addBytes(change, permitsOf(before), -1);
  }
  const told = lessBytes(draft.granted, draft.state.granted);
  assert(isNoBytes(lessBytes(told, change)), 'the sum of permits is the permits in sum');
  for (const operation of operations.rows) {
    if (!operation) continue;
    const region = readVm(draft, operation.vm_id)?.regions[operation.region_index];
    assert(
      region?.operation_id === operation.id,
      'an operation is of the region that waits for it',
    );
  }
  for (const fn of functions.rows) if (fn) checkFunction(draft, fn);
}

/**
 * Checks a whole state that came from elsewhere: what rows say of each other. Throws where they do
 * not agree.
 */
export function checkHost(state: HostState): void {
  for (const { vm_ids, spec } of state.functions.values()) {
    assert(vm_ids.length > 0, `function ${spec.name} has a VM, or the last it had`);
    for (const id of vm_ids) {
      assert(state.vms.get(id)?.function === spec.name, `function ${spec.name} has its VM ${id}`);
    }
  }
  for (const vm of state.vms.values()) {
    const fn = state.functions.get(vm.function);
    assert(fn?.vm_ids.includes(vm.id), `VM ${vm.id} is one of its function`);
    for (const { id, holder, operation_id, permit_bytes, plugged_bytes, of_spans } of vm.regions) {
      assert(permit_bytes >= plugged_bytes, `the permit of ${vm.id}/${id} covers what is plugged`);
      const operation = operation_id === null ? null : state.operations.get(operation_id);
      assert(operation !== undefined, `what is under way in ${vm.id}/${id} has its row`);
      // A span outlives its instance until it is closed.
      const held = holder === null || of_spans || vm.instances.some((one) => one.id === holder);
      assert(held, `the holder of ${vm.id}/${id} is there`);
    }
  }
}

/** Whether what the VM was granted can differ in the permits of its regions alone. */
function haveSameParts(before: VmState, vm: VmState): boolean {
  return before.boot_permit === vm.boot_permit && before.regions.length === vm.regions.length;
}

/** Counts what a VM is granted, or was. */
function addBytes(change: Change, bytes: TierBytes, times: 1 | -1): void {
  for (const tier of tiersIn(bytes)) addTo(change, tier, times * bytesOf(bytes, tier));
}

function addTo(change: Change, tier: Tier, bytes: number): void {
  change[tier] = (change[tier] ?? 0) + bytes;
}

function checkFunction(draft: Draft, fn: FunctionState): void {
  for (const id of fn.vm_ids) {
    assert(readVm(draft, id)?.function === fn.spec.name, 'a function and its VMs agree');
  }
  assert(fn.vm_ids.length > 0, 'a function has a VM, or the last it had');
  const waits = draft.short.length > 0 && draft.short.includes(fn.spec.name);
  assert((fn.short !== null) === waits, 'a function that waits for memory has its place');
}

/**
 * Sums of all its rows; what only a step can break, of those that this one has copied or made. The
 * promise to the host is looked at in every region: it costs little, and a wrong book is found
 * where nothing has changed.
 */
function checkVm(draft: Draft, vm: VmState, before: VmState | null, change: Change): void {
  assert(readFunction(draft, vm.function)?.vm_ids.includes(vm.id), 'a VM is one of its function');
  const same = before !== null && haveSameParts(before, vm);
  if (!same) addBytes(change, permitsOf(vm), 1);
  if (!same && before) addBytes(change, permitsOf(before), -1);
  let held = 0;
  for (const region of vm.regions) {
    const { far_index, holder } = region;
    const is_one = far_index === undefined || vm.regions[far_index]?.holder === holder;
    assert(is_one, 'both parts of an instance have a holder, or none has');
    if (region.holder !== null && isHome(region)) held += 1;
    assert(region.permit_bytes >= region.plugged_bytes, 'a permit covers what is plugged');
    const old = before?.regions[region.index];
    if (region === old) continue;
    checkRegion(draft, region);
    if (!same || !old) continue;
    const more_bytes = region.permit_bytes - old.permit_bytes;
    if (more_bytes !== 0) addTo(change, region.tier, more_bytes);
  }
  assert(held === vm.instances.length, 'every instance has one region of its own');
  for (const instance of vm.instances) {
    // Its other part has the same holder, as was looked at above.
    const region = vm.regions[instance.region_index];
    assert(region?.holder === instance.id, 'an instance and its region agree');
    checkInstance(instance);
  }
  if (vm.phase === 'lost') assert(vm.regions.length === 0, 'a lost VM holds nothing');
}

function checkRegion(draft: Draft, region: RegionState): void {
  const { permit_bytes, target_bytes, operation_id } = region;
  assert(permit_bytes >= target_bytes, 'a permit covers what may be plugged');
  if (operation_id === null) return;
  assert(region.retry_at_ms === null, 'a retry waits only where nothing is under way');
  const operation = readOperation(draft, operation_id);
  assert(operation, 'what is under way in a region has its row');
  assert(permit_bytes >= operation.to_bytes, 'a permit is taken before growth');
  if (region.holder === null) return;
  assert(operation.to_bytes > 0, 'a region in use is never emptied');
}

function checkInstance(instance: InstanceState): void {
  const { phase, invocation, stop_pending, stop_retry_at_ms, gone_at_ms } = instance;
  assert((phase === 'busy') === (invocation !== null), 'busy has an invocation');
  if (phase !== 'stopping') return;
  const waits = stop_pending || stop_retry_at_ms !== null;
  assert(waits || gone_at_ms !== null, 'a stopping instance waits for something');
}
