import { mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import test from 'ava';
import { asyncBufferFromFile, parquetReadObjects } from 'hyparquet';
import { exportTables } from '../../autoscaler/results/export.ts';
import { ParquetFile } from '../../autoscaler/results/parquet-file.ts';
import { invocationSchema, loadSchema } from '../../autoscaler/results/schema.ts';
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
  const files = await exportTables(folder, join(FOLDER, 'tables'), 'csv', signal);
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

test('in Parquet every value has its type, and what is null is null', async (t) => {
  const run = healthyRun();
  run.invocations = run.invocations.map((one, index) =>
    index === 1 ? { ...one, cold: true, reason: 'one, "two"', anonymous_bytes: 2 ** 40 } : one,
  );
  const folder = join(FOLDER, 'typed');
  writeRun(folder, run);
  const out = join(FOLDER, 'typed-tables');
  const files = await exportTables(folder, out, 'parquet', signal);
  t.deepEqual(files.map(({ path }) => path).toSorted(), [
    join(out, 'invocations.parquet'),
    join(out, 'load.parquet'),
    join(out, 'memory.parquet'),
    join(out, 'operations.parquet'),
  ]);
  const rows = await rowsOf(join(out, 'invocations.parquet'));
  t.is(rows.length, run.invocations.length);
  t.deepEqual(Object.keys(rows[0] ?? {}), Object.keys(invocationSchema.shape));
  const whole = ['anonymous_bytes', 'minor_faults'];
  for (const [index, row] of rows.entries()) {
    const line = Object.entries(run.invocations[index] ?? {});
    const told = line.map(([name, value]) => [
      name,
      whole.includes(name) && typeof value === 'number' ? BigInt(value) : value,
    ]);
    t.like(row, Object.fromEntries(told), `row ${index}`);
  }
});

test('a table of more than one group of rows is whole', async (t) => {
  const path = join(FOLDER, 'long.parquet');
  const table = new ParquetFile(path, loadSchema.shape);
  const [line] = healthyRun().load;
  for (let at_ms = 0; at_ms < 100_001; at_ms += 1) table.add({ ...line, at_ms });
  table.close(true);
  const rows = await rowsOf(path);
  t.is(rows.length, 100_001);
  t.true(rows.every(({ at_ms }, index) => at_ms === index));
});

test('no rows are a table too', async (t) => {
  const path = join(FOLDER, 'empty.parquet');
  new ParquetFile(path, loadSchema.shape).close(true);
  t.deepEqual(await rowsOf(path), []);
});

test('Parquet that did not come to its end is removed', async (t) => {
  const folder = join(FOLDER, 'spoilt');
  writeRun(folder, healthyRun());
  writeFileSync(join(folder, 'invocations.jsonl'), '{"mechanism":7}\n');
  const out = join(FOLDER, 'spoilt-tables');
  await t.throwsAsync(exportTables(folder, out, 'parquet', signal), {
    instanceOf: HotplaneError,
    code: 'HP_RESULTS_MALFORMED',
  });
  t.deepEqual(readdirSync(out), []);
});

for (const format of ['csv', 'parquet'] as const) {
  test(`a file that is there is not written over by ${format}`, async (t) => {
    const folder = join(FOLDER, `again-${format}`);
    writeRun(folder, healthyRun());
    const out = join(FOLDER, `tables-again-${format}`);
    await exportTables(folder, out, format, signal);
    const before = readFileSync(join(out, `operations.${format}`));
    await t.throwsAsync(exportTables(folder, out, format, signal), {
      instanceOf: HotplaneError,
      code: 'HP_RESULTS_EXIST',
    });
    t.deepEqual(readFileSync(join(out, `operations.${format}`)), before);
  });
}

async function rowsOf(path: string): Promise<Record<string, unknown>[]> {
  return await parquetReadObjects({ file: await asyncBufferFromFile(path) });
}
