/** A simulated run in the folder of a live one: the same files, which say that it is simulated. */
import { rebuildReport } from '../report/rebuild.ts';
import type { Manifest, MechanismRun } from '../results/schema.ts';
import { ResultWriter } from '../results/writer.ts';
import type { SimCosts } from './workload.ts';
import type { RunLines } from './run-recorder.ts';

export interface SimulatedRun {
  readonly costs: SimCosts;
  readonly lines: RunLines;
}

/** Writes the files and the report of them. Throws `HP_RESULTS_*`. */
export async function writeSimulatedRun(
  folder: string,
  about: Omit<Manifest, 'kind' | 'status' | 'mechanisms' | 'simulated'>,
  engine: string,
  runs: readonly SimulatedRun[],
): Promise<void> {
  const writer = new ResultWriter(folder);
  try {
    for (const { lines } of runs) {
      for (const line of lines.operations) writer.operation(line);
      for (const line of lines.invocations) writer.invocation(line);
      for (const line of lines.memory) writer.memory(line);
    }
    writer.manifest({
      ...about,
      kind: 'simulation',
      status: 'complete',
      mechanisms: runs.map(({ costs }) => mechanismRun(costs, about.window.window_ms)),
      simulated: { engine, mechanisms: runs.map(({ costs }) => modelOf(costs)) },
    });
  } finally {
    writer.close();
  }
  await rebuildReport(folder);
}

function mechanismRun({ mechanism }: SimCosts, observed_ms: number): MechanismRun {
  return {
    name: mechanism.name,
    status: 'complete',
    observed_ms,
    drained: true,
    vmm: 'simulated',
    accelerator: 'none',
    guest_kernel: 'none',
    kernel: null,
    rootfs_key: null,
    vms: [],
    error: null,
    clock_start_ms: null,
    failures: null,
  };
}

type Model = NonNullable<Manifest['simulated']>['mechanisms'][number];

function modelOf({ mechanism, start_ms, stop_ms }: SimCosts): Model {
  const { name, source, plug, unplug } = mechanism;
  return { name, source, plug: { ...plug }, unplug: { ...unplug }, start_ms, stop_ms };
}
