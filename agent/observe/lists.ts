/**
 * Lists of the state's rows, a page at a time. Rows come in the order of a key that never changes,
 * and a page token is the key of the last row told: what comes and goes meanwhile moves no other
 * row to another page. Pure.
 */
import { holderParts } from '../model/named-span.ts';
import type { HotplaneError } from '../../base/errors.ts';
import { AGENT_LIMITS } from '../limits.ts';
import { regionPermitBytes } from '../core/permits.ts';
import { agentError } from '../model/errors.ts';
import type {
  FunctionRow,
  InstanceRow,
  ListRequest,
  OperationRow,
  RegionRow,
  VmRow,
} from '../model/list-messages.ts';
import { kindOf } from '../model/operations.ts';
import { partsAt } from '../model/parts.ts';
import { instanceAddress } from '../model/network.ts';
import type { HostState, RegionState, VmState } from '../model/state.ts';
import { nodeOfTier, totalBytes } from '../model/tiers.ts';

export interface Page<Row> {
  readonly rows: readonly Row[];
  readonly next_page_token: string | null;
}

/** A row that may be told: it is made only where it is. */
interface Found<Row> {
  readonly key: string;
  readonly function: string;
  readonly vm_id: string | null;
  readonly state: string;
  readonly row: () => Row;
}

/** Key after key, from the first one after `after`. */
type Rows<Row> = (state: HostState, after: string) => Iterable<Found<Row>>;

/** Throws HP_AGENT_BAD_REQUEST for a token of another list. */
function lister<Row>(token: RegExp, rows: Rows<Row>) {
  return (state: HostState, request: ListRequest): Page<Row> => {
    const { page_token, page_size } = request;
    if (page_token !== null && !token.test(page_token)) throw badToken();
    const most = Math.min(page_size || AGENT_LIMITS.page_rows, AGENT_LIMITS.page_rows);
    return pageOf(rows(state, page_token ?? ''), request, most);
  };
}

function pageOf<Row>(found: Iterable<Found<Row>>, request: ListRequest, most: number): Page<Row> {
  const rows: Row[] = [];
  let looked = 0;
  let last = '';
  for (const one of found) {
    if (rows.length >= most || looked >= AGENT_LIMITS.page_looks) {
      return { rows, next_page_token: last };
    }
    looked += 1;
    last = one.key;
    if (isWanted(one, request)) rows.push(one.row());
  }
  return { rows, next_page_token: null };
}

function isWanted(one: Found<unknown>, request: ListRequest): boolean {
  return (
    (request.function === null || request.function === one.function) &&
    (request.vm_id === null || request.vm_id === one.vm_id) &&
    (request.state === null || request.state === one.state)
  );
}

const NAME = /^[a-z0-9-]+$/;
const NUMBER_DIGITS = 16;
const ID = /^\d{16}$/;
const PLACE = /^\d{16}\.\d{16}$/;

const padded = (value: number): string => String(value).padStart(NUMBER_DIGITS, '0');

/** `vm12` as text that sorts like its number: ids count up. */
const idKey = (id: string): string => padded(Number(/\d+$/.exec(id)?.[0] ?? 0));

const byKey = (a: { readonly key: string }, b: { readonly key: string }): number =>
  a.key < b.key ? -1 : 1;

export const listFunctions = lister<FunctionRow>(NAME, function* (state, after) {
  const names = [...state.functions.keys()].filter((name) => name > after).toSorted();
  for (const name of names) {
    const fn = state.functions.get(name);
    if (!fn) continue;
    const row = (): FunctionRow => {
      const vms = fn.vm_ids.flatMap((id) => state.vms.get(id) ?? []);
      const sum = (part: (vm: VmState) => number): number =>
        vms.reduce((total, vm) => total + part(vm), 0);
      const { spec } = fn;
      return {
        function: name,
        state: fn.phase,
        mechanism: spec.mechanism,
        limit_bytes: spec.limit_bytes,
        concurrency: spec.concurrency,
        vms: vms.length,
        vms_max: spec.max_vms,
        instances: sum(({ instances }) => instances.length),
        invocations_queued: fn.queue.length,
        permits_bytes: sum(regionPermitBytes),
        boot_bytes: sum(({ boot_permit }) => totalBytes(boot_permit)),
        last_error_code: fn.last_failure?.failure.code ?? null,
        revision: fn.revision,
      };
    };
    yield { key: name, function: name, vm_id: null, state: fn.phase, row };
  }
});

function vmState({ phase, retiring, outdated, unresponsive_since_ms }: VmState): string {
  if (phase !== 'running') return phase;
  if (retiring) return retiring.failure ? 'quarantined' : 'draining';
  if (unresponsive_since_ms !== null) return 'unresponsive';
  return outdated ? 'outdated' : 'running';
}

/** From the one on whose key `after` begins with, so that rows inside of it can be gone on with. */
function vmsFrom(state: HostState, after: string): { key: string; vm: VmState }[] {
  const first = after.slice(0, NUMBER_DIGITS);
  return [...state.vms.values()]
    .map((vm) => ({ key: idKey(vm.id), vm }))
    .filter(({ key }) => key >= first)
    .toSorted(byKey);
}

export const listVms = lister<VmRow>(ID, function* (state, after) {
  for (const { key, vm } of vmsFrom(state, after)) {
    if (key === after) continue;
    const row = (): VmRow => ({
      vm_id: vm.id,
      function: vm.function,
      state: vmState(vm),
      instances: vm.instances.length,
      regions: vm.regions.length,
      permits_bytes: regionPermitBytes(vm),
      boot_bytes: totalBytes(vm.boot_permit),
      overhead_bytes: totalBytes(vm.overhead_permit),
      vmm_pid: vm.facts?.vmm_pid ?? null,
      guest_kernel: vm.facts?.guest_kernel ?? null,
      launched_at_ms: vm.launched_at_ms,
      instances_started: vm.instances_started,
    });
    yield { key, function: vm.function, vm_id: vm.id, state: vmState(vm), row };
  }
});

export const listInstances = lister<InstanceRow>(PLACE, function* (state, after) {
  for (const { key: vm_key, vm } of vmsFrom(state, after)) {
    const about = { function: vm.function, vm_id: vm.id };
    const sorted = vm.instances
      .map((instance) => ({ key: `${vm_key}.${idKey(instance.id)}`, instance }))
      .toSorted(byKey);
    for (const { key, instance } of sorted) {
      if (key <= after) continue;
      const row = (): InstanceRow => {
        const region = vm.regions[instance.region_index];
        return {
          ...about,
          instance_id: instance.id,
          region_id: region?.id ?? '',
          state: instance.phase,
          plugged_bytes: partsAt(vm.regions, instance.region_index).reduce(
            (sum, part) => sum + part.plugged_bytes,
            0,
          ),
          used_bytes: region?.used_bytes ?? null,
          invocations: instance.invocations,
          invocation_id: instance.invocation?.invocation_id ?? null,
          idle_since_ms: instance.phase === 'idle' ? instance.idle_since_ms : null,
          address: instanceAddress(vm.network, instance.region_index),
        };
      };
      yield { key, ...about, state: instance.phase, row };
    }
  }
});

function regionState(region: RegionState): string {
  if (region.operation_id !== null) return 'resizing';
  if (region.holder !== null) return 'held';
  if (region.ready) return 'ready';
  return region.plugged_bytes === 0 ? 'empty' : 'left';
}

export const listRegions = lister<RegionRow>(PLACE, function* (state, after) {
  for (const { key: vm_key, vm } of vmsFrom(state, after)) {
    const about = { function: vm.function, vm_id: vm.id };
    for (const region of vm.regions) {
      const key = `${vm_key}.${padded(region.index)}`;
      if (key <= after) continue;
      const told = regionState(region);
      const row = (): RegionRow => ({
        ...about,
        region_id: region.id,
        state: told,
        target_bytes: region.target_bytes,
        plugged_bytes: region.plugged_bytes,
        permit_bytes: region.permit_bytes,
        used_bytes: region.used_bytes,
        ...holderParts(region.holder),
        operation_id: region.operation_id,
        unplug_attempts: region.unplug_attempts,
        host_node: nodeOfTier(region.tier),
      });
      yield { key, ...about, state: told, row };
    }
  }
});

export const listOperations = lister<OperationRow>(ID, function* (state, after) {
  const sorted = [...state.operations.values()]
    .map((operation) => ({ key: idKey(operation.id), operation }))
    .toSorted(byKey);
  for (const { key, operation } of sorted) {
    if (key <= after) continue;
    const { id, vm_id, region_id, instance_id, cause, from_bytes, to_bytes } = operation;
    const about = { function: state.vms.get(vm_id)?.function ?? '', vm_id };
    const kind = kindOf(operation);
    const row = (): OperationRow => ({
      ...about,
      operation_id: id,
      region_id,
      instance_id,
      kind,
      cause,
      from_bytes,
      to_bytes,
      decided_at_ms: operation.decided_at_ms,
    });
    yield { key, ...about, state: kind, row };
  }
});

function badToken(): HotplaneError {
  return agentError('HP_AGENT_BAD_REQUEST', 'page_token: is none of this list.', {
    details: { field: 'page_token' },
  });
}
