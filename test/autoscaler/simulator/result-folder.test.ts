/** Simulated runs in the folders of live ones, and how far they are off beside them. */
import { mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import test, { type ExecutionContext } from 'ava';
import { emptyHost } from '../../../agent/model/state.ts';
import { beginOf } from '../../../agent/model/told-events.ts';
import { MEMORY_BLOCK_BYTES, MIB, roundUp } from '../../../base/units.ts';
import { figuresOfFolder } from '../../../autoscaler/report/live-figures.ts';
import type { Prediction } from '../../../autoscaler/report/prediction.ts';
import { rebuildReport } from '../../../autoscaler/report/rebuild.ts';
import { readResults } from '../../../autoscaler/results/reader.ts';
import { SIMULATION_FILE, simulationSchema } from '../../../autoscaler/results/simulation.ts';
import { COMMANDS } from '../../../cli/commands.ts';
import { parseCommandLine } from '../../../cli/parse.ts';
import { rig } from '../replay-rig.ts';

const SAMPLE = fileURLToPath(
  new URL('../../../autoscaler/traces/azure2021/sample_200.csv', import.meta.url),
);
const signal = new AbortController().signal;

async function run(...words: readonly string[]): Promise<string> {
  let text = '';
  const parsed = parseCommandLine([...words], COMMANDS);
  if (parsed.kind !== 'run') throw new Error('it is a command');
  const stream = { write: (more: string) => (text += more) !== '' };
  await parsed.command.run({ ...parsed, argv: words, stdout: stream, stderr: stream, signal });
  return text;
}

interface Told {
  readonly predictions: readonly Prediction[];
}

function scratch(t: ExecutionContext): string {
  const folder = mkdtempSync(join(tmpdir(), 'hotplane-test-'));
  t.teardown(() => rmSync(folder, { recursive: true, force: true }));
  return folder;
}

/** Every file but those in which the folder itself is named. */
function contents(folder: string): Record<string, string> {
  return Object.fromEntries(
    readdirSync(folder).map((name) => [name, readFileSync(join(folder, name), 'utf8')]),
  );
}

for (const [name, words] of [
  ['without a limit', []],
  ['with a limit that refuses', ['--host-limit', '8GiB']],
  ['with a limit that lets wait', ['--host-limit', '16GiB', '--when-short', 'wait']],
  ['where memory goes slowly', ['--mechanism', 'virtio-mem', '--keep-alive', '5']],
] as const) {
  test(`the lines of a run tell what its figures tell: ${name}`, async (t) => {
    const out = join(scratch(t), 'out');
    await run('simulate', '--trace', SAMPLE, '--out', out, ...words);
    const told = simulationSchema.parse(
      JSON.parse(readFileSync(join(out, SIMULATION_FILE), 'utf8')),
    ).runs[0];
    const [base, own] = await figuresOfFolder(out, signal);
    t.is(base?.mechanism, 'static');
    t.true(own?.simulated);
    for (const field of ['invocations', 'warm', 'cold', 'refused', 'window_ms'] as const) {
      t.is(own?.[field], told?.[field], field);
    }
    t.is(own?.peak_committed_bytes, told?.peak_committed_bytes);
    const off = (own?.committed_gib_s ?? 0) / (told?.committed_gib_s ?? 1) - 1;
    t.true(Math.abs(off) < 1e-6, `${off}`);
    t.deepEqual(
      own?.wait_ms.map(({ value }) => Math.round(value)),
      told?.wait_ms.map(({ value }) => Math.round(value)),
    );
  });
}

test('a simulated folder has the same bytes again, and its report says what it is', async (t) => {
  const folder = scratch(t);
  const [first, second] = [join(folder, 'a'), join(folder, 'b')];
  for (const out of [first, second]) await run('simulate', '--trace', SAMPLE, '--out', out);
  const before = contents(first);
  t.deepEqual(contents(second), before);
  const summary = await rebuildReport(first);
  t.deepEqual(contents(first), before);
  t.true(summary.simulated);
  t.regex(before['report.html'] ?? '', /SIMULATED: nothing here was measured/);
  t.deepEqual(
    summary.mechanisms.map(({ comparable, marks }) => ({ comparable, marks })),
    [1, 2].map(() => ({ comparable: true, marks: [] })),
  );
});

test('of several runs each has a folder of its own', async (t) => {
  const out = join(scratch(t), 'out');
  const text = await run('simulate', '--trace', SAMPLE, '--keep-alive', '30,60', '--out', out);
  for (const name of ['1-fixed-keep-alive-30-s', '2-fixed-keep-alive-60-s']) {
    t.true(text.includes(join(out, name)));
    t.is((await readResults(join(out, name))).manifest.kind, 'simulation');
  }
});

test('a live run on a host with room is foretold: cold starts by 5 %, memory by 3 %', async (t) => {
  const { out, run: replay } = rig(t, {}, { mechanism: 'static,virtio-mem' });
  await replay();
  const simulated = join(scratch(t), 'simulated');
  const told: Told = JSON.parse(await run('simulate', '--from', out, '--out', simulated, '--json'));
  t.deepEqual(
    told.predictions.map(({ mechanism }) => mechanism),
    ['static', 'virtio-mem'],
  );
  for (const { mechanism, figures } of told.predictions) {
    const off = (what: string): number =>
      Math.abs(figures.find((one) => one.what === what)?.off ?? 0);
    t.true(off('cold starts') < 0.05, mechanism);
    t.true(off('committed GiB·s') < 0.03, `${mechanism}: ${off('committed GiB·s')}`);
    t.true(off('latency p50 ms') < 0.05, `${mechanism}: ${off('latency p50 ms')}`);
  }
  const text = await run('compare', out, simulated);
  t.regex(text, /virtio-mem: how far .* is off/);
  t.regex(text, /cold starts +measured +\d+\.0 +simulated +\d+\.0/);
});

test('a live run under a policy that a prediction does not play is refused, not guessed', async (t) => {
  const { out, run: replay } = rig(t, {}, { mechanism: 'static', policy: 'knative' });
  await replay();
  t.is((await readResults(out)).manifest.policy.name, 'knative');
  const simulated = join(scratch(t), 'simulated');
  await t.throwsAsync(run('simulate', '--from', out, '--out', simulated), {
    code: 'HP_SIMULATE_OPTION',
    message: /run under knative; a prediction plays fixed-keep-alive and hybrid-histogram/,
  });
});

/** The line that an agent's events begin with; VMs take a MiB each besides what they boot with. */
function beginLine(host_limit_bytes: number): string {
  const state = emptyHost(host_limit_bytes, 1, { vmm_overhead_bytes: MIB });
  const event_json = JSON.stringify({ begin: beginOf(state, 'default') });
  return `${JSON.stringify({ mechanism: 'virtio-mem', host_ms: 0, at_ms: 0, event_json })}\n`;
}

test('a live run on a host without room is foretold with the memory that it had', async (t) => {
  const { out, run: replay } = rig(t, {}, { mechanism: 'static,virtio-mem' });
  await replay();
  const { manifest } = await readResults(out);
  const foretold = async (name: string): Promise<Map<string, number>> => {
    const simulated = join(scratch(t), name);
    await run('simulate', '--from', out, '--out', simulated);
    const runs = await figuresOfFolder(simulated, signal);
    return new Map(runs.map((one) => [one.mechanism, one.peak_committed_bytes]));
  };
  const wide = await foretold('wide');
  const boot_bytes = manifest.functions.reduce((sum, one) => sum + one.boot_bytes, 0);
  const sizes = manifest.functions.map((one) => roundUp(one.limit_bytes, MEMORY_BLOCK_BYTES));
  const regions_bytes = Math.max(...sizes);
  const own_bytes = boot_bytes + regions_bytes;
  t.true((wide.get('virtio-mem') ?? 0) > own_bytes, 'it had more than that');
  writeFileSync(join(out, 'events.jsonl'), beginLine(own_bytes + manifest.functions.length * MIB));
  const narrow = await foretold('narrow');
  t.is(narrow.get('virtio-mem'), own_bytes);
  t.is(narrow.get('static'), wide.get('static'), 'what is never given back is there all the time');
  writeFileSync(join(out, 'events.jsonl'), beginLine(1).replace('host_limit_bytes', 'x'));
  await t.throwsAsync(run('simulate', '--from', out, '--out', join(scratch(t), 'bad')), {
    code: 'HP_RESULTS_MALFORMED',
    message: /events\.jsonl line 1 /,
  });
});
