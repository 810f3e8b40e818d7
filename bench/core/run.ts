/** The whole of `bench core`: records every case on every core, then measures them in turns. */
import { cpus } from 'node:os';
import { setImmediate as turn } from 'node:timers/promises';
import { performance } from 'node:perf_hooks';
import type { Progress } from '../../base/progress.ts';
import type { CoreUnderTest } from './core-under-test.ts';
import { coreBenchInterrupted } from './errors.ts';
import { measureSteps } from './measure.ts';
import { caseName, type Case, type CoreBenchOptions, turnsOf } from './plan.ts';
import { record, type Recording } from './recorded-host.ts';
import type { CoreBench, CoreRun } from './records.ts';

export interface CoreBenchRun {
  readonly options: CoreBenchOptions;
  /** This one first. */
  readonly cores: readonly CoreUnderTest[];
  readonly hotplane_version: string;
  readonly progress: Progress;
  readonly signal: AbortSignal;
}

interface Subject {
  readonly of: Case;
  readonly core: number;
  readonly recording: Recording;
}

/** Throws HP_BENCH_CORE when a core does not do the workload, HP_BENCH_INTERRUPTED on `signal`. */
export async function runCoreBench(input: CoreBenchRun): Promise<CoreBench> {
  const { options, cores, hotplane_version, progress, signal } = input;
  const started_at = new Date().toISOString();
  const begin_ms = performance.now();
  const subjects = await recordAll(input);
  const runs: CoreRun[] = [];
  let rounds = 0;
  let round_ms = 0;
  while (rounds < options.rounds) {
    const round_begin_ms = performance.now();
    if (rounds > 0 && round_begin_ms - begin_ms + round_ms > options.budget_ms) break;
    progress.step(rounds + 1, options.rounds, 'measuring');
    for (const { of, core } of turnsOf(options.cases, cores.length, rounds)) {
      await orInterrupted(signal);
      const found = subjects.find((one) => one.of === of && one.core === core);
      const under_test = cores[core];
      if (!found || !under_test) continue;
      const figure = measureSteps(under_test, found.recording, options.figure_ms);
      runs.push({ of, core, round: rounds, ...figure });
    }
    rounds += 1;
    round_ms = performance.now() - round_begin_ms;
  }
  progress.done(`measured ${runs.length} times`);
  return {
    format: 'hotplane-bench-core/1',
    hotplane_version,
    node_version: process.version,
    started_at,
    host: { cpu: cpus()[0]?.model ?? 'unknown', cpus: cpus().length },
    options,
    cores: cores.map(({ label }) => label),
    rounds,
    runs,
  };
}

/** Each is played once before anything is measured, so that its code is compiled. */
async function recordAll(input: CoreBenchRun): Promise<Subject[]> {
  const { options, cores, progress, signal } = input;
  const subjects: Subject[] = [];
  const turns = turnsOf(options.cases, cores.length, 0);
  for (const [index, { of, core }] of turns.entries()) {
    await orInterrupted(signal);
    const under_test = cores[core];
    if (!under_test) continue;
    progress.step(index + 1, turns.length, `preparing ${caseName(of)}`);
    const recording = record(under_test, of);
    measureSteps(under_test, recording, options.figure_ms);
    subjects.push({ of, core, recording });
  }
  return subjects;
}

/** Lets signals in, which wait for the end of a figure. */
async function orInterrupted(signal: AbortSignal): Promise<void> {
  await turn();
  if (signal.aborted) throw coreBenchInterrupted();
}
