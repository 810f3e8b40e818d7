/**
 * Goal: a user who profiles a workload with --accesses gets the counts of each call, and latencies
 * by share that are modelled from them.
 * Method: the command itself, with an agent of its own and a real VM; the built-in function touches
 * a known number of pages.
 */
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import test from 'ava';
import { KIB, MIB } from '../../../base/units.ts';
import { readArchive } from '../../../autoscaler/profile/archive.ts';
import { runLine } from '../../cli/run-line.ts';

const TOUCHED_BYTES = 16 * MIB;
const LINES = (2 * TOUCHED_BYTES) / (4 * KIB);
const work = { anonymous_bytes: TOUCHED_BYTES, file_bytes: 0, cpu_ms: 0, wall_ms: 0 };

test('counts of each call are in the archive, and simulate tiers plays them', async (t) => {
  const folder = await mkdtemp(join(tmpdir(), 'hp-profile-'));
  t.teardown(async () => await rm(folder, { recursive: true, force: true }));
  const [workload, out] = [join(folder, 'workload.json'), join(folder, 'out')];
  const instance = { application: 'touch', interarrivals_list: [0.1, 0.1, 0.1], data: work };
  const about = { test_name: 'touch', test_duration_in_seconds: 5, random_seed: 1 };
  await writeFile(workload, JSON.stringify({ ...about, instances: { small: instance } }));
  const what = `--own-agent --accesses --function touch=128MiB --mechanism hotmem --out ${out}`;
  const run = await runLine(`profile run ${workload} ${what}`);
  t.is(run.code, 0, run.err);
  t.regex(run.out, /small warm +2 /);
  const { accesses, calls } = await readArchive(out);
  t.deepEqual(
    calls.map(({ outcome }) => outcome),
    ['done', 'done', 'done'],
  );
  t.is(accesses?.length, 3);
  const warm = accesses?.filter(({ cold }) => !cold) ?? [];
  t.is(warm.length, 2);
  for (const { region, instructions } of warm) {
    t.true(region.fills >= LINES && region.fills <= 1.1 * LINES, `${region.fills} for ${LINES}`);
    t.true(instructions > 0);
  }
  t.regex(await readFile(join(out, 'counted.json'), 'utf8'), /2 MiB in 16 ways/);
  const played = await runLine(`simulate tiers --accesses ${out} --penalty 200`);
  t.is(played.code, 0, played.err);
  t.regex(played.out, /^simulated; latencies modelled: from counted accesses .*under TCG/);
});
