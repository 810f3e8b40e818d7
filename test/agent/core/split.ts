/** A function whose instances have two parts, on a host with a near node and a far one. */
import { DEFAULT_POLICY } from '../../../agent/core/default-policy/policy.ts';
import type { Policy } from '../../../agent/core/policy.ts';
import type { FunctionSpec } from '../../../agent/model/spec.ts';
import { bytesOf, tierOf } from '../../../agent/model/tiers.ts';
import type { TiersSpec } from '../../../agent/model/tiers-spec.ts';
import { GIB, MIB } from '../../../base/units.ts';
import { finish } from './actions.ts';
import { World } from './world.ts';

export const QUARTER: TiersSpec = { far_node: 2, share: 0.25, table: null };
export const SIZE = { limit_bytes: 512 * MIB, host_node: 1, keep_alive_ms: 1e6 } as const;

/** Those that can have two parts. */
export const SPLITTING = ['numa', 'hotmem'] as const;

interface About {
  readonly near?: number;
  readonly far?: number;
  /** Of its guest's kernel. */
  readonly revision?: string;
  readonly policy?: Policy;
}

/** Node 1 is near, and node 2 far; a function whose VM runs. */
export function running(
  part: Partial<FunctionSpec> = {},
  { near = 512 * MIB, far = 2 * GIB, revision = '11', policy = DEFAULT_POLICY }: About = {},
): World {
  const node_limits = [
    { node: 1, bytes: near },
    { node: 2, bytes: far },
  ];
  const world = new World(8 * GIB, { node_limits, vmm_overhead_bytes: 0 });
  world.series_revision = revision;
  world.context = { policy, recording: false };
  const { mechanism = 'numa', ...rest } = part;
  world.deploy('f', mechanism, { ...SIZE, tiers: QUARTER, ...rest });
  finish(world);
  world.actions.length = 0;
  return world;
}

const granted = (world: World, node: number): number =>
  bytesOf(world.state.granted, tierOf(node)) / MIB;
export const both = (world: World): readonly number[] => [granted(world, 1), granted(world, 2)];
export const plugs = (world: World): readonly string[] =>
  world.pendingTypes().filter((one) => one.startsWith('plug'));

export const TABLE: NonNullable<TiersSpec['table']> = {
  slo_ms: 400,
  source: 'modelled',
  note: 'stated',
  rows: [
    { share: 0.25, latency_ms: 390 },
    { share: 0.5, latency_ms: 130 },
    { share: 1, latency_ms: 100 },
  ],
};

export const GROWS: FunctionSpec['memory'] = {
  baseline_bytes: null,
  increment_bytes: null,
  history: true,
  grow_wait_ms: null,
  expression: null,
};

/** At a low rate a quarter is chosen of it, and a half when calls come often. */
export const RATED: NonNullable<TiersSpec['table']> = {
  slo_ms: 5_000,
  source: 'modelled',
  note: 'stated',
  rows: [
    { share: 0.25, latency_ms: 3_000 },
    { share: 0.5, latency_ms: 10 },
  ],
};
