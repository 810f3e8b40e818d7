/** A short bench of spans, for real. Asserts what must be true on any machine, however busy. */
import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import test from 'ava';
import { MIB } from '../../base/units.ts';
import { runSpansBench } from '../../bench/spans/command.ts';
import type { SpansReport } from '../../bench/spans/records.ts';
import { SERIES_REVISION } from '../series-revision.ts';

/** The first revision of the series that has spans. */
const REVISION = 9;
const onSpanKernel = SERIES_REVISION >= REVISION ? test.serial : test.serial.skip;
const TIMES = 5;
const SPAN_BYTES = 64 * MIB;

onSpanKernel(
  'a span is back at the host after each close, and static keeps its memory',
  async (t) => {
    t.timeout(480_000);
    const folder = await mkdtemp(join(tmpdir(), 'hp-bench-spans-'));
    t.teardown(async () => await rm(folder, { recursive: true }));
    let text = '';
    const code = await runSpansBench({
      options: { size: '64MiB', times: `${TIMES}`, touch: '100' },
      folder: join(folder, 'result'),
      json: true,
      strict: false,
      stdout: { write: (part) => void (text += part) },
      stderr: { write: () => undefined },
      signal: new AbortController().signal,
    });
    const report: SpansReport = JSON.parse(text);
    const { lines, summary, checks } = report;
    t.is(code, 0);
    // How long the agent computes is the host's affair, too: that it waits for nothing is shown
    // on a simulated clock (agent/executor/spans), and that it is the least of an open here.
    const { own, all } = summary.open;
    t.log(`of ${all.p50_ms} ms of an open ${own.p50_ms} are the agent's own`);
    t.true((own.p50_ms ?? Number.NaN) <= (all.p50_ms ?? Number.NaN) / 2);
    const missed = checks.filter(({ name, verdict }) => name !== 'own_p99' && verdict !== 'met');
    t.deepEqual(missed, []);
    t.deepEqual(JSON.parse(await readFile(join(folder, 'result', 'spans.json'), 'utf8')), report);
    t.deepEqual(
      lines.map(({ mechanism, reason }) => [mechanism, reason]),
      [
        ['static', null],
        ['hotmem', null],
      ],
    );
    t.like(summary, { opened: TIMES, closed: TIMES, failed: 0, not_back: 0, disagree: 0 });
    t.true((summary.touched_bytes?.[0] ?? 0) >= SPAN_BYTES, 'it was all touched each time');
    t.is(summary.open.all.n, TIMES, 'the program tells each');
    t.is(summary.open.handed_over.n, TIMES);
    const [base, ours] = lines;
    const kept = (line = base): number => (line ? line.held.end - line.held.before : Number.NaN);
    t.true(kept() >= SPAN_BYTES * 0.9, `static keeps ${kept()}`);
    t.true(kept(ours) < SPAN_BYTES / 2, `hotmem keeps ${kept(ours)}`);
    t.true((ours?.held.most ?? 0) > (ours?.held.before ?? 0));
  },
);
