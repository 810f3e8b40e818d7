/** Functions on several hosts: who is where, and that nothing of a call is lost. */
import test from 'ava';
import { playFast } from '../../../autoscaler/simulator/fast-engine.ts';
import { WIDE_HOST } from '../../../autoscaler/simulator/host-model.ts';
import { placeFunctions, playHosts } from '../../../autoscaler/simulator/hosts.ts';
import { MECHANISM_MODELS } from '../../../autoscaler/simulator/mechanism-models.ts';
import { constantTable } from '../../../autoscaler/simulator/table-policies.ts';
import type { SimWorkload } from '../../../autoscaler/simulator/workload.ts';
import { InvocationColumns } from '../../../autoscaler/trace/columns.ts';
import { seededRandom } from '../../../base/random.ts';
import { MIB } from '../../../base/units.ts';

const FUNCTIONS = 7;
const mechanism = MECHANISM_MODELS.get('virtio-mem');

function workload(
  calls: readonly (readonly [fn: number, at_ms: number, ms: number])[],
): SimWorkload {
  return {
    functions: Array.from({ length: FUNCTIONS }, (_, index) => {
      const bytes = 128 * MIB * (1 + (index % 3));
      const sizes = { limit_bytes: bytes, region_bytes: bytes, concurrency: 8 };
      return { name: `f${index}`, app: 'a', func: `f${index}`, ...sizes };
    }),
    invocations: InvocationColumns.from(
      calls.map(([function_index, arrival_ms, duration_ms]) => {
        return { function_index, arrival_ms, duration_ms };
      }),
    ),
    window_ms: 1e6,
  };
}

const sum = (parts: Float64Array): number => parts.reduce((has, part) => has + part, 0);

test('the largest work goes first, to the host that has the least', (t) => {
  const one = workload([
    [0, 0, 600],
    [1, 1, 200],
    [2, 2, 100],
    [3, 3, 100],
  ]);
  // In MiB times ms: 600, 400, 300 and 100 of 128.
  t.deepEqual(placeFunctions(one, 2).slice(0, 4), [0, 1, 1, 0]);
});

test('calls have the same outcomes on any number of hosts that have memory for all', (t) => {
  if (!mechanism) throw new Error('there is virtio-mem');
  const costs = { mechanism, start_ms: 120, stop_ms: 5 };
  for (const seed of [1, 2, 3]) {
    const random = seededRandom(seed);
    let now_ms = 0;
    const one = workload(
      Array.from({ length: 500 }, () => {
        now_ms += random() * 400;
        return [Math.floor(random() * FUNCTIONS), now_ms, random() * 900] as const;
      }),
    );
    const playOn = (hosts: number) =>
      playHosts(one, hosts, (part) =>
        playFast(part, costs, constantTable('f', FUNCTIONS, 2_000), WIDE_HOST),
      );
    const [single, several] = [playOn(1), playOn(4)];
    t.deepEqual([...several.outcomes], [...single.outcomes]);
    t.deepEqual([...several.waits_ms], [...single.waits_ms]);
    t.deepEqual([...(several.peak_instances ?? [])], [...(single.peak_instances ?? [])]);
    t.is(several.starts, single.starts);
    t.true(several.committed.peak_bytes >= single.committed.peak_bytes);
    const apart = sum(several.committed.finish()) / sum(single.committed.finish()) - 1;
    t.true(Math.abs(apart) < 1e-9, `${apart}`);
  }
});
