/** Figures of the runs of a replay, in the form that simulated ones have. */
import { quantileInterval, wilson } from '../results/intervals.ts';
import { MemoryAccount } from '../results/memory-account.ts';
import { readLines, readManifest } from '../results/reader.ts';
import type { InvocationLine, Manifest } from '../results/schema.ts';
import type { RunFigures } from '../results/simulation.ts';
import { isWarmUp } from './invocations.ts';
import { RunTally } from './run-tally.ts';
import { summarize } from './summary.ts';

const WAIT_SHARES = [0.5, 0.95, 0.99, 0.999];
const FUNCTION_SHARES = [0.25, 0.5, 0.75, 0.9];

/** One for each mechanism. Throws `HP_RESULTS_*`, `HP_REPORT_INTERRUPTED`. */
export async function figuresOfFolder(folder: string, signal: AbortSignal): Promise<RunFigures[]> {
  const manifest = await readManifest(folder);
  const runs = new Map(manifest.mechanisms.map(({ name }) => [name, new LiveRun()]));
  const tally = new RunTally(manifest);
  const files = await readLines(
    folder,
    {
      operation: (line) => tally.operation(line),
      load: (line) => tally.load(line),
      invocation: (line) => {
        tally.invocation(line);
        runs.get(line.mechanism)?.invocation(line);
      },
      memory: (line) => {
        tally.memory(line);
        if (line.kind !== 'step') return;
        runs.get(line.mechanism)?.step(line.vm_id, line.at_ms, line.committed_bytes);
      },
    },
    signal,
  );
  const { mechanisms } = summarize(tally, files);
  return [...runs].map(([mechanism, run]) => {
    const found = mechanisms.find((one) => one.mechanism === mechanism);
    const not_compared = found?.not_compared.map(({ code }) => code) ?? ['run-not-complete'];
    return { ...run.figures(mechanism, manifest), not_compared: [...new Set(not_compared)] };
  });
}

interface Step {
  readonly vm_id: string;
  readonly at_ms: number;
  readonly bytes: number;
}

class LiveRun {
  readonly #steps: Step[] = [];
  readonly #waits_ms: number[] = [];
  readonly #latencies_ms: number[] = [];
  readonly #functions = new Map<string, { all: number; cold: number }>();
  #planned = 0;
  #cold = 0;
  #refused = 0;

  step(vm_id: string, at_ms: number, bytes: number): void {
    this.#steps.push({ vm_id, at_ms, bytes });
  }

  invocation(line: InvocationLine): void {
    if (isWarmUp(line)) return;
    this.#planned += 1;
    const { received_at_ms, assigned_at_ms } = line;
    if (line.outcome !== 'done' || received_at_ms === null || assigned_at_ms === null) {
      this.#refused += 1;
      return;
    }
    this.#waits_ms.push(Math.max(0, assigned_at_ms - received_at_ms));
    if (line.finished_at_ms !== null) {
      this.#latencies_ms.push(Math.max(0, line.finished_at_ms - received_at_ms));
    }
    const own = this.#functions.get(line.function) ?? { all: 0, cold: 0 };
    own.all += 1;
    own.cold += Number(line.cold);
    this.#cold += Number(line.cold);
    this.#functions.set(line.function, own);
  }

  figures(mechanism: string, manifest: Manifest): Omit<RunFigures, 'not_compared'> {
    const run = manifest.mechanisms.find(({ name }) => name === mechanism);
    const window_ms = Math.max(1, Math.min(manifest.window.window_ms, run?.observed_ms ?? 0));
    const account = this.#account(window_ms);
    const parts = [...account.finish()];
    const served = this.#waits_ms.length;
    const sorted = Float64Array.from(this.#waits_ms).toSorted();
    const latencies = Float64Array.from(this.#latencies_ms).toSorted();
    const { name, keep_alive_s } = manifest.policy;
    const shares = [...this.#functions.values()].map(({ all, cold }) => cold / all);
    shares.sort((a, b) => a - b);
    return {
      name: `${name} ${keep_alive_s} s, ${mechanism}`,
      policy: `${name} ${keep_alive_s} s`,
      mechanism,
      simulated: manifest.kind === 'simulation',
      invocations: this.#planned,
      warm: served - this.#cold,
      cold: this.#cold,
      refused: this.#refused,
      instance_starts: this.#cold,
      cold_share: wilson(this.#cold, served),
      cold_share_of_functions: FUNCTION_SHARES.map((share) => ({
        share,
        value: shares[Math.max(0, Math.ceil(share * shares.length) - 1)] ?? 0,
      })),
      wait_ms: WAIT_SHARES.map((share) => quantileInterval(sorted, share)),
      latency_ms: WAIT_SHARES.map((share) => quantileInterval(latencies, share)),
      committed_gib_s: parts.reduce((sum, part) => sum + part, 0),
      busy_gib_s: null,
      peak_committed_bytes: account.peak_bytes,
      committed_gib_s_parts: parts,
      window_ms,
    };
  }

  #account(window_ms: number): MemoryAccount {
    const account = new MemoryAccount(window_ms);
    const bytes_of = new Map<string, number>();
    const sorted = this.#steps.toSorted((a, b) => a.at_ms - b.at_ms);
    for (const { vm_id, at_ms, bytes } of sorted) if (at_ms < 0) bytes_of.set(vm_id, bytes);
    // What was held when the window began, and no peak of before.
    for (const bytes of bytes_of.values()) account.add(0, bytes);
    for (const { vm_id, at_ms, bytes } of sorted) {
      if (at_ms < 0) continue;
      account.add(at_ms, bytes - (bytes_of.get(vm_id) ?? 0));
      bytes_of.set(vm_id, bytes);
    }
    return account;
  }
}
