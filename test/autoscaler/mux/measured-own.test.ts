/** What is told of functions of the project, against CPython; skipped as measured.test.ts is. */
import test from 'ava';
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { sizesFor } from '../../../agent/expression/interface.ts';
import { extractSource } from '../../../autoscaler/mux/source.ts';
import { PROJECT_ROOT } from '../../../base/paths.ts';
import { interfaceOf, runAll } from './run-python.ts';

/** Frames, names, objects that import made. */
const LEFT_BYTES = 4 * 1024;

/** Functions of the project that are told exactly, with payloads; `above`: as in a case. */
const OWN: readonly { readonly name: string; readonly sizes: readonly number[]; above: number }[] =
  [
    { name: 'matrix', sizes: [20, 60, 90], above: 0.35 },
    { name: 'resize', sizes: [30, 100, 160], above: 0.35 },
    { name: 'page', sizes: [100, 1_000, 3_000], above: 2 },
    { name: 'frames', sizes: [2, 4], above: 0.8 },
    { name: 'inference', sizes: [3, 9], above: 4 },
    { name: 'compress', sizes: [1_000, 50_000], above: 30 },
  ];

test('what is said of functions of the project is not below what they take', async (t) => {
  const folder = join(PROJECT_ROOT, 'images/functions/python');
  const seeded = await readFile(join(folder, 'seeded.py'), 'utf8');
  const counted = await runAll([]);
  if (counted?.python !== '3.11') {
    t.log(`skipped: Python is ${counted?.python}; 3.11 is wanted`);
    t.pass();
    return;
  }
  for (const { name, sizes, above } of OWN) {
    const source = await readFile(join(folder, `${name}.py`), 'utf8');
    const options = { model: null, entry: null };
    const extraction = extractSource(
      `${name}.py`,
      source,
      options,
      new Map([['seeded.py', seeded]]),
    );
    const payloads = sizes.map((size) => ({ seed: 7, size }));
    const peaks = await runAll(payloads.map((payload) => ({ source, counts: 'traced', payload })));
    for (const [at, payload] of payloads.entries()) {
      const said = sizesFor(interfaceOf(extraction), payload).peak_bytes;
      const measured = peaks?.peaks[at] ?? Number.NaN;
      const figures = `${name} ${payload.size}: ${said} said, ${measured} measured`;
      t.log(figures);
      t.true(said + LEFT_BYTES >= measured * 0.995, figures);
      t.true(said <= measured * (1 + above) + LEFT_BYTES, figures);
    }
  }
});
