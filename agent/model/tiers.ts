/**
 * Tiers: kinds of host memory, each with a budget of its own, and bytes of each. `host` is memory
 * of whatever node; `node1` that of host node 1, which regions are bound to. Pure.
 */
import { parseBytes } from '../../base/units.ts';
import { HOST_NODE_MAX } from '../../hypervisor-client/host/host-nodes.ts';

export type NodeTier = `node${number}`;
export type Tier = 'host' | NodeTier;

/** Bytes of tiers; one that is not there has none. */
export type TierBytes = Readonly<Record<Tier, number>>;

/** A budget for regions that are bound to a node of the host. */
export interface NodeLimit {
  readonly node: number;
  readonly bytes: number;
}

/** Nothing of any tier. */
export const NO_BYTES: TierBytes = { host: 0 };

/** The tier of memory on a node of the host; null or undefined: on whatever node. */
export function tierOf(host_node: number | null | undefined): Tier {
  return host_node === null || host_node === undefined ? 'host' : `node${host_node}`;
}

/** The node of the host that a tier is; null: whatever node. */
export function nodeOfTier(tier: Tier): number | null {
  return tier === 'host' ? null : Number(tier.slice('node'.length));
}

/** That many bytes of the host's own memory and nothing of the others. */
export function hostBytes(bytes: number): TierBytes {
  return { host: bytes };
}

/** That many bytes of one tier and nothing of the others. */
export function tierBytes(tier: Tier, bytes: number): TierBytes {
  return tier === 'host' ? { host: bytes } : { host: 0, [tier]: bytes };
}

/** What is of one tier. */
export function bytesOf(bytes: TierBytes, tier: Tier): number {
  return bytes[tier] ?? 0;
}

/** The tiers named in it, `host` first among them where it is alone. */
export function tiersIn(bytes: TierBytes): readonly Tier[] {
  // Its type names these keys and no others.
  // oxlint-disable-next-line typescript/no-unsafe-type-assertion
  return Object.keys(bytes) as Tier[];
}

const isPlain = (bytes: TierBytes): boolean => {
  for (const key in bytes) if (key !== 'host') return false;
  return true;
};

/** Whether it is nothing of any tier. */
export function isNoBytes(bytes: TierBytes): boolean {
  return isPlain(bytes) ? bytes.host === 0 : tiersIn(bytes).every((tier) => bytes[tier] === 0);
}

/** `a` and so many times `b`, tier by tier. */
function added(a: TierBytes, b: TierBytes, times: 1 | -1): TierBytes {
  if (isPlain(a) && isPlain(b)) return { host: a.host + times * b.host };
  const sum: Record<Tier, number> = { ...a };
  for (const tier of tiersIn(b)) sum[tier] = (sum[tier] ?? 0) + times * bytesOf(b, tier);
  return sum;
}

/** `a` and `b` together, tier by tier. */
export const sumBytes = (a: TierBytes, b: TierBytes): TierBytes => added(a, b, 1);

/** `a` without `b`, tier by tier; below nothing where `b` is the larger. */
export const lessBytes = (a: TierBytes, b: TierBytes): TierBytes => added(a, b, -1);

/** Bytes of all tiers in one sum. */
export function totalBytes(bytes: TierBytes): number {
  if (isPlain(bytes)) return bytes.host;
  return tiersIn(bytes).reduce((sum, tier) => sum + bytesOf(bytes, tier), 0);
}

/** A budget of `limit_bytes` in all, of which nodes have these: the rest is of whatever node. */
export function budgetOf(limit_bytes: number, nodes: readonly NodeLimit[]): TierBytes {
  const budget: Record<Tier, number> = { host: limit_bytes };
  for (const { node, bytes } of nodes) {
    budget[`node${node}`] = bytes;
    budget.host -= bytes;
  }
  return budget;
}

/** How limits of nodes are written. */
export const NODE_LIMITS_WANTED = 'NODE=SIZE with commas between them, like 0=8GiB,1=32GiB';

/** Limits as {@link NODE_LIMITS_WANTED} writes them; null: these are none. */
export function parseNodeLimits(text: string): readonly NodeLimit[] | null {
  const limits: NodeLimit[] = [];
  for (const part of text.split(',')) {
    const [, node = '', size = ''] = /^(\d{1,4})=(.+)$/.exec(part.trim()) ?? [];
    const bytes = parseBytes(size);
    if (node === '' || bytes === null || bytes <= 0 || Number(node) > HOST_NODE_MAX) return null;
    if (limits.some((one) => one.node === Number(node))) return null;
    limits.push({ node: Number(node), bytes });
  }
  return limits;
}

/** The budgets of nodes in it, by node. */
export function nodeLimits(budget: TierBytes): NodeLimit[] {
  return tiersIn(budget)
    .flatMap((tier) => {
      const node = nodeOfTier(tier);
      return node === null ? [] : [{ node, bytes: bytesOf(budget, tier) }];
    })
    .toSorted((a, b) => a.node - b.node);
}
