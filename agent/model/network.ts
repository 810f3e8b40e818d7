/**
 * The network of functions: bridges of the operator that they may be on, and which addresses VMs
 * and their instances have there. IPv4 addresses are numbers; as text `10.0.0.1`. Pure.
 */
import { BRIDGE } from './network-spec.ts';
import type { FunctionSpec } from './spec.ts';

/** Bridges that a configuration may name. */
const BRIDGES_MAX = 16;
/** A pool is walked through for a free place: no more than 65,536 addresses. */
const POOL_LENGTH_MIN = 16;
const ADDRESS_BITS = 32;

/** A bridge that functions may be on, and the addresses that are theirs there. */
export interface BridgePool {
  readonly bridge: string;
  /** Who leads out of it, and how many leading bits all addresses on it have in common. */
  readonly gateway: number;
  readonly prefix_length: number;
  readonly first: number;
  readonly count: number;
}

/**
 * Addresses of one VM, as its row keeps them, so that they outlive an agent and a change of its
 * configuration: the instance in region k has the one k after the first.
 */
export interface VmNetwork extends BridgePool {}

export const BRIDGES_WANTED =
  'BRIDGE=GATEWAY/LENGTH:POOL with commas between them, like br0=10.0.0.1/16:10.0.8.0/21; the pool ' +
  'lies in the network of the gateway, without it, and has 65,536 addresses at most';

/** `10.0.0.1`; null: no address. */
export function parseAddress(text: string): number | null {
  const bytes = /^\d{1,3}(\.\d{1,3}){3}$/.test(text) ? text.split('.').map(Number) : [];
  if (bytes.length !== 4 || bytes.some((byte) => byte > 255)) return null;
  return bytes.reduce((address, byte) => address * 256 + byte, 0);
}

export const ipv4Text = (address: number): string =>
  [24, 16, 8, 0].map((bits) => Math.floor(address / 2 ** bits) % 256).join('.');

const sizeOf = (length: number): number => 2 ** (ADDRESS_BITS - length);
const networkOf = (address: number, length: number): number => address - (address % sizeOf(length));

/** `10.0.0.1/16` */
function parseWithLength(text: string): { address: number; length: number } | null {
  const [, shown = '', digits = ''] = /^([\d.]+)\/(\d{1,2})$/.exec(text) ?? [];
  const address = parseAddress(shown);
  const length = Number(digits);
  return address === null || length < 1 || length > ADDRESS_BITS ? null : { address, length };
}

/** `br0=10.0.0.1/16:10.0.8.0/21`; null: it is none. */
function parseBridge(text: string): BridgePool | null {
  const [, bridge = '', at = '', of = ''] = /^([^=]+)=([^:]+):([^:]+)$/.exec(text) ?? [];
  const gateway = parseWithLength(at);
  const pool = parseWithLength(of);
  if (!BRIDGE.test(bridge) || !gateway || !pool) return null;
  const { address: first, length } = pool;
  const count = sizeOf(length);
  const is_whole = first === networkOf(first, length);
  if (!is_whole || length < POOL_LENGTH_MIN || length < gateway.length) return null;
  const { address, length: prefix_length } = gateway;
  const is_inside = networkOf(first, prefix_length) === networkOf(address, prefix_length);
  if (!is_inside || (address >= first && address < first + count)) return null;
  return { bridge, gateway: address, prefix_length, first, count };
}

/** Bridges of a configuration, in its order; null: it says none ({@link BRIDGES_WANTED}). */
export function parseBridges(text: string): readonly BridgePool[] | null {
  const pools: BridgePool[] = [];
  for (const part of text.split(',')) {
    const pool = parseBridge(part.trim());
    if (!pool || pools.some(({ bridge }) => bridge === pool.bridge)) return null;
    pools.push(pool);
  }
  return pools.length <= BRIDGES_MAX ? pools : null;
}

/** Why no function can have the network its spec asks for; null: it can, or asks for none. */
export function whyNoNetwork(
  { network, program, concurrency }: FunctionSpec,
  pools: readonly BridgePool[],
): string | null {
  if (!network) return null;
  if (!program) return 'it runs no program of a package';
  const pool = pools.find(({ bridge }) => bridge === network.bridge);
  if (!pool) {
    const known = pools.map(({ bridge }) => bridge).join(', ') || 'none';
    return `'${network.bridge}' is not among the bridges that the agent is configured with (${known})`;
  }
  if (pool.count >= concurrency) return null;
  return `the pool of '${pool.bridge}' has ${pool.count} addresses, fewer than a VM has instances`;
}

/**
 * The lowest place in the pool for a VM with so many instances, beside those that others have;
 * null: there is none. The first and last address of the bridge's network are nobody's.
 */
export function placeIn(
  pool: BridgePool,
  count: number,
  others: Iterable<VmNetwork | null>,
): VmNetwork | null {
  const network = networkOf(pool.first, pool.prefix_length);
  const last = network + sizeOf(pool.prefix_length) - 1;
  const taken = [
    { first: network, count: 1 },
    { first: last, count: 1 },
    ...[...others].filter((one) => one !== null && one.bridge === pool.bridge),
  ].filter((one) => one !== null);
  let first = pool.first;
  for (const one of taken.toSorted((a, b) => a.first - b.first)) {
    if (first + count <= one.first) break;
    first = Math.max(first, one.first + one.count);
  }
  return first + count <= pool.first + pool.count ? { ...pool, first, count } : null;
}

/** What an instance is told of its network. */
export interface InstanceNetwork {
  /** With the length of the network: `10.0.8.1/16`. */
  readonly address: string;
  readonly gateway: string;
}

/** Of the instance in the region with that index. */
export const instanceNetwork = (vm: VmNetwork, region_index: number): InstanceNetwork => ({
  address: `${ipv4Text(vm.first + region_index)}/${vm.prefix_length}`,
  gateway: ipv4Text(vm.gateway),
});

/** The address alone, of the same; null: its VM has no network. */
export const instanceAddress = (vm: VmNetwork | null, region_index: number): string | null =>
  vm && ipv4Text(vm.first + region_index);

/** The VM's address on the link: of its first address, so that no two have the same. */
export function macOf({ first }: VmNetwork): string {
  const bytes = [24, 16, 8, 0].map((bits) => Math.floor(first / 2 ** bits) % 256);
  return ['02', '68', ...bytes.map((byte) => byte.toString(16).padStart(2, '0'))].join(':');
}
