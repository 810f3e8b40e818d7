/** The short bench, for real. Asserts what must be true on any machine, however busy: no time. */
import test from 'ava';
import { measureGrowthAlone } from '../../bench/agent/growth.ts';
import { runElasticBench } from '../../bench/elastic/command.ts';
import type { ElasticReport } from '../../bench/elastic/records.ts';
import { SERIES_REVISION } from '../series-revision.ts';

/** The first revision of the series in which an instance can wait, and shrink in use. */
const REVISION = 8;
const onWaitingKernel = SERIES_REVISION >= REVISION ? test.serial : test.serial.skip;

onWaitingKernel('instances grow and shrink, nobody is killed, and nothing is left', async (t) => {
  t.timeout(480_000);
  let text = '';
  const code = await runElasticBench({
    options: {
      mechanism: 'hotmem',
      instances: '2',
      limit: '512MiB',
      baseline: '64MiB',
      increment: '64MiB',
      seconds: '8',
      rounds: '1',
      seed: '1',
      short: true,
    },
    series: [],
    measureAlone: measureGrowthAlone,
    json: true,
    strict: false,
    stdout: { write: (part) => void (text += part) },
    stderr: { write: () => undefined },
    signal: new AbortController().signal,
  });
  t.is(code, 0);
  const { plays, operations, summary, beside }: ElasticReport = JSON.parse(text);
  t.deepEqual(
    plays.map(({ mechanism, failed }) => `${mechanism} ${failed}`),
    ['static 0', 'hotmem 0'],
  );
  t.true(summary.alone.n >= 100, `${summary.alone.n} growths with nothing beside the agent`);
  t.true(beside.idle_lag_ms.n > 0);
  const [, ours] = summary.mechanisms;
  t.like(ours, { oom_kills: 0, pages_migrated: 0, failed: 0 });
  t.deepEqual(plays[1]?.left_bytes, [0, 0, 0]);
  t.true((ours?.growths ?? 0) >= 2, `${ours?.growths} growths`);
  // On average: a host that is busy beside one of them makes that one long.
  const [base_gib = 0, our_gib = Infinity] = plays.map(({ plugged_gib_s, from_ms, to_ms }) => {
    return (plugged_gib_s ?? Number.NaN) / ((to_ms - from_ms) / 1_000);
  });
  t.true(our_gib < base_gib, `${our_gib} GiB are plugged on average, ${base_gib} by static`);
  const grown = operations.filter(({ cause, outcome }) => cause === 'grow' && outcome === 'done');
  // Growth ahead of need is told without a wish: nobody waited for it.
  const wishes = grown.filter(({ wanted_at_ms }) => wanted_at_ms !== null);
  t.true(wishes.length > 0);
  t.deepEqual(
    grown.filter((one) => (one.wanted_at_ms === null) !== (one.heard_at_ms === null)),
    [],
  );
  // Shrinks of a play may each be cut short on a busy machine; these are tried again.
  const { idle_ms, phase_ms } = summary;
  t.true((idle_ms ?? 0) > 0 && (phase_ms ?? 0) > 0, `${idle_ms} ms idle, ${phase_ms} ms phase`);
});
