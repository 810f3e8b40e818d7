/**
 * The host's NUMA nodes (Documentation/ABI/stable/sysfs-devices-node): where memory can be bound
 * to, and what each has of it.
 */
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { KIB } from '../../base/units.ts';
import { vmmError } from '../errors.ts';

/** One node of the host. */
export interface HostNode {
  readonly node: number;
  /** Null: the kernel does not tell it. */
  readonly total_bytes: number | null;
  /** Not used by anybody: less than could be had, since caches give way. Null: not told. */
  readonly free_bytes: number | null;
  readonly has_cpus: boolean;
  /** As firmware tells it, 10 for itself, by the nodes that are online in their order. */
  readonly distances: readonly number[];
}

/** How the nodes are read; tests have a host of their own. */
export type HostNodeReader = () => readonly HostNode[];

/** The highest number that Linux gives (CONFIG_NODES_SHIFT of 10). */
export const HOST_NODE_MAX = 1_023;

/** All nodes, by their number. A kernel that knows of none tells none. */
export function readHostNodes(sys_root = '/sys'): readonly HostNode[] {
  const dir = join(sys_root, 'devices', 'system', 'node');
  let names: string[];
  try {
    names = readdirSync(dir);
  } catch {
    return [];
  }
  return names
    .flatMap((name) => /^node(\d+)$/.exec(name)?.[1] ?? [])
    .map(Number)
    .toSorted((a, b) => a - b)
    .map((node) => readNode(join(dir, `node${node}`), node));
}

function readNode(dir: string, node: number): HostNode {
  const text = (name: string): string => {
    try {
      return readFileSync(join(dir, name), 'latin1').trim();
    } catch {
      return '';
    }
  };
  const meminfo = text('meminfo');
  const bytesOf = (name: string): number | null => {
    const found = new RegExp(`\\b${name}:\\s+(\\d+) kB`).exec(meminfo)?.[1];
    return found === undefined ? null : Number(found) * KIB;
  };
  return {
    node,
    total_bytes: bytesOf('MemTotal'),
    free_bytes: bytesOf('MemFree'),
    has_cpus: text('cpulist') !== '',
    distances: text('distance').split(/\s+/).filter(Boolean).map(Number),
  };
}

/** Why nothing can be bound to that node of the host; null: it can. */
export function hostNodeTrouble(node: number, nodes: readonly HostNode[]): string | null {
  const found = nodes.find((one) => one.node === node);
  if (found && found.total_bytes !== 0) return null;
  if (found) return `host node ${node} has no memory`;
  if (nodes.length === 0) return `there is no host node ${node}: this kernel tells no NUMA nodes`;
  const [first] = nodes;
  const others = nodes.map((one) => one.node).join(', ');
  const has = nodes.length === 1 ? `node ${first?.node} alone` : `nodes ${others}`;
  return `there is no host node ${node}: this host has ${has}`;
}

/** Throws HP_VMM_NO_HOST_NODE unless the host has memory there. `what`: who is to have it. */
export function requireHostNode(what: string, node: number, nodes: readonly HostNode[]): void {
  const trouble = hostNodeTrouble(node, nodes);
  if (trouble === null) return;
  const details = { node, nodes: nodes.map((one) => one.node) };
  throw vmmError('HP_VMM_NO_HOST_NODE', `${what}: ${trouble}.`, { details });
}
