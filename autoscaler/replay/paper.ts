/**
 * `hotplane replay paper`: the HotMem (Squeezy) paper's experiment under a memory cap, live and at
 * reduced scale, each of its ways a replay of the same made trace into a folder of its own.
 */
import { join } from 'node:path';
import type { MechanismName } from '../../agent/model/mechanism.ts';
import { writeWhole } from '../../base/files.ts';
import { jsonDocument } from '../../base/json.ts';
import { hasPercentile, percentile, Sample } from '../../base/statistics.ts';
import { formatBytes, formatMs, GIB } from '../../base/units.ts';
import {
  PAPER_WAYS,
  paperRow,
  type PaperRow,
  type PaperWay,
  renderPaperRows,
} from '../report/paper-figures.ts';
import { rebuildReport } from '../report/rebuild.ts';
import type { Summary } from '../report/summary.ts';
import { readResults } from '../results/reader.ts';
import type { InvocationLine, Manifest } from '../results/schema.ts';
import { madeBursts, PAPER_BURSTS } from '../trace/bursts.ts';
import { arrivalLines } from '../trace/text.ts';
import { writeLines } from '../trace/write-lines.ts';
import { HOTMEM_PAPER } from '../workload-model/models.ts';
import { type ReplayCommandInput, type ReplayCommandIo, runReplayCommand } from './command.ts';
import { readRunFacts } from './host-facts.ts';
import { parseReplayOptions, type RawReplayOptions } from './options.ts';
import { needNoResults, OutFolder } from './out-folder.ts';
import { prepareRun } from './prepare.ts';

export interface PaperReplayInput
  extends Pick<ReplayCommandInput, 'argv' | 'json' | 'programs' | 'signal'> {
  readonly out: string;
  readonly seed: number;
  /** Calls of the largest burst of a function. */
  readonly instances_max: number;
  /** Of the paper's ten minutes, and its keep-alive. */
  readonly time_scale: number;
  /** Options of `hotplane replay`, as text: sizes and the VMM. */
  readonly raw: Readonly<Pick<RawReplayOptions, 'memory-scale' | 'touched-share' | 'vmm'>>;
}

/** What `paper.json` holds. */
export interface PaperReplay {
  readonly simulated: false;
  readonly seed: number;
  readonly invocations: number;
  readonly run_ms: number;
  readonly keep_alive_ms: number;
  readonly host_limit_bytes: number;
  readonly rows: readonly (PaperRow & {
    /** Calls that the percentile is of. */
    readonly calls: number;
    /** Why its figures say nothing; empty where they do. */
    readonly disturbed: readonly string[];
  })[];
}

const TRACE_FILE = 'paper.csv';
const RESULT_FILE = 'paper.json';

/** How each way is replayed. Harvesting keeps a region plugged beside those that are in use. */
const WAYS: Readonly<
  Record<PaperWay, { mechanism: MechanismName; policy?: string; is_capped: boolean }>
> = {
  abundant: { mechanism: 'static', is_capped: false },
  'virtio-mem': { mechanism: 'virtio-mem', is_capped: true },
  harvest: { mechanism: 'virtio-mem', policy: 'plugged-reserve', is_capped: true },
  hotmem: { mechanism: 'hotmem', is_capped: true },
};

/** Throws as `hotplane replay` does; the ways that were replayed until then stay. */
export async function runPaperReplay(input: PaperReplayInput, io: ReplayCommandIo): Promise<void> {
  const { out, seed, signal } = input;
  for (const way of PAPER_WAYS) needNoResults(join(out, way));
  // What is wrong with an option is told before anything is written.
  parseReplayOptions(rawOf(input, 'abundant', null));
  const made = await makeTrace(input);
  const host_limit_bytes = await limitOf(input);
  const runs: PaperRun[] = [];
  for (const [index, way] of PAPER_WAYS.entries()) {
    io.stderr.write(`${way}, ${index + 1} of ${PAPER_WAYS.length}\n`);
    const limit_bytes = WAYS[way].is_capped ? host_limit_bytes : null;
    const raw = rawOf(input, way, limit_bytes);
    const { argv, programs } = input;
    const quiet = { ...io, stdout: { write: (): boolean => true } };
    const command = { raw, argv, dry_run: false, json: false, programs, signal };
    await runReplayCommand(command, quiet);
    const folder = join(out, way);
    const { invocations, manifest } = await readResults(folder);
    runs.push({ way, invocations, manifest, summary: await rebuildReport(folder) });
  }
  const told: PaperReplay = {
    simulated: false,
    seed,
    invocations: made,
    run_ms: PAPER_BURSTS.run_ms * input.time_scale,
    keep_alive_ms: keepAliveMs(input),
    host_limit_bytes,
    rows: paperRows(runs),
  };
  await writeWhole(join(out, RESULT_FILE), jsonDocument(told));
  io.stdout.write(input.json ? jsonDocument(told) : renderPaperReplay(told));
  io.stderr.write(`results: ${out}\n`);
}

/** How many calls it has. */
async function makeTrace(input: PaperReplayInput): Promise<number> {
  const { out, signal, instances_max, seed, time_scale } = input;
  const names = HOTMEM_PAPER.profiles.map(({ name }) => name);
  const invocations = madeBursts({ seed, functions: names.length, instances_max, time_scale });
  const functions = names.map((name, index) => ({
    app: name,
    func: name,
    invocations: invocations.function_index.filter((one) => one === index).length,
  }));
  new OutFolder(out).make();
  await writeLines(join(out, TRACE_FILE), arrivalLines({ functions, invocations }), signal);
  return invocations.length;
}

/** VMs as they boot, and 70 % of the regions that abundant memory has from beginning to end. */
async function limitOf(input: PaperReplayInput): Promise<number> {
  const facts = await readRunFacts(input.argv);
  const options = parseReplayOptions(rawOf(input, 'abundant', null));
  const { plan } = await prepareRun(options, facts, null, input.programs, input.signal);
  return plan.functions.reduce(
    (sum, one) =>
      sum + one.boot_bytes + Math.floor(PAPER_BURSTS.cap * one.concurrency * one.limit_bytes),
    0,
  );
}

function rawOf(
  { out, seed, raw, ...input }: PaperReplayInput,
  way: PaperWay,
  host_limit_bytes: number | null,
): RawReplayOptions {
  const { mechanism, policy } = WAYS[way];
  return {
    ...raw,
    trace: join(out, TRACE_FILE),
    out: join(out, way),
    mechanism,
    policy,
    seed: String(seed),
    functions: String(HOTMEM_PAPER.profiles.length),
    'keep-alive': String(keepAliveMs(input) / 1000),
    'memory-model': HOTMEM_PAPER.name,
    'host-limit': host_limit_bytes === null ? undefined : String(host_limit_bytes),
  };
}

function keepAliveMs({ time_scale }: Pick<PaperReplayInput, 'time_scale'>): number {
  return PAPER_BURSTS.keep_alive_ms * time_scale;
}

/** As much of a replayed way as figures are made of. */
export interface PaperRun {
  readonly way: PaperWay;
  readonly invocations: readonly Pick<
    InvocationLine,
    'outcome' | 'planned_at_ms' | 'replied_at_ms'
  >[];
  readonly manifest: {
    readonly functions: readonly Pick<Manifest['functions'][number], 'boot_bytes'>[];
  };
  readonly summary: { readonly mechanisms: readonly PaperSummary[] };
}

type PaperSummary = Pick<
  Summary['mechanisms'][number],
  'observed_ms' | 'not_compared' | 'marks'
> & { readonly memory_gib_s: Pick<Summary['mechanisms'][number]['memory_gib_s'], 'committed'> };

/** Rows of the ways, the first of which is what the others are told against. Pure. */
export function paperRows(runs: readonly PaperRun[]): PaperReplay['rows'] {
  const own = runs.map((run) => ({ run, ...latencyOf(run), gib_s: regionGibS(run) }));
  const [base] = own;
  return own.map(({ run, calls, p99_ms, gib_s }) => {
    const base_ms = base?.p99_ms ?? null;
    const p99_against_abundant = p99_ms === null || base_ms === null ? null : p99_ms / base_ms;
    const row = paperRow(run.way, { p99_against_abundant, gib_s }, base?.gib_s ?? null);
    return { ...row, calls, disturbed: disturbedBy(run) };
  });
}

/** From the planned moment to the reply. The paper has the mean of four functions' percentiles. */
function latencyOf({ invocations }: PaperRun): { calls: number; p99_ms: number | null } {
  const sample = Sample.of(
    invocations.map(({ outcome, planned_at_ms, replied_at_ms }) =>
      outcome === 'done' && replied_at_ms !== null ? replied_at_ms - planned_at_ms : null,
    ),
  );
  const p99_ms = hasPercentile(sample.n, 0.99) ? percentile(sample, 0.99) : null;
  return { calls: sample.n, p99_ms };
}

/** Without what VMs boot with, which no mechanism moves. */
function regionGibS({ summary, manifest }: PaperRun): number | null {
  const [own] = summary.mechanisms;
  const committed = own?.memory_gib_s.committed ?? null;
  if (!own || committed === null) return null;
  const boot_bytes = manifest.functions.reduce((sum, one) => sum + one.boot_bytes, 0);
  return committed - (boot_bytes / GIB) * (own.observed_ms / 1000);
}

function disturbedBy({ summary }: PaperRun): string[] {
  const [own] = summary.mechanisms;
  if (!own) return ['it was not replayed'];
  const saturated = own.marks.includes('saturated') ? ['the work alone fills the host'] : [];
  return [...own.not_compared.map(({ text }) => text), ...saturated];
}

export function renderPaperReplay(told: PaperReplay): string {
  const { invocations, seed, run_ms, keep_alive_ms, host_limit_bytes, rows } = told;
  const disturbed = rows.flatMap(({ way, disturbed: reasons }) =>
    reasons.map((reason) => `${way}: its figures say nothing: ${reason}\n`),
  );
  return `LIVE, at reduced scale, on this host. Published: arXiv 2411.12893v2, figure 10.
${invocations} invocations in bursts of four functions (seed ${seed}), ${formatMs(run_ms)}, keep-alive
${formatMs(keep_alive_ms)}, host limit ${formatBytes(host_limit_bytes)}: VMs as they boot, and 70 % of the regions of abundant

${renderPaperRows(rows)}
p99 over ${rows[0]?.calls ?? 0} calls of all functions; GiB·s committed to regions. Absolute figures depend on
this host; published are those of another machine, at full scale.
${disturbed.join('')}`;
}
