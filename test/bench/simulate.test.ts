/** `bench simulate`: that it measures what it says, and holds it against what was promised. */
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import test from 'ava';
import type { Check } from '../../bench/check.ts';
import { runSimulateBench } from '../../bench/simulate/command.ts';
import { exponentOf, linearCsv, renderLinear } from '../../bench/simulate/linear.ts';
import type { SimulateBenchRuns } from '../../bench/simulate/measure.ts';

const FOLDER = mkdtempSync(join(tmpdir(), 'hotplane-bench-simulate-'));
test.after.always(() => rmSync(FOLDER, { recursive: true, force: true }));

test('a small run measures every engine, reading, and whether time is linear', async (t) => {
  const text: string[] = [];
  const plot = join(FOLDER, 'linear.svg');
  const code = await runSimulateBench({
    invocations: 2_000,
    reference_invocations: 100,
    rounds: 2,
    seed: 1,
    apps: 20,
    linear: 30_000,
    plot,
    strict: false,
    json: true,
    stdout: { write: (part: string) => text.push(part) },
    signal: new AbortController().signal,
  });
  t.is(code, 0);
  const told: SimulateBenchRuns & { readonly checks: readonly Check[] } = JSON.parse(text.join(''));
  const what = [
    'bare heap',
    'fixed-keep-alive',
    'hybrid-histogram',
    'pool by a price',
    'greedy-dual',
    'reference',
  ];
  t.deepEqual(
    told.runs.map((one) => one.what),
    [...what, ...what],
  );
  t.deepEqual(
    told.checks.map(({ name, measured }) => [name, measured !== null]),
    [
      ['fixed-keep-alive_m_events_per_s', true],
      ['hybrid-histogram_m_events_per_s', true],
      ['reference_m_events_per_s', true],
      // Said only of traces as large as those the promise is about.
      ['read_s', false],
      ['whole_s', false],
      ['read_mb', false],
      ['wide_mib_per_s', true],
      ['day_mb', false],
      ['linear_exponent', true],
    ],
  );
  const { rows, wide, day } = told.readings;
  t.is(rows.bytes, told.file_bytes);
  t.true(day.bytes > wide.bytes && wide.bytes > 0);
  for (const one of [rows, wide, day]) t.true(one.cpu_ms > 0 && one.resident_bytes > 2 ** 20);
  t.deepEqual(
    told.linear.map(({ invocations }) => invocations),
    [10_000, told.linear.at(-1)?.invocations],
  );
  t.is(readFileSync(plot, 'utf8'), renderLinear(told.linear));
  t.is(readFileSync(`${plot}.csv`, 'utf8'), linearCsv(told.linear));
});

test('the exponent of times is 1 where they are linear, 2 where they are squares', (t) => {
  const sizes = [10, 100, 1_000];
  const timesOf = (time: (size: number) => number): number | null => {
    const exponent = exponentOf(
      sizes.map((invocations) => ({ invocations, cpu_ms: time(invocations) })),
    );
    return exponent === null ? null : Math.round(exponent * 1e6) / 1e6;
  };
  t.is(
    timesOf((size) => 3 * size),
    1,
  );
  t.is(
    timesOf((size) => size ** 2),
    2,
  );
  t.is(exponentOf([{ invocations: 10, cpu_ms: 1 }]), null);
});
