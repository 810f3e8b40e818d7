import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import test from 'ava';
import { exportCsv } from '../../autoscaler/results/export.ts';
import { invocationSchema } from '../../autoscaler/results/schema.ts';
import { HotplaneError } from '../../base/errors.ts';
import { healthyRun, writeRun } from './made-run.ts';

const FOLDER = mkdtempSync(join(tmpdir(), 'hotplane-export-'));
test.after.always(() => rmSync(FOLDER, { recursive: true, force: true }));
const { signal } = new AbortController();

test('every line is a row with the fields of the format, and what is null is empty', async (t) => {
  const run = healthyRun();
  run.invocations = run.invocations.map((one, index) =>
    index === 0 ? { ...one, reason: 'one, "two"\nthree' } : one,
  );
  const folder = join(FOLDER, 'run');
  writeRun(folder, run);
  const files = await exportCsv(folder, join(FOLDER, 'tables'), signal);
  const steps = run.memory.filter(({ kind }) => kind === 'step').length;
  t.deepEqual(
    files.map(({ rows }) => rows),
    [run.operations.length, run.invocations.length, steps, run.load.length],
  );
  const text = readFileSync(join(FOLDER, 'tables', 'invocations.csv'), 'utf8');
  const [head = '', row = '', rest = ''] = text.split('\n');
  const columns = head.split(',');
  t.deepEqual(columns, Object.keys(invocationSchema.shape));
  t.true(`${row}\n${rest}`.includes('"one, ""two""\nthree"'));
  const last = text.trimEnd().split('\n').at(-1)?.split(',') ?? [];
  t.is(last.length, columns.length);
  t.is(last[columns.indexOf('reason')], '');
  t.is(last[columns.indexOf('guest_wall_ms')], '100');
});

test('a file that is there is not written over', async (t) => {
  const folder = join(FOLDER, 'again');
  writeRun(folder, healthyRun());
  const out = join(FOLDER, 'tables-again');
  await exportCsv(folder, out, signal);
  await t.throwsAsync(exportCsv(folder, out, signal), {
    instanceOf: HotplaneError,
    code: 'HP_RESULTS_EXIST',
  });
});
