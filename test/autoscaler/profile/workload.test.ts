/** Workload files of FaaSProfiler are read as they are; what does not hold is told by its key. */
import test from 'ava';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { planArrivals } from '../../../autoscaler/profile/arrivals.ts';
import { readWorkload } from '../../../autoscaler/profile/workload.ts';
import { PROJECT_ROOT } from '../../../base/paths.ts';

/** Of its repository, as it was in 2024 (workload_configs_local_openwhisk.json), key by key. */
const THEIRS = {
  test_name: 'example_test',
  test_duration_in_seconds: 15,
  random_seed: 100,
  blocking_cli: false,
  endpoint: 'local_openwhisk',
  instances: {
    instance1: {
      application: 'example_app1',
      distribution: 'Poisson',
      rate: 25,
      activity_window: [5, 10],
    },
    instance2: {
      application: 'example_app1',
      distribution: 'Uniform',
      rate: 10,
      activity_window: [5, 10],
    },
    instance3: {
      application: 'example_app2',
      interarrivals_list: [5, 0.13, 0.15, 0.8, 0.1, 0.13, 0.13, 0.1, 0.4],
    },
    instance4: {
      application: 'example_app3',
      param_file: 'param_file.json',
      distribution: 'Poisson',
      rate: 55,
      activity_window: [5, 10],
    },
  },
  perf_monitoring: { runtime_script: 'monitoring/RuntimeMonitoring.sh', post_script: null },
};

const read = (value: unknown) => readWorkload(JSON.stringify(value), 'w.json');

test('the example of FaaSProfiler is read unchanged, and what is not used of it is told', (t) => {
  const { test_name, duration_s, seed, instances, not_used } = read(THEIRS);
  t.deepEqual([test_name, duration_s, seed], ['example_test', 15, 100]);
  t.deepEqual(
    instances.map(({ name, application, payload }) => [name, application, payload.kind]),
    [
      ['instance1', 'example_app1', 'none'],
      ['instance2', 'example_app1', 'none'],
      ['instance3', 'example_app2', 'none'],
      ['instance4', 'example_app3', 'json-file'],
    ],
  );
  t.deepEqual(instances[0]?.arrivals, {
    kind: 'drawn',
    distribution: 'Poisson',
    rate_per_s: 25,
    begin_s: 5,
    end_s: 10,
  });
  t.is(instances[2]?.arrivals.kind, 'list');
  t.deepEqual(
    not_used.map(({ key }) => key),
    ['blocking_cli', 'endpoint', 'perf_monitoring'],
  );
});

test('one for a public endpoint is, too: its data is sent, its address is not called', (t) => {
  const instance = {
    application: 'app',
    url: 'https://127.0.0.1',
    data: { message: 'sample.png' },
    distribution: 'Uniform',
    rate: 1,
    activity_window: null,
  };
  const { instances, not_used } = read({ ...THEIRS, instances: { one: instance } });
  t.deepEqual(instances[0]?.payload, { kind: 'json', value: { message: 'sample.png' } });
  t.deepEqual(instances[0]?.arrivals.kind === 'drawn' && instances[0].arrivals.end_s, 15);
  t.true(not_used.some(({ key }) => key === 'instances.one.url'));
});

const one = (change: object) => ({
  ...THEIRS,
  instances: { i: { application: 'a', distribution: 'Poisson', rate: 1, ...change } },
});

const REFUSED: readonly (readonly [string, unknown, RegExp])[] = [
  ['no object', [], /^w\.json: expected object/],
  ['no name', { ...THEIRS, test_name: 7 }, /w\.json: test_name: expected string/],
  ['no duration', { ...THEIRS, test_duration_in_seconds: 0 }, /test_duration_in_seconds: /],
  ['a seed below 0', { ...THEIRS, random_seed: -1 }, /random_seed: /],
  ['no instances', { ...THEIRS, instances: {} }, /instances: has none/],
  ['no application', one({ application: undefined }), /instances\.i\.application: expected string/],
  ['an unknown distribution', one({ distribution: 'Normal' }), /instances\.i\.distribution: /],
  ['no rate', one({ rate: undefined }), /instances\.i\.rate: is missing/],
  ['a rate below 0', one({ rate: -2 }), /instances\.i\.rate: /],
  [
    'half a window',
    one({ activity_window: [5] }),
    /instances\.i\.activity_window: must be \[begin/,
  ],
  ['a window that ends first', one({ activity_window: [5, 2] }), /activity_window: must end after/],
  [
    'a gap that is none',
    one({ interarrivals_list: [1, 'x'] }),
    /instances\.i\.interarrivals_list\.1: /,
  ],
];

for (const [what, value, message] of REFUSED) {
  test(`${what} is refused, and the key told`, (t) => {
    t.throws(() => read(value), { code: 'HP_PROFILE_WORKLOAD', message });
  });
}

function arrivalsOf(name: string): number {
  const path = join(PROJECT_ROOT, 'autoscaler/profile/workloads', name);
  const workload = readWorkload(readFileSync(path, 'utf8'), path);
  return planArrivals(workload, workload.seed ?? 0)?.length ?? 0;
}

test('the workloads of the study are read, and call as often as docs/profile.md says', (t) => {
  t.is(arrivalsOf('cold-start.json'), 60);
  t.is(arrivalsOf('interference.json'), 634);
});

test('what is no JSON is refused as such', (t) => {
  t.throws(() => readWorkload('{', 'w.json'), { message: 'w.json: it is not JSON.' });
});
