/** A stage of `npm test` is counted by what it says and how it ends, and ended when it is late. */
import test from 'ava';
import { existsSync, mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { hostClock } from '../../base/clock.ts';
import { waitFor } from '../../base/wait.ts';
import { runStage } from '../../tools/run-stage.ts';
import type { Stage } from '../../tools/stages.ts';

const stage = (kind: Stage['kind'], script: string): Stage => ({
  name: 'one',
  kind,
  command: ['/bin/sh', '-c', script],
});

const rows: readonly [Stage['kind'], string, { passed: number; failed: number }][] = [
  ['check', 'exit 0', { passed: 1, failed: 0 }],
  ['check', 'exit 3', { passed: 0, failed: 1 }],
  ['check', 'kill -9 $$', { passed: 0, failed: 1 }],
  ['tap', 'echo "ok 1"; echo "ok 2"', { passed: 2, failed: 0 }],
  ['tap', 'echo "ok 1"; echo "not ok 2"; exit 1', { passed: 1, failed: 1 }],
  ['tap', 'echo "ok 1"; exit 1', { passed: 1, failed: 1 }],
  ['tap', 'exit 0', { passed: 0, failed: 1 }],
];

for (const [kind, script, expected] of rows) {
  test(`a stage counts for what it says and how it ends: ${kind}, ${script}`, async (t) => {
    const told: string[] = [];
    const tally = await runStage(stage(kind, script), 60_000, (text) => told.push(text));
    t.like(tally, expected, told.join(''));
    t.is(tally.failures.length, expected.failed, 'each has a name');
  });
}

test('a stage that is late is ended with all that it started, and has failed', async (t) => {
  const folder = mkdtempSync(join(tmpdir(), 'hotplane-stage-'));
  t.teardown(() => rmSync(folder, { recursive: true }));
  const waits = `echo "ok 1"; sleep 600 & echo $! > ${folder}/pid; wait`;
  const told: string[] = [];
  const tally = await runStage(stage('tap', waits), 1999.5, (text) => told.push(text));
  t.like(tally, { passed: 1, failed: 1 });
  t.deepEqual(tally.failures, [{ name: 'one: ended after 2 s', lines: [] }]);
  t.deepEqual(told, ['ok 1\n', '== one: ended after 2 s\n']);
  const pid = Number(readFileSync(`${folder}/pid`, 'utf8'));
  t.true(pid > 0);
  const gone = () => (existsSync(`/proc/${pid}`) ? null : true);
  t.true(await waitFor(gone, { clock: hostClock, deadline_ms: 60_000 }));
});
