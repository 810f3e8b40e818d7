/**
 * Goal: a folder that hotplane 0.1 wrote is reported today as it was then, byte for byte; only the
 * style sheet of the page may be another.
 * Method: the folder and what 0.1 made of it are kept as they were. Where a report is to say more,
 * its new bytes take the place of the old ones, and the change is seen in the diff.
 */
import { cpSync, mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import test from 'ava';
import { rebuildReport } from '../../autoscaler/report/rebuild.ts';
import { readResults } from '../../autoscaler/results/reader.ts';

const FROZEN = fileURLToPath(new URL('folder-0.1', import.meta.url));

const read = (folder: string, name: string): string =>
  readFileSync(join(folder, name), 'utf8').replaceAll(/<style>.*?<\/style>/gs, '');

test('a folder of 0.1 gives the summary and the page that 0.1 gave', async (t) => {
  const folder = mkdtempSync(join(tmpdir(), 'hotplane-test-'));
  t.teardown(() => rmSync(folder, { recursive: true, force: true }));
  cpSync(FROZEN, folder, { recursive: true });
  for (const name of ['summary.json', 'report.html']) rmSync(join(folder, name));
  await rebuildReport(folder);
  for (const name of ['summary.json', 'report.html']) {
    t.true(read(folder, name) === read(FROZEN, name), `${name} differs`);
  }
});

test('what 0.1 did not tell is null, and nothing of it is missing', async (t) => {
  const { manifest, operations, invocations, ...rest } = await readResults(FROZEN);
  t.is(manifest.schema_version, 1);
  t.true(operations.length > 0 && invocations.length > 0);
  for (const { created_at_ms, sandbox_at_ms, plugged_at_ms, attached_at_ms } of invocations) {
    t.deepEqual([created_at_ms, sandbox_at_ms, plugged_at_ms, attached_at_ms], Array(4).fill(null));
  }
  t.deepEqual(rest.decisions, []);
});
