/**
 * Answers with data, checked before anybody believes them: shape by shape, and sizes against what
 * the configuration allows. Fields that old versions send as null are left out.
 */
import { chError } from './errors.ts';
import { isSize, withoutNulls } from '../rest/json.ts';
import type { Answer } from '../rest/transport.ts';
import type { PciDeviceInfo, VmConfig, VmCounters, VmInfo, VmmPing } from './types/index.ts';
import { isObject, type JsonObject } from '../../base/json.ts';

const STATES: ReadonlySet<unknown> = new Set([
  'Created',
  'Running',
  'Shutdown',
  'Paused',
  'BreakPoint',
]);

export function readPing(answer: Answer, route: string): VmmPing {
  const value = readObject(answer, route);
  if (!isPing(value)) throw shapeError(route, 'no version');
  return value;
}

export function readInfo(answer: Answer, route: string): VmInfo {
  const info = readObject(answer, route);
  if (!isInfo(info)) throw shapeError(route, 'something else than the state of a VM');
  const { memory_actual_size } = info;
  const largest_bytes = largestBytes(info.config);
  if (!isSize(memory_actual_size) || memory_actual_size > largest_bytes) {
    throw chError(
      'HP_CH_IMPLAUSIBLE',
      `${route}: memory_actual_size ${String(memory_actual_size)} cannot be of a VM of at most ` +
        `${largest_bytes} bytes.`,
      { details: { route, memory_actual_size, largest_bytes, sent: 'yes' } },
    );
  }
  return info;
}

export function readCounters(answer: Answer, route: string): VmCounters {
  const value = readObject(answer, route);
  if (!isCounters(value)) throw shapeError(route, 'a counter that is no number');
  return value;
}

/** 200 with a place on the bus when the VM runs, 204 when the device waits for the boot. */
export function readPciDevice(answer: Answer, route: string): PciDeviceInfo | null {
  if (answer.status === 204) return null;
  const value = readObject(answer, route);
  if (!isPciDevice(value)) throw shapeError(route, 'no id and bdf');
  return value;
}

/** Boot memory of a configuration: what the VM has with nothing plugged. */
export function bootBytes(config: VmConfig): number {
  return sum(config, ({ size }) => size);
}

/** The most a VM of this configuration can have. */
export function largestBytes(config: VmConfig): number {
  return sum(
    config,
    ({ size, hotplug_size, hotplugged_size }) =>
      size + Math.max(hotplug_size ?? 0, hotplugged_size ?? 0),
  );
}

interface Sized {
  readonly size: number;
  readonly hotplug_size?: number;
  readonly hotplugged_size?: number;
}

function sum({ memory }: VmConfig, of: (sized: Sized) => number): number {
  if (!memory) return DEFAULT_MEMORY_BYTES;
  return [memory, ...(memory.zones ?? [])].reduce((total, sized) => total + of(sized), 0);
}

/** The server's own default when the configuration names no memory. */
const DEFAULT_MEMORY_BYTES = 512 * 1024 * 1024;

function isPing(value: JsonObject): value is JsonObject & VmmPing {
  return typeof value['version'] === 'string';
}

function isPciDevice(value: JsonObject): value is JsonObject & PciDeviceInfo {
  return typeof value['id'] === 'string' && typeof value['bdf'] === 'string';
}

function isCounters(value: JsonObject): value is Record<string, Record<string, number>> {
  return Object.values(value).every(
    (counters) => isObject(counters) && Object.values(counters).every(Number.isFinite),
  );
}

/** Everything of an answer that is used later; sizes of the actual state are judged apart. */
function isInfo(value: JsonObject): value is JsonObject & VmInfo {
  const { config, state, device_tree = {} } = value;
  if (!STATES.has(state) || !isObject(config) || !isObject(device_tree)) return false;
  if (!Object.values(device_tree).every(isObject)) return false;
  const { memory } = config;
  if (memory === undefined) return true;
  if (!isObject(memory) || !isSized(memory)) return false;
  const { zones = [] } = memory;
  return Array.isArray(zones) && zones.every(isZone);
}

function isZone(value: unknown): boolean {
  return isObject(value) && typeof value['id'] === 'string' && isSized(value);
}

function isSized({ size, hotplug_size = 0, hotplugged_size = 0 }: JsonObject): boolean {
  return isSize(size) && isSize(hotplug_size) && isSize(hotplugged_size);
}

function readObject(answer: Answer, route: string): JsonObject {
  if (!/^application\/json\b/i.test(answer.content_type)) {
    throw shapeError(route, `content type '${answer.content_type.slice(0, 80)}'`);
  }
  let value: unknown;
  try {
    value = JSON.parse(answer.body);
  } catch (cause) {
    throw shapeError(route, 'a body that is not JSON', cause);
  }
  if (!isObject(value)) throw shapeError(route, 'a body that is no object');
  return answer.body.includes('null') ? withoutNulls(value) : value;
}

function shapeError(route: string, what: string, cause?: unknown): Error {
  return chError('HP_CH_PROTOCOL', `${route} answered with ${what}.`, {
    next: 'Check that the socket belongs to a Cloud Hypervisor of v38 or newer.',
    details: { route, sent: 'yes' },
    cause,
  });
}
