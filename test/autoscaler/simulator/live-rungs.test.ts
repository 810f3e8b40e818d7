/** What stood ready over time in a live run, told by the core that is told its events again. */
import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import test from 'ava';
import { DEFAULT_POLICY } from '../../../agent/core/default-policy/policy.ts';
import { DEFAULT_POOL } from '../../../agent/model/pool-spec.ts';
import { FIXED_KEEP_ALIVE_POLICY } from '../../../autoscaler/policy/fixed-keep-alive.ts';
import { RESULT_FILES } from '../../../autoscaler/results/writer.ts';
import { writeLiveRungs } from '../../../autoscaler/simulator/live-rungs.ts';
import { HotplaneError } from '../../../base/errors.ts';
import { record, type Recorded } from './recorded-run.ts';

const { signal } = new AbortController();

interface Row {
  readonly rung: string;
  readonly end_s: number;
  readonly have_gib: number;
  readonly want_gib: number | null;
  readonly asked: number;
  readonly hits: number;
}

function rowsOf(folder: string): Row[] {
  const [head, ...lines] = readFileSync(join(folder, 'rungs.csv'), 'utf8').trimEnd().split('\n');
  if (head !== 'run,rung,end_s,have_gib,want_gib,asked,hits') throw new Error(head);
  return lines.map((line) => {
    const [rung = '', end, have, want, asked, hits] = line
      .slice(line.lastIndexOf('",') + 2)
      .split(',');
    const want_gib = want === '' ? null : Number(want);
    const counts = { asked: Number(asked), hits: Number(hits) };
    return { rung, end_s: Number(end), have_gib: Number(have), want_gib, ...counts };
  });
}

/** What the agent said of all its functions when the window ended. */
function toldBy({ rungs }: Recorded, name: string) {
  const own = rungs.filter(({ rung }) => rung === name);
  const sum = (of: (one: (typeof own)[number]) => number | null): number =>
    own.reduce((all, one) => all + (of(one) ?? 0), 0);
  return {
    asked: sum(({ asked }) => asked),
    hits: sum(({ hits }) => hits),
    idle_gib_s: sum(({ idle_gib_s }) => idle_gib_s),
  };
}

for (const [what, policy, part] of [
  ['a pool', DEFAULT_POLICY, { pool: { ...DEFAULT_POOL, bucket_ms: 1_000, active_buckets: 1 } }],
  ['another policy', FIXED_KEEP_ALIVE_POLICY, {}],
] as const) {
  test(`its parts add up to what the agent itself told in the end: ${what}`, async (t) => {
    const run = await record(t, policy, 11, part);
    await writeLiveRungs(run.folder, run.folder, signal);
    const rows = rowsOf(run.folder);
    t.is(rows.length, 200);
    for (const rung of ['plugged', 'warm']) {
      const own = rows.filter((row) => row.rung === rung);
      const part_s = own[0]?.end_s ?? 0;
      const told = toldBy(run, rung);
      t.is(
        own.reduce((sum, { asked }) => sum + asked, 0),
        told.asked,
        rung,
      );
      t.is(
        own.reduce((sum, { hits }) => sum + hits, 0),
        told.hits,
        rung,
      );
      const gib_s = own.reduce((sum, { have_gib }) => sum + have_gib * part_s, 0);
      t.true(Math.abs(gib_s - told.idle_gib_s) <= 0.01 * told.idle_gib_s, `${rung}: ${gib_s}`);
    }
    t.true(toldBy(run, 'warm').hits > 0);
  });
}

test('it is drawn as a simulation is, and does not say that it is one', async (t) => {
  const run = await record(t, DEFAULT_POLICY, 11, { pool: DEFAULT_POOL });
  const into = join(run.folder, 'plots');
  await writeLiveRungs(run.folder, into, signal);
  const svg = readFileSync(join(into, 'rungs.svg'), 'utf8');
  const { asked, hits } = toldBy(run, 'warm');
  t.true(svg.includes(`warm, GiB: ${hits} of ${asked} calls found one`));
  t.regex(svg, />What stands ready, and what is wanted</);
  t.regex(svg, />seconds since the first arrival</);
  t.notRegex(svg, /simulated/i);
  t.true(
    rowsOf(into).some(({ want_gib }) => (want_gib ?? 0) > 0),
    'the pool wants something',
  );
});

test('a run that does not tell what its agent was told is one message, and nothing is written', async (t) => {
  const run = await record(t, DEFAULT_POLICY, 11);
  writeFileSync(join(run.folder, RESULT_FILES.events), '');
  const into = join(run.folder, 'plots');
  await t.throwsAsync(writeLiveRungs(run.folder, into, signal), {
    instanceOf: HotplaneError,
    message: /has no events\.jsonl, or an empty one/,
  });
  t.false(existsSync(into));
});
