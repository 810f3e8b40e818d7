import { execFileSync } from 'node:child_process';
import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import test, { type ExecutionContext } from 'ava';
import { rebuildReport } from '../../autoscaler/report/rebuild.ts';
import { renderTable } from '../../autoscaler/report/table.ts';
import { describeError, HotplaneError } from '../../base/errors.ts';
import { PEAK_GIB, writeLargeFolder } from './large-folder.ts';
import { healthyRun, type MadeRun, writeRun } from './made-run.ts';

function folderOf(t: ExecutionContext, run: MadeRun | null = healthyRun()): string {
  const folder = mkdtempSync(join(tmpdir(), 'hotplane-test-'));
  t.teardown(() => rmSync(folder, { recursive: true, force: true }));
  if (run) writeRun(folder, run);
  return folder;
}

test('a folder of more lines than a call takes arguments is reported, with its peak', async (t) => {
  const folder = folderOf(t, null);
  writeLargeFolder(folder, 260_000);
  const svg = join(folder, 'memory.svg');
  const summary = await rebuildReport(folder, svg);
  const [, own] = summary.mechanisms;
  t.is(own?.invocations.outcomes.done, 130_000);
  t.is(own?.operations.plug.plugged.n, 130_000);
  t.deepEqual(own?.not_compared, []);
  t.regex(readFileSync(svg, 'utf8'), new RegExp(`>${PEAK_GIB - 1}</text>`), 'the axis reaches it');
  t.true(readFileSync(join(folder, 'report.html'), 'utf8').length < 1e6);
});

test('a plot that cannot be written is told by its own name and option', async (t) => {
  const svg = join(folderOf(t, null), 'nowhere', 'memory.svg');
  const error = await t.throwsAsync(rebuildReport(folderOf(t), svg), { instanceOf: HotplaneError });
  t.is(error.code, 'HP_RESULTS_UNWRITABLE');
  const said = describeError(error);
  t.true(said.includes(`${svg} cannot be written (ENOENT)`) && said.includes('--svg'), said);
  t.false(said.includes('.new') || said.includes('--out'), said);
});

test('a report that a signal ends writes nothing', async (t) => {
  const folder = folderOf(t);
  const signal = AbortSignal.abort('SIGTERM');
  await t.throwsAsync(rebuildReport(folder, null, signal), { code: 'HP_REPORT_INTERRUPTED' });
  t.false(existsSync(join(folder, 'summary.json')) || existsSync(join(folder, 'report.html')));
});

test('a report gives the same bytes again', async (t) => {
  const folder = folderOf(t);
  const read = (): string[] =>
    ['summary.json', 'report.html'].map((name) => readFileSync(join(folder, name), 'utf8'));
  await rebuildReport(folder);
  const first = read();
  await rebuildReport(folder);
  t.deepEqual(read(), first);
});

for (const [name, text] of [
  ['operations.jsonl', /operations\.jsonl is missing/],
  ['invocations.jsonl', /hotmem is not compared: invocations\.jsonl is missing/],
  ['memory.jsonl', /hotmem is not compared: memory\.jsonl is missing/],
  ['load.jsonl', /Load not observed \(static, hotmem\)/],
] as const) {
  test(`a folder without ${name} is reported, and says what is not known`, async (t) => {
    const folder = folderOf(t);
    rmSync(join(folder, name));
    const summary = await rebuildReport(folder);
    t.deepEqual(summary.missing_files, [name]);
    t.regex(renderTable(summary), text);
  });

  test(`a cut off last line of ${name} is left out, and told`, async (t) => {
    const folder = folderOf(t);
    const path = join(folder, name);
    writeFileSync(path, `${readFileSync(path, 'utf8')}{"mechanism":"hot`);
    const summary = await rebuildReport(folder);
    t.deepEqual(summary.torn_files, [name]);
    t.regex(renderTable(summary), new RegExp(`${name}: the last line was cut off`));
  });
}

for (const [title, change] of [
  ['no lines at all', (run) => ({ ...run, operations: [], invocations: [], memory: [], load: [] })],
  ['one mechanism only', () => healthyRun(['hotmem'])],
  ['no mechanism had its turn', () => healthyRun([])],
  [
    'the largest numbers that a line may hold',
    (run) => ({
      ...run,
      memory: run.memory.map((line) =>
        line.kind === 'step'
          ? { ...line, resident_bytes: Number.MAX_SAFE_INTEGER, committed_bytes: 2 ** 53 - 1 }
          : line,
      ),
      invocations: run.invocations.map((line) => ({ ...line, finished_at_ms: 1e12 })),
    }),
  ],
  [
    'a window of nothing',
    (run) => ({
      ...run,
      manifest: { ...run.manifest, window: { ...run.manifest.window, window_ms: 0 } },
    }),
  ],
  [
    'the longest window',
    (run) => ({
      ...run,
      manifest: { ...run.manifest, window: { ...run.manifest.window, window_ms: 1e12 } },
    }),
  ],
] as const satisfies readonly (readonly [string, (run: MadeRun) => MadeRun])[]) {
  test(`a hand-made folder is reported: ${title}`, async (t) => {
    const folder = folderOf(t, change(healthyRun()));
    const summary = await rebuildReport(folder, join(folder, 'memory.svg'));
    t.notRegex(renderTable(summary), /NaN|undefined|Infinity|null/);
    t.notRegex(readFileSync(join(folder, 'memory.svg'), 'utf8'), /NaN|undefined|Infinity/);
    t.notRegex(readFileSync(join(folder, 'report.html'), 'utf8'), /NaN|undefined|Infinity/);
    for (const one of summary.mechanisms) {
      const { not_sent, wait, wait_total_ms, ...counts } = one.invocations.waits;
      const sum = Object.values(counts).reduce((total, count) => total + count, not_sent);
      t.is(sum, one.invocations.planned, 'everybody is counted once');
      t.true(wait.n >= 0 && wait_total_ms >= 0);
    }
  });
}

const ESCAPE = '\u001b[2J\u202e';

test('a folder without a manifest is told with the reason of the system', async (t) => {
  const folder = folderOf(t, null);
  const error = await t.throwsAsync(rebuildReport(folder), { instanceOf: HotplaneError });
  t.is(error.code, 'HP_RESULTS_MISSING');
  t.true(error.message.includes(`${join(folder, 'manifest.json')} (ENOENT)`), error.message);
});

test('an error names file, line and field, and shows foreign text without its effect', async (t) => {
  const run = healthyRun();
  const [first] = run.invocations;
  const folder = folderOf(t, run);
  const spoilt = { ...first, [`${ESCAPE}${'x'.repeat(5000)}`]: 1 };
  writeFileSync(
    join(folder, 'invocations.jsonl'),
    `${JSON.stringify(first)}\n${JSON.stringify(spoilt)}\n`,
  );
  const error = await t.throwsAsync(rebuildReport(folder), { instanceOf: HotplaneError });
  t.is(error.code, 'HP_RESULTS_MALFORMED');
  t.regex(error.message, /invocations\.jsonl line 2 .*\ufffd\[2J\ufffdxxx/);
  t.true(error.message.length < 1000);
  // oxlint-disable-next-line no-control-regex -- what must not be there
  t.notRegex(error.message, /[\u001b\u202e]/);
});

test('a wrong value is told with the field it is in', async (t) => {
  const folder = folderOf(t);
  const path = join(folder, 'memory.jsonl');
  writeFileSync(path, readFileSync(path, 'utf8').replace('"at_ms":0', '"at_ms":1e300'));
  const error = await t.throwsAsync(rebuildReport(folder), { instanceOf: HotplaneError });
  t.regex(error.message, /memory\.jsonl line 3 .*: at_ms: /);
});

test('names from outside reach neither terminal nor page as they are', async (t) => {
  const run = healthyRun(['static', `hot${ESCAPE}mem`]);
  run.manifest.mechanisms = run.manifest.mechanisms.map((one) => ({
    ...one,
    status: 'failed',
    error: `${ESCAPE}died`,
  }));
  const folder = folderOf(t, run);
  const summary = await rebuildReport(folder, join(folder, 'memory.svg'));
  const page = readFileSync(join(folder, 'report.html'), 'utf8');
  const svg = readFileSync(join(folder, 'memory.svg'), 'utf8');
  // oxlint-disable-next-line no-control-regex -- what must not be there
  for (const text of [renderTable(summary), page, svg]) t.notRegex(text, /[\u001b\u202e]/);
});

test('the plot of any folder is well-formed XML', (t) => {
  const folder = folderOf(t);
  const program = new URL('../../bin/hotplane.js', import.meta.url).pathname;
  execFileSync(process.execPath, [program, 'report', folder, '--svg', join(folder, 'm.svg')], {
    stdio: 'ignore',
  });
  const svg = readFileSync(join(folder, 'm.svg'), 'utf8');
  const open: string[] = [];
  for (const [, end, tag, alone] of svg.matchAll(/<(\/?)([a-z]+)[^<>]*?(\/?)>/g)) {
    if (end === '/') t.is(open.pop(), tag);
    else if (alone !== '/') open.push(tag ?? '');
  }
  t.deepEqual(open, []);
});
