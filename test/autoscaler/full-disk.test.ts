/**
 * Goal: a replay whose disk becomes full ends at once with one message, and what it had written is
 * whole and marked. Method: a file system of so many bytes under the results, whose room ends at
 * every stage of a run; and a disk that takes a part of a line.
 */
import { execFileSync } from 'node:child_process';
import {
  appendFileSync,
  existsSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  writeSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import test, { type ExecutionContext } from 'ava';
import { rebuildReport } from '../../autoscaler/report/rebuild.ts';
import { RESULT_LIMITS } from '../../autoscaler/results/limits.ts';
import { readManifest, readResults } from '../../autoscaler/results/reader.ts';
import { type WriteBytes, ResultWriter } from '../../autoscaler/results/writer.ts';
import { CsvFile } from '../../autoscaler/results/csv-file.ts';
import { writeLines } from '../../autoscaler/trace/write-lines.ts';
import { describeError, HotplaneError } from '../../base/errors.ts';
import { errnoOf } from '../../base/system-error.ts';
import { KIB } from '../../base/units.ts';
import { healthyRun } from './made-run.ts';
import { rig } from './replay-rig.ts';

const root_only = process.getuid?.() === 0 ? test.serial : test.serial.skip;

/** A disk of so many bytes beside the reserve; null: this host does not let us mount. */
function disk(t: ExecutionContext, room_bytes: number): string | null {
  const path = mkdtempSync(join(tmpdir(), 'hotplane-disk-'));
  const size = `size=${RESULT_LIMITS.reserve_bytes + room_bytes}`;
  try {
    execFileSync('mount', ['-t', 'tmpfs', '-o', size, 'tmpfs', path], { stdio: 'pipe' });
  } catch {
    rmSync(path, { recursive: true });
    t.log('this host does not let us mount');
    t.pass();
    return null;
  }
  t.teardown(() => {
    execFileSync('umount', [path]);
    rmSync(path, { recursive: true });
  });
  return path;
}

const PAGE_BYTES = 4 * KIB;
/** The one that is there, and the one that is written beside it. */
const MANIFESTS_BYTES = 8 * PAGE_BYTES;

const LINES = ['operations', 'invocations', 'memory', 'load', 'decisions', 'events'].map(
  (name) => `${name}.jsonl`,
);

function linesOf(folder: string, name: string): string {
  return readFileSync(join(folder, name), 'utf8');
}

/** What files take of a disk. */
function sizeOf(folder: string, names: readonly string[]): number {
  const sizes = names.map((name) => statSync(join(folder, name)).size);
  return sizes.reduce((sum, size) => sum + Math.ceil(size / PAGE_BYTES) * PAGE_BYTES, 0);
}

/** Of what the lines of a run take: the disk is full in its first mechanism, or in its second. */
for (const share of [0.1, 0.25, 0.4, 0.55, 0.7, 0.85, 0.97]) {
  root_only(`room for ${share} of a run: one message, whole lines up to one moment`, async (t) => {
    const whole = rig(t);
    await whole.run();
    const room_bytes = MANIFESTS_BYTES + share * sizeOf(whole.out, LINES);
    const path = disk(t, Math.ceil(room_bytes / PAGE_BYTES) * PAGE_BYTES);
    if (path === null) return;
    const out = join(path, 'deep', 'out');
    const full = rig(t, {}, { out });
    const error = await t.throwsAsync(full.run(), { instanceOf: HotplaneError });
    t.is(error.code, 'HP_REPLAY_UNRECORDED');
    t.is(error.exit_code, 3);
    const told = describeError(error);
    t.regex(told, /for .*\.jsonl cannot be written; .* kept, marked as failed\. \(ENOSPC: .*\)/);
    t.true(told.includes(`'hotplane report ${out}'`), told);
    t.deepEqual([full.kept, full.unreported, full.notes], [[], [], whole.notes]);
    t.is(full.closed(), 1);

    const { manifest, torn_files } = await readResults(out);
    t.deepEqual(torn_files, []);
    t.is(manifest.status, 'failed');
    const [failed, ...later] = manifest.mechanisms.filter(({ status }) => status !== 'complete');
    t.is(failed?.status, 'failed');
    t.regex(failed?.error ?? '', /HP_RESULTS_UNWRITABLE: .*\.jsonl/);
    const { window_ms } = manifest.window;
    if (share < 0.9) t.true((failed?.observed_ms ?? 0) < window_ms, 'it ends there, not later');
    t.true(
      later.every(({ status }) => status === 'waiting'),
      'the next has no turn',
    );
    t.log(manifest.mechanisms.map(({ name, status }) => `${name} ${status}`).join(', '));
    const begun = manifest.mechanisms.length - later.length;
    t.is(full.agent.removed.length, 4 * begun, 'nothing of it is left at the agent');
    for (const name of LINES) {
      t.true(linesOf(whole.out, name).startsWith(linesOf(out, name)), name);
    }
    t.false(existsSync(join(out, '.reserve')));

    const { mechanisms } = await rebuildReport(out);
    for (const { status, not_compared } of mechanisms) {
      const marked = not_compared.some(({ code }) => code === 'run-not-complete');
      t.is(marked, status !== 'complete', status);
    }
  });
}

root_only('no room for the beginning: one message, and nothing is left', async (t) => {
  const path = disk(t, -8 * KIB);
  if (path === null) return;
  const { run, closed } = rig(t, {}, { out: join(path, 'deep', 'out') });
  const error = await t.throwsAsync(run(), { instanceOf: HotplaneError });
  t.is(error.code, 'HP_RESULTS_UNWRITABLE');
  t.regex(describeError(error), /ENOSPC.* Next: check the free space/);
  t.deepEqual(readdirSync(path), []);
  t.is(closed(), 1);
});

root_only('with rounds no other one is begun, and the whole ones stay', async (t) => {
  const one = rig(t);
  await one.run();
  const path = disk(t, 2.5 * sizeOf(one.out, readdirSync(one.out)));
  if (path === null) return;
  const out = join(path, 'out');
  const { runRounds, notes } = rig(t, {}, { out });
  const error = await t.throwsAsync(runRounds(9), { instanceOf: HotplaneError });
  t.is(error.code, 'HP_REPLAY_UNRECORDED');
  const rounds = readdirSync(out).filter((name) => name.startsWith('round-'));
  t.is(rounds.length, 3);
  const manifests = await Promise.all(
    rounds.toSorted().map((name) => readManifest(join(out, name))),
  );
  const states = manifests.map(({ status }) => status);
  t.is(states.pop(), 'failed');
  t.true(states.every((status) => status === 'complete'));
  t.is(notes.at(-1), `round ${rounds.length} of 9`, 'told once, by the error');
});

root_only('a round that cannot begin ends them as one that cannot be written', async (t) => {
  const one = rig(t);
  await one.run();
  const path = disk(t, 2.5 * sizeOf(one.out, readdirSync(one.out)));
  if (path === null) return;
  const out = join(path, 'out');
  const onNote = (note: string): void => {
    if (note === 'round 2 of 9') fillUp(join(path, 'of-others'));
  };
  const { runRounds } = rig(t, {}, { out }, false, { onNote });
  const error = await t.throwsAsync(runRounds(9), { instanceOf: HotplaneError });
  t.is(error.code, 'HP_REPLAY_UNRECORDED');
  t.regex(error.message, /cannot be written; the results so far are kept\.$/);
  t.deepEqual(
    readdirSync(out).filter((name) => name.startsWith('round-')),
    ['round-1'],
  );
});

function fillUp(path: string): void {
  const piece = Buffer.alloc(PAGE_BYTES);
  try {
    for (;;) appendFileSync(path, piece);
  } catch {
    // There is no room for more.
  }
}

const sevenAtMost: WriteBytes = (fd, bytes) => writeSync(fd, bytes, 0, Math.min(7, bytes.length));

function folderOf(t: ExecutionContext): string {
  const folder = mkdtempSync(join(tmpdir(), 'hotplane-test-'));
  t.teardown(() => rmSync(folder, { recursive: true, force: true }));
  return join(folder, 'out');
}

/** As write(2) has it: what there is room for is taken, and only the next call says no. */
function diskOf(bytes: number): { readonly write: WriteBytes; room_bytes: number } {
  const state = {
    room_bytes: bytes,
    write: (fd: number, some: Uint8Array): number => {
      if (state.room_bytes === 0) throw Object.assign(new Error('full'), { code: 'ENOSPC' });
      const taken = writeSync(fd, some, 0, Math.min(some.length, state.room_bytes));
      state.room_bytes -= taken;
      return taken;
    },
  };
  return state;
}

test('of a line that is taken in part nothing is left, and one that fits goes on', async (t) => {
  const folder = folderOf(t);
  const [line, next] = healthyRun().invocations;
  if (!line || !next) throw new Error('the made run has two lines');
  const bytes = JSON.stringify(line).length + 1;
  const space = diskOf(bytes + 20);
  const out = new ResultWriter(folder, space.write);
  out.invocation(line);
  t.throws(() => out.invocation(next), { code: 'HP_RESULTS_UNWRITABLE', message: /invocations/ });
  t.is(linesOf(folder, 'invocations.jsonl').length, bytes);
  space.room_bytes = Number.MAX_SAFE_INTEGER;
  out.invocation(next);
  out.manifest(healthyRun().manifest);
  out.close();
  t.deepEqual((await readResults(folder)).invocations, [line, next]);
});

test('a disk that takes bytes in small pieces gets whole lines', (t) => {
  const folder = folderOf(t);
  const out = new ResultWriter(folder, sevenAtMost);
  const lines = healthyRun().invocations.slice(0, 3);
  for (const line of lines) out.invocation(line);
  out.close();
  const text = lines.map((line) => `${JSON.stringify(line)}\n`).join('');
  t.is(linesOf(folder, 'invocations.jsonl'), text);
});

root_only('a trace or a table that a disk takes in part is no success', async (t) => {
  const room_bytes = 64 * KIB;
  const size = RESULT_LIMITS.reserve_bytes + room_bytes;
  const path = disk(t, room_bytes);
  if (path === null) return;
  // So that the last write of all is the first that does not fit.
  const line = `${'x'.repeat(99)}\n`;
  const lines = Array.from({ length: Math.ceil(size / 100) + 5 }, () => line);
  const error = await t.throwsAsync(
    writeLines(join(path, 'trace.csv'), lines, new AbortController().signal),
  );
  t.is(errnoOf(error), 'ENOSPC');
  t.deepEqual(readdirSync(path), [], 'nothing of it is left');
  const table = new CsvFile(join(path, 'table.csv'), { text: '' });
  t.throws(
    () => {
      for (const text of lines) table.add({ text: text.trim() });
      table.close();
    },
    { code: 'HP_RESULTS_UNWRITABLE', message: /table\.csv/ },
  );
});
