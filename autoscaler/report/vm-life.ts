/** Whether every function VM lived, and was seen, for the whole window. Pure. */
import { formatMs } from '../../base/units.ts';
import type { MemoryCheckLine } from '../results/schema.ts';
import type { MemorySteps } from './memory-steps.ts';

/**
 * A VM that tells nothing for longer was not observed: a replay asks for a record every 250 ms, so
 * eight in a row are missing, and what the VM held in between is a guess.
 */
export const UNOBSERVED_MS = 2000;

export interface VmLifeInputs {
  /** As deployed. */
  readonly functions: readonly string[];
  readonly steps: MemorySteps;
  readonly checks: readonly MemoryCheckLine[];
  readonly window_ms: number;
}

/** One sentence for each VM that did not live or was not seen; none when all did and were. */
export function vmProblems(inputs: VmLifeInputs): string[] {
  return [...stepProblems(inputs), ...checkProblems(inputs)];
}

function stepProblems({ functions, steps, window_ms }: VmLifeInputs): string[] {
  const problems = new Map<string, string>();
  const note = (vm_id: string, text: string): void => {
    if (!problems.has(vm_id)) problems.set(vm_id, text);
  };
  const seen_from_ms = steps.vms.map(() => window_ms);
  steps.forEachHeld(0, window_ms, (row, index, from_ms, to_ms) => {
    const vm = steps.vms[index];
    if (!vm) return;
    seen_from_ms[index] = Math.min(seen_from_ms[index] ?? window_ms, from_ms);
    const since = `from ${formatMs(from_ms)} on`;
    if (steps.sizeOf(row, 'resident_bytes') === 0) {
      const empty = steps.sizeOf(row, 'committed_bytes') === 0;
      const what = empty ? 'ended' : 'had no memory that could be seen';
      note(vm.vm_id, `the VM of ${vm.function} ${what} ${since}`);
    } else if (to_ms - from_ms > UNOBSERVED_MS) {
      const gap = formatMs(to_ms - from_ms);
      note(vm.vm_id, `nothing is known of the VM of ${vm.function} for ${gap} ${since}`);
    }
  });
  for (const [index, vm] of steps.vms.entries()) {
    const at_ms = seen_from_ms[index] ?? window_ms;
    if (at_ms <= 0) continue;
    note(vm.vm_id, `the VM of ${vm.function} was seen from ${formatMs(at_ms)} on only`);
  }
  const seen = new Set(steps.vms.map((vm) => vm.function));
  const unseen = functions.filter((name) => !seen.has(name));
  return [...problems.values(), ...unseen.map((name) => `no VM of ${name} was ever seen`)];
}

function checkProblems({ checks }: VmLifeInputs): string[] {
  const start = checks.filter((check) => check.at === 'start');
  const end = checks.filter((check) => check.at === 'end');
  const problems = end
    .filter((check) => check.vm_state !== 'running' || check.regions.length === 0)
    .map((check) => `the VM of ${check.function} was ${check.vm_state} at the end`);
  for (const { function: name, vm_id } of start) {
    const later = end.find((check) => check.function === name);
    if (later === undefined && end.length > 0) {
      problems.push(`the VM of ${name} was not there at the end`);
    } else if (later !== undefined && later.vm_id !== vm_id) {
      problems.push(`the VM of ${name} was another one at the end`);
    }
  }
  return problems;
}
