/**
 * Goal: one command measures what calls take with each share of near memory, on real VMs whose
 * instances are on two nodes, and its table is one that functions choose from. Method: the built-in
 * function, half near and all near, on a host on which both nodes may be the same one.
 */
import test from 'ava';
import { readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { readArchive } from '../../autoscaler/profile/archive.ts';
import { parseJson } from '../../base/json.ts';
import { MIB } from '../../base/units.ts';
import { tierWorkloadSchema } from '../../autoscaler/simulator/tiers/workload.ts';
import { SERIES_REVISION } from '../series-revision.ts';
import { isUnknownOr } from '../agent/recorded.ts';
import { processesOf, runCommand, scratchFolder, socketsOf } from './command.ts';

/** The first revision of the series in which a process has several partitions. */
const REVISION = 11;
const onJoiningKernel = SERIES_REVISION >= REVISION ? test : test.skip;

const CALLS = 4;
const WORKLOAD = {
  test_name: 'shares',
  test_duration_in_seconds: 5,
  random_seed: 1,
  instances: {
    small: {
      application: 'touch',
      interarrivals_list: [0.1, ...Array.from({ length: CALLS - 1 }, () => 0.5)],
      data: { anonymous_bytes: 64 * MIB, file_bytes: 0, cpu_ms: 0, wall_ms: 0 },
    },
  },
};

onJoiningKernel('latencies by share are measured by one command, and chosen from', async (t) => {
  t.timeout(480_000);
  const folder = await scratchFolder(t);
  await writeFile(join(folder, 'workload.json'), JSON.stringify(WORKLOAD));
  const nodes = ['--far-node', '0', '--own-agent', '--node-limits', '0=2GiB'];
  const what = ['--function', 'touch=256MiB', '--concurrency', '1', '--out', 'out'];
  const how = ['--shares', '0.5,1', '--rounds', '1'];
  const args = ['profile', 'tiers', 'workload.json', ...nodes, ...what, ...how];
  const ended = await runCommand(args, { folder });
  t.is(ended.exit_code, 0, ended.stderr);
  t.deepEqual(processesOf(folder), []);
  t.deepEqual(socketsOf(folder), []);

  const file = join(folder, 'out', 'tiers.json');
  const table = tierWorkloadSchema.parse(parseJson(await readFile(file, 'utf8')));
  t.is(table.source, 'measured');
  const [one] = table.classes;
  t.like(one, { input: 'small', bytes: 256 * MIB, calls_per_s: CALLS / 5 });
  t.deepEqual(
    one?.table.map(({ share }) => share),
    [0.5, 1],
  );
  const { operations, calls, manifest } = await readArchive(
    join(folder, 'out', 'round-1', 'share-0.5'),
  );
  t.true(manifest.drained, 'all memory is back');
  t.true(calls.every(({ outcome }) => outcome === 'done'));
  const plugs = operations.filter(({ kind }) => kind === 'plug');
  t.deepEqual(
    plugs.map(({ requested_bytes }) => requested_bytes),
    [128 * MIB, 128 * MIB],
    'a part on each node',
  );
  const unplugs = operations.filter(({ kind }) => kind === 'unplug');
  t.is(unplugs.length, 2);
  // A guest that was late told nothing of it.
  t.true(unplugs.every((each) => isUnknownOr(each.pages_migrated, 0)));

  const played = await runCommand(['simulate', 'tiers', '--table', 'out/tiers.json'], { folder });
  t.is(played.exit_code, 0, played.stderr);
  t.regex(played.stdout, /latencies measured/);
});
