/**
 * Which device has what of the one sum that the server tells. Pure. One device at a time is
 * resized, so a change of the sum belongs to it; what it cannot explain belongs to devices that are
 * not where their target is (a guest that goes on with an unplug after its deadline), and at last
 * to a guest that gives memory back unasked. When the sum is what all targets add up to, every
 * device is at its target.
 */
import { chError } from '../errors.ts';
import type { VmConfig, VmInfo } from '../types/index.ts';
import { bootBytes } from '../answers.ts';
import { deviceBytes } from '../../spec.ts';
import type { DeviceSpec } from '../../vm.ts';
import { zoneOf } from './layout.ts';

export interface BookEntry {
  readonly device_id: string;
  readonly max_bytes: number;
  readonly requested_bytes: number;
  readonly plugged_bytes: number;
}

export type Book = readonly BookEntry[];

/** Targets of all devices as the server has them. */
export function readTargets(
  config: VmConfig,
  devices: readonly DeviceSpec[],
): readonly Omit<BookEntry, 'plugged_bytes'>[] {
  const zones = new Map((config.memory?.zones ?? []).map((zone) => [zone.id, zone]));
  return devices.map((device) => {
    const max_bytes = deviceBytes(device);
    const zone = zones.get(zoneOf(device.id));
    const requested_bytes = zone?.hotplugged_size ?? 0;
    if (zone?.hotplug_size === max_bytes && requested_bytes <= max_bytes) {
      return { device_id: device.id, max_bytes, requested_bytes };
    }
    throw implausible(`the zone of device ${device.id} is not the one that was created`, { zone });
  });
}

/** What is plugged in all devices together; throws HP_CH_IMPLAUSIBLE for what cannot be. */
export function pluggedSum(info: VmInfo, max_bytes: number): number {
  const sum_bytes = info.memory_actual_size - bootBytes(info.config);
  if (sum_bytes >= 0 && sum_bytes <= max_bytes) return sum_bytes;
  throw implausible(`${sum_bytes} bytes plugged of ${max_bytes}`, { sum_bytes, max_bytes });
}

/** The book after a look that showed `sum_bytes`; `moving` is the device being resized. */
export function attribute(
  before: Book,
  targets: readonly Omit<BookEntry, 'plugged_bytes'>[],
  sum_bytes: number,
  moving: string | null,
): Book {
  const requested_bytes = targets.reduce((sum, target) => sum + target.requested_bytes, 0);
  if (sum_bytes === requested_bytes) {
    return targets.map((target) => ({ ...target, plugged_bytes: target.requested_bytes }));
  }
  const known = new Map(before.map((entry) => [entry.device_id, entry.plugged_bytes]));
  const plugged = targets.map(({ device_id }) => known.get(device_id) ?? 0);
  let rest_bytes = sum_bytes - plugged.reduce((sum, bytes) => sum + bytes, 0);
  const order = targets
    .map((_, index) => index)
    .toSorted((a, b) => rank(targets[a], moving) - rank(targets[b], moving));
  for (const towards of ['target', 'anywhere'] as const) {
    for (const index of order) {
      const target = targets[index];
      if (!target || rest_bytes === 0) break;
      const from = plugged[index] ?? 0;
      const taken = share(from, target, rest_bytes, towards === 'target');
      plugged[index] = from + taken;
      rest_bytes -= taken;
    }
  }
  return targets.map((target, index) => ({ ...target, plugged_bytes: plugged[index] ?? 0 }));
}

/** A target that is about to be set. */
export interface WantedTarget {
  readonly device_id: string;
  readonly bytes: number;
}

/** The most that may be plugged in all devices from now on, with `wanted` as the target of one. */
export function mostBytes(book: Book, wanted: WantedTarget | null): number {
  return book.reduce((sum, { device_id, plugged_bytes, requested_bytes }) => {
    const asked_bytes = device_id === wanted?.device_id ? wanted.bytes : requested_bytes;
    return sum + Math.max(plugged_bytes, asked_bytes);
  }, 0);
}

/** How much of `rest_bytes` this device can have taken. */
function share(
  from: number,
  { requested_bytes, max_bytes }: Omit<BookEntry, 'plugged_bytes'>,
  rest_bytes: number,
  towards_target: boolean,
): number {
  if (rest_bytes > 0) {
    const most = towards_target ? Math.max(from, requested_bytes) : max_bytes;
    return Math.min(rest_bytes, most - from);
  }
  const least = towards_target ? Math.min(from, requested_bytes) : 0;
  return Math.max(rest_bytes, least - from);
}

function rank(target: { readonly device_id: string } | undefined, moving: string | null): number {
  return target?.device_id === moving ? 0 : 1;
}

function implausible(what: string, details: Readonly<Record<string, unknown>>): Error {
  return chError('HP_CH_IMPLAUSIBLE', `The server shows ${what}.`, { details });
}
