/**
 * Counts of what a guest does with its memory, made by a plugin of QEMU's emulator: how QEMU is
 * told of it, which of its addresses are whose, and its file of counts (written by
 * bench/accesses/plugin.c). For measuring alone: a guest is several times slower by it.
 */
import { vmmError } from '../errors.ts';
import type { DeviceSpec, VmSpec } from '../vm.ts';
import { backendIdOf, BOOT_BACKEND } from './layout.ts';
import type { QmpClient } from './qmp.ts';
import { readDevices } from './regions.ts';

/** The plugin, and the cache that it takes each vCPU to have: lines of 64 bytes. */
export interface AccessPlugin {
  readonly path: string;
  /** A power of two; absent, and so for ways: 2 MiB in all. */
  readonly sets?: number;
  readonly ways?: number;
  /** Of which counters there are: a power of two from a page of 4 KiB on; absent: 256 KiB. */
  readonly granule_bytes?: number;
}

/** A guest starts so many times slower while each of its accesses is counted. */
export const COUNTED_SLOWNESS = 4;

/** Addresses as the plugin is told them. */
export interface AccessRange {
  /** `boot`, or the id of a region. */
  readonly id: string;
  readonly start: number;
  readonly bytes: number;
}

/** What is counted of one place. */
export interface AccessCounts {
  readonly loads: number;
  readonly stores: number;
  /** Lines that the cache did not have. */
  readonly fills: number;
  readonly stored_bytes: number;
}

/** All counts at one time. */
export interface AccessTable {
  readonly vcpus: number;
  readonly line_bytes: number;
  readonly sets: number;
  readonly ways: number;
  readonly granule_bytes: number;
  /** Of all vCPUs; blocks that were left early count whole. */
  readonly instructions: number;
  /** Accesses to devices, and to addresses beyond those that have counters. */
  readonly devices: number;
  readonly beyond: number;
  /** By granule; one that is not there was never touched. */
  readonly granules: ReadonlyMap<number, AccessCounts>;
}

/** The range of a guest's ordinary memory. */
const BOOT_RANGE = 'boot';

/** The usual one, in which no two places may meet. */
const GRANULE_BYTES = 256 * 1024;
/** Of what else has addresses of its own: firmware, and the like. */
const OTHERS_BYTES = 1_024 * GRANULE_BYTES;
const MAGIC = 0x31_53_54_50_4f_48n;
const HEADER_BYTES = 64;
const TOTALS_BYTES = 64;
const COUNTERS_BYTES = 32;
/** Of the plugin's addresses: an offset among all blocks, and one of the device's memory. */
const SPACES = 2;

/** QEMU ends a value at a comma; a doubled one is a comma. */
const quoted = (text: string): string => text.replaceAll(',', ',,');

/** Arguments that load it; its file is one of the VM's run folder. */
export function accessArguments(
  { path, sets = 2_048, ways = 16, granule_bytes = GRANULE_BYTES }: AccessPlugin,
  counts_path: string,
  total_bytes: number,
): string[] {
  const granules = Math.ceil((SPACES * total_bytes + OTHERS_BYTES) / granule_bytes);
  const counted = `counts=${quoted(counts_path)},granules=${granules}`;
  const cache = `sets=${sets},ways=${ways}`;
  return ['-plugin', `${quoted(path)},${counted},shift=${Math.log2(granule_bytes)},${cache}`];
}

/** Throws HP_VMM_UNSUPPORTED: others give other addresses, or want another plugin. */
export function checkAccessVersion(version: string): void {
  if (version.startsWith('7.2')) return;
  throw vmmError(
    'HP_VMM_UNSUPPORTED',
    `Accesses are counted under QEMU 7.2; this is ${version || 'of no known version'}.`,
  );
}

/**
 * Where boot memory and each region lie in the plugin's addresses. QEMU 7.2 tells it no address of
 * the guest but the offset of a block among all blocks, plus the place inside it, plus where that
 * block lies in what holds it. Throws HP_VMM_UNSUPPORTED where two would share addresses.
 */
export async function readAccessRanges(
  qmp: QmpClient,
  spec: Pick<VmSpec, 'boot_bytes' | 'devices'>,
): Promise<AccessRange[]> {
  const monitor = async (line: string): Promise<string> =>
    String(await qmp.execute('human-monitor-command', { 'command-line': line }));
  const blocks = parseRamBlocks(await monitor('info ramblock'));
  const base = parseDeviceMemory(await monitor('info mtree'));
  const devices = await readDevices(qmp, spec);
  const offsetOf = (name: string): number => {
    const offset = blocks.get(name);
    if (offset !== undefined) return offset;
    throw vmmError('HP_QMP_PROTOCOL', `QEMU has no memory block '${name}'.`);
  };
  const ranges = [
    { id: BOOT_RANGE, start: offsetOf(BOOT_BACKEND), bytes: spec.boot_bytes },
    ...spec.devices.flatMap((device, index) => {
      const { guest_address = 0 } = devices[index] ?? {};
      const start = offsetOf(backendIdOf(device.id)) + guest_address - (base ?? guest_address);
      return deviceRegionRanges(device, start);
    }),
  ];
  checkApart(ranges);
  return ranges;
}

/** Regions of a device, one behind the other from where it begins. Pure. */
export function deviceRegionRanges(
  { regions }: Pick<DeviceSpec, 'regions'>,
  start: number,
): AccessRange[] {
  let at = start;
  return regions.map(({ id, max_bytes }) => {
    at += max_bytes;
    return { id, start: at - max_bytes, bytes: max_bytes };
  });
}

/** Offsets of the blocks of `info ramblock`, by name: without the device that has one. Pure. */
export function parseRamBlocks(text: string): ReadonlyMap<string, number> {
  const lines = text.matchAll(/^ *(\S+) +\d+ [KMG]iB +0x([0-9a-f]{16}) /gm);
  return new Map(
    [...lines].map(([, name = '', offset = '']) => [
      name.slice(name.lastIndexOf('/') + 1),
      Number.parseInt(offset, 16),
    ]),
  );
}

/** Where the memory of devices begins, by `info mtree`; null: there is none. Pure. */
export function parseDeviceMemory(text: string): number | null {
  const [, start] = /^ *([0-9a-f]{16})-[0-9a-f]{16} \(prio \d+, i\/o\): device-memory$/m.exec(
    text.replaceAll('\r', ''),
  ) ?? [null];
  return start ? Number.parseInt(start, 16) : null;
}

/** Throws where two share an address, or a granule. Pure. */
export function checkApart(ranges: readonly AccessRange[]): void {
  const sorted = ranges.toSorted((a, b) => a.start - b.start);
  for (const [at, { id, start, bytes }] of sorted.entries()) {
    const next = sorted[at + 1];
    if (start % GRANULE_BYTES === 0 && (!next || start + bytes <= next.start)) continue;
    const what = next && start + bytes > next.start ? `${id} and ${next.id}` : id;
    throw vmmError('HP_VMM_UNSUPPORTED', `Accesses of ${what} cannot be told apart.`);
  }
}

/** The counts of a file; null: it is none of the plugin's, or not whole yet. Pure. */
export function parseAccesses(bytes: Uint8Array): AccessTable | null {
  if (bytes.length < HEADER_BYTES) return null;
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const word = (at: number): number => Number(view.getBigUint64(at, true));
  if (view.getBigUint64(0, true) !== MAGIC) return null;
  const [vcpus, count, shift] = [word(8), word(16), word(24)];
  const each = TOTALS_BYTES + count * COUNTERS_BYTES;
  if (bytes.length < HEADER_BYTES + vcpus * each) return null;
  const granules = new Map<number, AccessCounts>();
  let [instructions, devices, beyond] = [0, 0, 0];
  for (let vcpu = 0; vcpu < vcpus; vcpu += 1) {
    const own = HEADER_BYTES + vcpu * each;
    instructions += word(own);
    devices += word(own + 8);
    beyond += word(own + 16);
    for (let index = 0; index < count; index += 1) {
      const at = own + TOTALS_BYTES + index * COUNTERS_BYTES;
      const [loads, stores] = [word(at), word(at + 8)];
      if (loads + stores === 0) continue;
      const counts = { loads, stores, fills: word(at + 16), stored_bytes: word(at + 24) };
      granules.set(index, sumOf([granules.get(index) ?? NO_ACCESSES, counts]));
    }
  }
  const model = { line_bytes: word(32), sets: word(40), ways: word(48) };
  return { vcpus, ...model, granule_bytes: 2 ** shift, instructions, devices, beyond, granules };
}

const NO_ACCESSES: AccessCounts = { loads: 0, stores: 0, fills: 0, stored_bytes: 0 };

function sumOf(all: readonly AccessCounts[]): AccessCounts {
  return all.reduce(
    (a, b) => ({
      loads: a.loads + b.loads,
      stores: a.stores + b.stores,
      fills: a.fills + b.fills,
      stored_bytes: a.stored_bytes + b.stored_bytes,
    }),
    NO_ACCESSES,
  );
}

/** What was counted of a range since `before`; null: since the guest began. Pure. */
export function accessesIn(
  { start, bytes }: AccessRange,
  now: AccessTable,
  before: AccessTable | null = null,
): AccessCounts {
  const first = Math.floor(start / now.granule_bytes);
  const last = Math.ceil((start + bytes) / now.granule_bytes);
  const totalOf = ({ granules }: AccessTable): AccessCounts =>
    sumOf(Array.from({ length: last - first }, (_, at) => granules.get(first + at) ?? NO_ACCESSES));
  const then = before ? totalOf(before) : NO_ACCESSES;
  const { loads, stores, fills, stored_bytes } = totalOf(now);
  return {
    loads: loads - then.loads,
    stores: stores - then.stores,
    fills: fills - then.fills,
    stored_bytes: stored_bytes - then.stored_bytes,
  };
}
