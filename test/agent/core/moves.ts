/** Moves of random hosts: what callers, guests, VMMs and time can do next. */
import fc from 'fast-check';
import { BASELINE, MECHANISMS, type MechanismName } from '../../../agent/model/mechanism.ts';
import type { FunctionSpec } from '../../../agent/model/spec.ts';
import type { TargetValues } from '../../../agent/model/targets.ts';
import { MIB } from '../../../base/units.ts';
import { FAULTS, type Fault } from './outcomes.ts';
import type { World } from './world.ts';

export const NAMES = ['a', 'b'] as const;

interface Deploy {
  readonly kind: 'deploy';
  readonly name: string;
  readonly mechanism: MechanismName;
  readonly concurrency: number;
  readonly max_vms: number;
  readonly limit_bytes: number;
  readonly pool: FunctionSpec['pool'];
  /** Absent: as the definition has it, or none. */
  readonly host_node?: number | null;
  readonly tiers?: FunctionSpec['tiers'];
}

export type Move =
  /* what calls of DAGs bring: a call that is to be over soon, and calls that will come */
  | { readonly kind: 'hurry'; readonly name: string; readonly in_ms: number }
  | {
      readonly kind: 'expect';
      readonly name: string;
      readonly in_ms: readonly number[];
      readonly for_ms: number;
    }
  | Deploy
  | (Omit<Deploy, 'kind'> & {
      readonly kind: 'update';
      readonly keep_alive_ms: number;
      readonly deadline_ms: number | null;
      readonly reclaim_slo: FunctionSpec['reclaim_slo'];
      readonly dry_run: boolean;
    })
  | { readonly kind: 'invoke' | 'drain' | 'remove' | 'cancel'; readonly name: string }
  | { readonly kind: 'complete'; readonly index: number; readonly fault: Fault }
  | { readonly kind: 'use'; readonly index: number; readonly share: number }
  | { readonly kind: 'health'; readonly index: number; readonly responsive: boolean }
  | { readonly kind: 'restart' }
  | { readonly kind: 'cordon'; readonly wanted: 'cordon' | 'drain' | null }
  | {
      readonly kind: 'targets';
      readonly name: string;
      readonly values: Partial<TargetValues>;
      readonly for_ms: number | null;
    }
  | { readonly kind: 'memory'; readonly available: number; readonly waits: number }
  | { readonly kind: 'advance'; readonly ms: number };

const name = fc.constantFrom(...NAMES);

const definition = {
  name,
  mechanism: fc.constantFrom(...MECHANISMS.names),
  concurrency: fc.integer({ min: 1, max: 4 }),
  max_vms: fc.integer({ min: 1, max: 3 }),
  limit_bytes: fc.constantFrom(128 * MIB, 512 * MIB),
  pool: fc.constantFrom<FunctionSpec['pool']>(
    null,
    { bucket_ms: 1_000, active_buckets: 1, degraded_buckets: 2, percentile: 50, worth_gib_s: null },
    { bucket_ms: 1_000, active_buckets: 2, degraded_buckets: 0, percentile: 99, worth_gib_s: 1 },
  ),
};

const deploy: fc.Arbitrary<Move> = fc.record({
  kind: fc.constant('deploy' as const),
  ...definition,
});

const update: fc.Arbitrary<Move> = fc.record({
  kind: fc.constant('update' as const),
  ...definition,
  keep_alive_ms: fc.constantFrom(0, 1_000),
  deadline_ms: fc.constantFrom(null, 500),
  reclaim_slo: fc.constantFrom(null, { ms_per_gib: 20, percentile: 99 }),
  dry_run: fc.constantFrom(false, false, false, true),
});

/** Waits of these instances are over before those of most guests begin. */
const ELASTIC = {
  baseline_bytes: 128 * MIB,
  increment_bytes: null,
  history: false,
  grow_wait_ms: 50,
  expression: null,
};

const complete: fc.Arbitrary<Move> = fc.record({
  kind: fc.constant('complete' as const),
  index: fc.nat(20),
  fault: fc.oneof(
    { weight: 12, arbitrary: fc.constant('none' as const) },
    { weight: 3, arbitrary: fc.constantFrom(...FAULTS) },
  ),
});

const use: fc.Arbitrary<Move> = fc.record({
  kind: fc.constant('use' as const),
  index: fc.nat(20),
  share: fc.constantFrom(0, 0.25, 0.5, 1),
});

const health: fc.Arbitrary<Move> = fc.record({
  kind: fc.constant('health' as const),
  index: fc.nat(5),
  responsive: fc.boolean(),
});

/** What a host keeps whose memory is looked at, and what it says of it, as parts of that. */
export const KEEP_BYTES = 256 * MIB;

const host_memory: fc.Arbitrary<Move> = fc.record({
  kind: fc.constant('memory' as const),
  available: fc.constantFrom(-1, 0.1, 0.3, 0.6, 0.8, 1.1, 2, 4, 40, 40),
  waits: fc.constantFrom(0, 0, 0, 15, 30),
});

const wish = (highest: number) => fc.option(fc.nat(highest), { nil: null });

const targets: fc.Arbitrary<Move> = fc.record({
  kind: fc.constant('targets' as const),
  name,
  values: fc.record({
    instances_min: wish(3),
    instances_max: wish(4),
    warm: wish(2),
    reserve: wish(2),
    keep_alive_ms: fc.constantFrom(null, 0, 5_000),
    max_bytes: fc.constantFrom(null, 256 * MIB),
  }),
  for_ms: fc.constantFrom(null, 500, 2_000),
});

const move: fc.Arbitrary<Move> = fc.oneof(
  { weight: 2, arbitrary: deploy },
  { weight: 2, arbitrary: update },
  { weight: 8, arbitrary: fc.record({ kind: fc.constant('invoke' as const), name }) },
  {
    weight: 1,
    arbitrary: fc.record({ kind: fc.constantFrom('drain', 'remove', 'cancel' as const), name }),
  },
  { weight: 12, arbitrary: complete },
  { weight: 4, arbitrary: use },
  { weight: 1, arbitrary: health },
  { weight: 1, arbitrary: host_memory },
  { weight: 1, arbitrary: targets },
  { weight: 1, arbitrary: fc.constant({ kind: 'restart' as const }) },
  {
    weight: 1,
    arbitrary: fc.record({
      kind: fc.constant('cordon' as const),
      wanted: fc.constantFrom(null, null, 'cordon' as const, 'drain' as const),
    }),
  },
  {
    weight: 4,
    arbitrary: fc.record({ kind: fc.constant('advance' as const), ms: fc.nat(3_000) }),
  },
);

const LONG = { maxLength: 150, size: 'max' } as const;
export const MOVES: fc.Arbitrary<Move[]> = fc.array(move, LONG);

/** The same, and calls of DAGs among them. */
export const DAG_MOVES: fc.Arbitrary<Move[]> = fc.array(
  fc.oneof(
    { weight: 6, arbitrary: move },
    {
      weight: 1,
      arbitrary: fc.record({
        kind: fc.constant('hurry' as const),
        name,
        in_ms: fc.integer({ min: -100, max: 2_000 }),
      }),
    },
    {
      weight: 1,
      arbitrary: fc.record({
        kind: fc.constant('expect' as const),
        name,
        in_ms: fc.array(fc.nat(2_000), { maxLength: 5 }),
        for_ms: fc.constantFrom(100, 5_000),
      }),
    },
  ),
  LONG,
);

function memoryOf(world: World, one: Pick<Deploy, 'mechanism' | 'limit_bytes' | 'tiers'>) {
  const grows = world.context.policy.elastic && one.mechanism !== BASELINE && !one.tiers;
  return grows && one.limit_bytes > 128 * MIB ? ELASTIC : null;
}

/** Makes the moves; the ids of the requests that must be answered. */
export function play(world: World, moves: readonly Move[]): string[] {
  const requests: string[] = [];
  for (const one of moves) {
    switch (one.kind) {
      case 'complete':
        world.complete(one.index, one.fault);
        break;
      case 'restart':
        world.restart();
        break;
      case 'cordon':
        requests.push(world.cordon(one.wanted));
        break;
      case 'advance':
        world.advance(one.ms);
        break;
      case 'targets':
        requests.push(world.setTargets(one.name, one.values, one.for_ms));
        break;
      case 'memory':
        world.hostMemory(one.available < 0 ? null : one.available * KEEP_BYTES, one.waits);
        break;
      case 'use':
        world.use(one.index, one.share);
        break;
      case 'health':
        world.health(one.index, one.responsive);
        break;
      case 'deploy': {
        const { concurrency, max_vms, limit_bytes, pool, host_node = null, tiers = null } = one;
        const sizes = { concurrency, max_vms, limit_bytes, pool, host_node, tiers };
        const part = { ...sizes, memory: memoryOf(world, one) };
        requests.push(world.deploy(one.name, one.mechanism, part));
        break;
      }
      case 'update': {
        const { kind: _, dry_run, ...part } = one;
        requests.push(world.update(one.name, { ...part, memory: memoryOf(world, one) }, dry_run));
        break;
      }
      case 'hurry': {
        const request_id = world.request();
        const about = { function: one.name, invocation_id: 'x', timeout_ms: null };
        const due = { deadline_at_ms: world.now_ms + one.in_ms, expected: 'e0' };
        world.send({ type: 'invoke', request_id, ...about, ...due });
        requests.push(request_id);
        break;
      }
      case 'expect': {
        const until_ms = world.now_ms + one.for_ms;
        const calls = one.in_ms.map((ms, index) => {
          return { id: `e${index}`, at_ms: world.now_ms + ms, until_ms };
        });
        world.send({ type: 'expect', function: one.name, calls, dropped: ['e4'] });
        break;
      }
      case 'cancel': {
        const last = requests.at(-1);
        if (last) world.cancel(one.name, last);
        break;
      }
      default:
        requests.push(world[one.kind](one.name));
    }
  }
  return requests;
}
