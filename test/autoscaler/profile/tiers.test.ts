/** A table of latencies by share, from archives of runs alone, and the order of those runs. */
import { mkdtempSync, rmSync } from 'node:fs';
import { readFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import test, { type ExecutionContext } from 'ava';
import { ArchiveWriter, type ProfileArchive } from '../../../autoscaler/profile/archive.ts';
import { readWorkload } from '../../../autoscaler/profile/workload.ts';
import type { ProfileCommandInput } from '../../../autoscaler/profile/command.ts';
import { type ServedBy, standInSpec } from '../../../autoscaler/profile/profile-plan.ts';
import { measuredTable, shareOf } from '../../../autoscaler/profile/tier-table.ts';
import { renderTierTable } from '../../../autoscaler/profile/tier-table-text.ts';
import {
  type ProfileTiersInput,
  runProfileTiers,
  shareTurns,
} from '../../../autoscaler/profile/tiers-command.ts';
import { readLatencies } from '../../../autoscaler/simulator/tiers/table-file.ts';
import { GIB, MIB } from '../../../base/units.ts';
import { archiveOf } from './archives.ts';

const TIERS = { near_node: 0, far_node: 1, is_apart: true };
/** Until a warm call of `archiveOf` begins to answer. */
const BEGIN_MS = 2;

/** The instances of one function have 512 MiB. */
function archiveWith(executes_ms: readonly number[], input = 'one'): ProfileArchive {
  const archive = archiveOf(input, executes_ms);
  const functions = archive.manifest.functions.map((one) => ({
    ...one,
    spec: { ...one.spec, limit_bytes: 512 * MIB },
  }));
  return { ...archive, manifest: { ...archive.manifest, functions } };
}

const run = (share: number, archive: ProfileArchive, round = 1) => ({ round, share, archive });

test('what instances had of a share is in whole blocks', (t) => {
  t.deepEqual(
    [0, 0.1, 0.25, 0.26, 0.5, 1].map((asked) => shareOf(512 * MIB, asked)),
    [0, 0.25, 0.25, 0.5, 0.5, 1],
  );
  t.is(shareOf(100 * MIB, 0.5), 1, 'one block is near, or none is');
});

test('the table has medians of warm calls over all rounds, from the taking of a call on', (t) => {
  const runs = [
    run(0, archiveWith([40, 50, 60])),
    run(0.5, archiveWith([20])),
    run(1, archiveWith([10, 10])),
    run(1, archiveWith([13, 30]), 2),
    run(0.5, archiveWith([22]), 2),
    run(0, archiveWith([55]), 2),
  ];
  const { classes, workload, left_out, disturbed } = measuredTable(runs, 2, TIERS);
  t.deepEqual([left_out, disturbed], [[], []]);
  const [one] = classes;
  t.like(one, { function: 'f', input: 'one', bytes: 512 * MIB, calls_per_s: 3 });
  const wanted = [
    [0, 4, 52.5 + BEGIN_MS],
    [0.5, 2, 21 + BEGIN_MS],
    [1, 4, 11.5 + BEGIN_MS],
  ];
  t.deepEqual(
    one?.rows.map(({ share, n, latency_ms }) => [share, n, latency_ms]),
    wanted,
  );
  t.is(one?.slo_ms, 2 * (11.5 + BEGIN_MS));
  t.like(workload, { source: 'measured' });
  t.regex(
    workload?.note ?? '',
    /^near on node 0, far on 1; medians of 2 or more warm calls; fake, tcg; t$/,
  );
});

test('shares that come to the same blocks are one row', (t) => {
  const runs = [
    run(0.2, archiveWith([40])),
    run(0.25, archiveWith([60])),
    run(1, archiveWith([9])),
  ];
  t.deepEqual(
    measuredTable(runs, 1, TIERS).classes[0]?.rows.map(({ share, n }) => [share, n]),
    [
      [0.25, 2],
      [1, 1],
    ],
  );
});

test('a kind of call without warm calls, or without all near, is left out and told', (t) => {
  const cold = archiveWith([5]);
  const only_cold = { ...cold, calls: cold.calls.map((call) => ({ ...call, cold: true })) };
  const failed = {
    ...cold,
    calls: cold.calls.map((call) => ({ ...call, outcome: 'failed' as const })),
  };
  for (const archive of [only_cold, failed]) {
    const none = measuredTable([run(0, archive), run(1, cold)], 1, TIERS);
    t.is(none.workload, null);
    t.deepEqual(none.left_out, [{ input: 'one', why: 'a share has no warm call that was done' }]);
  }
  const far = measuredTable([run(0.5, cold)], 1, TIERS);
  t.regex(far.left_out[0]?.why ?? '', /share 1/);
});

test('near and far that are the same memory, and what else the host did, are in the note', (t) => {
  const archive = archiveWith([9]);
  const line = {
    mechanism: 'all',
    at_ms: 1,
    interval_ms: 1,
    other_cpu_share: 0.4,
    own_cpu_share: 0.5,
    steal_share: 0,
    psi_cpu_some_share: null,
    psi_memory_some_share: 0,
    event_loop_lag_ms: 1,
    mem_available_bytes: GIB,
  };
  const busy = { ...archive, load: [line] };
  const table = measuredTable([run(0, busy), run(1, archive)], 1, { ...TIERS, is_apart: false });
  t.regex(
    table.workload?.note ?? '',
    /^near and far are the same memory: no latency .* is in it; 1 times disturbed by/,
  );
  t.regex(table.disturbed[0] ?? '', /^round 1, share 0: other programs took .* 40 %/);
  const text = renderTierTable(table, 'out/tiers.json');
  t.regex(text, /disturbed: round 1, share 0/);
  t.regex(text, /^ +0\.00 +1 +11\.00 +1\.00x$/m);
});

test('every second round is the other way round', (t) => {
  t.deepEqual(
    shareTurns([1, 0, 0.5], 3, 'out').map(({ round, share }) => [round, share]),
    [1, 2, 3].flatMap((round) =>
      (round === 2 ? [1, 0.5, 0] : [0, 0.5, 1]).map((share) => [round, share]),
    ),
  );
});

const SPEC = standInSpec('a', 512 * MIB, {
  mechanism: 'hotmem',
  concurrency: 2,
  keep_alive_ms: 1_000,
});
const DEPLOYED: ServedBy = { kind: 'deployed', name: 'there' };
const TEXT = JSON.stringify({
  test_name: 't',
  test_duration_in_seconds: 1,
  random_seed: null,
  instances: { one: { application: 'a', interarrivals_list: [0.1] } },
});

interface Rig {
  readonly out: string;
  readonly seen: ProfileCommandInput[];
  readonly told: () => string;
  readonly play: (changes?: Partial<ProfileTiersInput>) => Promise<void>;
}

/** No agent: a run of share s has a call that took 10 + 20 (1 - s) ms. */
function rigOf(t: ExecutionContext): Rig {
  const folder = mkdtempSync(join(tmpdir(), 'hotplane-tiers-'));
  t.teardown(() => rmSync(folder, { recursive: true, force: true }));
  const out = join(folder, 'out');
  const seen: ProfileCommandInput[] = [];
  let told = '';
  const runOne = async (input: ProfileCommandInput): Promise<void> => {
    seen.push(input);
    const [served] = input.targets.values();
    const share = served?.kind === 'spec' ? (served.spec.tiers?.share ?? Number.NaN) : Number.NaN;
    const { manifest, calls } = archiveWith([10 + 20 * (1 - share)]);
    const writer = new ArchiveWriter(input.out);
    for (const call of calls) writer.call(call);
    writer.manifest(manifest);
    writer.close();
  };
  const play: Rig['play'] = async (changes = {}) =>
    await runProfileTiers({
      path: 'w.json',
      read: { workload: readWorkload(TEXT, 'w.json'), text: TEXT },
      out,
      seed: null,
      targets: new Map<string, ServedBy>([['a', { kind: 'spec', spec: SPEC }]]),
      socket: '/nowhere',
      shares: [0, 0.5, 1],
      rounds: 1,
      slack: 2,
      near_node: 0,
      far_node: 1,
      host_nodes: [1],
      json: false,
      argv: [],
      signal: new AbortController().signal,
      stdout: { write: (text) => void (told += text) },
      stderr: { write: () => undefined },
      runOne,
      ...changes,
    });
  return { out, seen, told: () => told, play };
}

test('each run has its share on the two nodes, and the table is one that tiers take', async (t) => {
  const { out, seen, told, play } = rigOf(t);
  await play();
  const tiers = seen.map(({ targets }) => {
    const served = targets.get('a');
    return served?.kind === 'spec' ? [served.spec.host_node, served.spec.tiers] : null;
  });
  t.deepEqual(
    tiers,
    [0, 0.5, 1].map((share) => [0, { far_node: 1, share, table: null }]),
  );
  const [seed, ...others] = new Set(seen.map((one) => one.seed));
  t.deepEqual([typeof seed, others], ['number', []], 'one is drawn, for all of them');
  const file = join(out, 'tiers.json');
  const table = await readLatencies(file, (problem) => new Error(problem));
  t.deepEqual(
    table.classes[0]?.table.map(({ share, latency_ms }) => [share, latency_ms]),
    [
      [0, 30 + BEGIN_MS],
      [0.5, 20 + BEGIN_MS],
      [1, 10 + BEGIN_MS],
    ],
  );
  t.regex(table.note, /same memory/, 'this host has no node beside the far one');
  t.regex(told(), /beyond the SLO/);
  t.true(told().includes(file));
  t.is((await readFile(file, 'utf8')).at(-1), '\n');
});

test('what is there already is not written over, and nothing is run', async (t) => {
  const { play, seen } = rigOf(t);
  await play();
  const { length } = seen;
  await t.throwsAsync(play(), { code: 'HP_RESULTS_EXIST' });
  t.is(seen.length, length);
});

test('a function that is not deployed for it cannot have several shares: nothing is run', async (t) => {
  const { play, seen } = rigOf(t);
  const code = 'HP_PROFILE_FUNCTION';
  const there = await t.throwsAsync(play({ targets: new Map([['a', DEPLOYED]]) }), { code });
  t.regex(there.message, /'there' is deployed already/);
  const unnamed = await t.throwsAsync(play({ targets: new Map() }), { code });
  t.regex(unnamed.message, /nothing is named that serves 'a'/);
  t.deepEqual(seen, []);
});

test('runs that make no table say why, and are kept', async (t) => {
  const { play, out } = rigOf(t);
  const error = await t.throwsAsync(play({ shares: [0.5] }), { code: 'HP_PROFILE_NO_TABLE' });
  t.regex(error.message, /one: none was run with all of its memory near/);
  t.regex(await readFile(join(out, 'round-1', 'share-0.5', 'profile.json'), 'utf8'), /complete/);
});
