/** A speed-up that was chosen: what was measured, and what the trace asks for. Pure. */
import { formatMs } from '../../base/units.ts';
import type { SpeedupChoice, SpeedupDemand, SpeedupMeasured } from '../results/speedup-choice.ts';
import { percent } from './figures.ts';

/** One sentence without its full stop, the figures of every mechanism in it. */
export function speedupText(choice: SpeedupChoice): string {
  const { speedup, most_share, measured, demand } = choice;
  const is_too_much = demand.share > most_share;
  return (
    `speed-up ${speedup} was chosen${is_too_much ? ', the least that was wanted' : ''}: ` +
    `${demandText(demand)}, at most ${percent(most_share)} were wanted` +
    `${is_too_much ? ', so this host is too slow or too busy for it' : ''}; ${measuredText(measured)}`
  );
}

export function measuredText(measured: SpeedupMeasured): string {
  const costs = measured.costs.map(
    (one) =>
      `${one.mechanism}, ${one.function}: ${formatMs(one.call_cpu_ms)} a call and ${formatMs(one.start_cpu_ms)} a ` +
      `start with its unplug, ${one.compute_factor.toFixed(2)} for 1 of computing`,
  );
  return (
    `CPU time measured in ${formatMs(measured.took_ms)}: ${costs.join('; ')}; a VM at rest takes ${measured.idle_cpus_per_vm.toFixed(3)} CPUs, and ` +
    `${measured.cpus_left.toFixed(2)} CPUs were left`
  );
}

export function demandText(demand: SpeedupDemand): string {
  const { calls, starts, at_ms, window_ms, share, mechanism } = demand;
  return (
    `its busiest ${formatMs(window_ms)} (from ${formatMs(at_ms)} on, ${calls} calls, ${starts} ` +
    `starts) ask for ${percent(share)} of the CPU left under ${mechanism}`
  );
}
