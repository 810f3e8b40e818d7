/**
 * Goal: a workload of FaaSProfiler runs on real VMs by one command, every call is split, and memory
 * is back at the end. Method: two functions, cold and warm calls, a few of each.
 */
import test from 'ava';
import { readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { readArchive } from '../../autoscaler/profile/archive.ts';
import { splitCalls } from '../../autoscaler/profile/stages.ts';
import { MIB } from '../../base/units.ts';
import { processesOf, runCommand, scratchFolder, socketsOf } from './command.ts';

const WORKLOAD = {
  test_name: 'small',
  test_duration_in_seconds: 8,
  random_seed: 100,
  blocking_cli: false,
  instances: {
    churn: {
      application: 'churn_app',
      interarrivals_list: [0.5, 4],
      data: { anonymous_bytes: 16 * MIB, file_bytes: 0, cpu_ms: 0, wall_ms: 10 },
    },
    steady: {
      application: 'steady_app',
      distribution: 'Uniform',
      rate: 1,
      param_file: 'work.json',
    },
  },
  perf_monitoring: { runtime_script: 'monitoring/RuntimeMonitoring.sh', post_script: null },
};
const WORK = { anonymous_bytes: MIB, file_bytes: 0, cpu_ms: 1, wall_ms: 1 };

test('a workload runs unmodified on real VMs, and every call is split', async (t) => {
  t.timeout(480_000);
  const folder = await scratchFolder(t);
  await writeFile(join(folder, 'workload.json'), JSON.stringify(WORKLOAD));
  await writeFile(join(folder, 'work.json'), JSON.stringify(WORK));
  const given = ['--function', 'churn_app=32MiB', '--function', 'steady_app=32MiB'];
  const how = ['--mechanism', 'hotmem', '--concurrency', '4', '--keep-alive', '1', '--own-agent'];
  const args = ['profile', 'run', 'workload.json', ...given, ...how, '--out', 'out'];
  const ended = await runCommand(args, { folder });
  t.is(ended.exit_code, 0, ended.stderr);
  t.deepEqual(processesOf(folder), []);
  t.deepEqual(socketsOf(folder), []);

  const { manifest, calls, operations } = await readArchive(join(folder, 'out'));
  t.is(manifest.status, 'complete');
  t.true(manifest.drained, 'all memory is back');
  t.is(calls.length, 2 + 7);
  t.true(calls.every(({ outcome }) => outcome === 'done'));
  const split = splitCalls(calls, operations);
  for (const { cold, stages_ms, whole_ms, invocation_id } of split) {
    const own = [stages_ms.permit, stages_ms.plug, stages_ms.start];
    t.is(own.filter((value) => value !== null).length, cold ? 3 : 0, invocation_id);
    const sum = Object.values(stages_ms).reduce<number>((all, value) => all + (value ?? 0), 0);
    t.true(Math.abs(sum - (whole_ms ?? -1)) < 0.01, `${invocation_id}: ${sum} of ${whole_ms}`);
  }
  t.true(split.some(({ cold }) => !cold) && split.some(({ cold }) => cold));
  const unplugs = split.filter(({ unplug_ms }) => unplug_ms !== null && unplug_ms > 0);
  // What was started for a call that another instance took on a slow host served none.
  const served = new Set(calls.map((call) => `${call.function} ${call.instance_id}`));
  const of_served = operations.filter(
    (one) => one.kind === 'unplug' && served.has(`${one.function} ${one.instance_id}`),
  );
  t.true(unplugs.length > 0);
  t.is(unplugs.length, of_served.length);
  // A warm call touches what its instance has.
  t.true(calls.every(({ minor_faults, cold }) => (minor_faults ?? -1) >= (cold ? 256 : 0)));

  const stages = await readFile(join(folder, 'out', 'stages.jsonl'), 'utf8');
  const again = await runCommand(['profile', 'report', 'out'], { folder });
  t.is(again.exit_code, 0, again.stderr);
  t.is(again.stdout, ended.stdout);
  t.is(await readFile(join(folder, 'out', 'stages.jsonl'), 'utf8'), stages);
  const compared = await runCommand(['profile', 'compare', 'out', 'out'], { folder });
  t.regex(compared.stdout, / 0 longer in b, 0 shorter/);
});
