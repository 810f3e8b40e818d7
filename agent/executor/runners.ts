/** The VMs at work on this host, each with its runner, and those that an earlier agent left. */
import { unknownVm } from '../model/failure.ts';
import type { FunctionSpec } from '../model/spec.ts';
import type { LeftVm } from './vm-boot.ts';
import { type RunnerDeps, VmRunner } from './vm-runner.ts';

/** VMs of an earlier agent that live, by their ids. */
export type LeftVms = ReadonlyMap<string, LeftVm>;

export class Runners {
  readonly #runners = new Map<string, VmRunner>();
  readonly #left: LeftVms;
  readonly #depsOf: (vm_id: string) => Omit<RunnerDeps, 'left'>;

  constructor(left: LeftVms, depsOf: (vm_id: string) => Omit<RunnerDeps, 'left'>) {
    this.#left = left;
    this.#depsOf = depsOf;
  }

  /** A runner for a VM that has none yet: one to be launched, or left by an earlier agent. */
  make(vm_id: string, spec: FunctionSpec): VmRunner {
    const left = this.#left.get(vm_id) ?? null;
    const runner = new VmRunner(vm_id, spec, { ...this.#depsOf(vm_id), left });
    this.#runners.set(vm_id, runner);
    return runner;
  }

  find(vm_id: string): VmRunner | undefined {
    return this.#runners.get(vm_id);
  }

  /** Throws HP_AGENT_INTERNAL for a VM that is not at work. */
  of(vm_id: string): VmRunner {
    const found = this.#runners.get(vm_id);
    if (!found) throw unknownVm(vm_id);
    return found;
  }

  delete(vm_id: string): void {
    this.#runners.delete(vm_id);
  }

  entries(): Iterable<[string, VmRunner]> {
    return this.#runners;
  }

  ids(): string[] {
    return [...this.#runners.keys()];
  }

  /** What the VMM processes hold of the host, as far as it is known. */
  residentBytes(): number {
    let bytes = 0;
    for (const runner of this.#runners.values()) bytes += runner.residentBytes() ?? 0;
    return bytes;
  }

  all(): VmRunner[] {
    return [...this.#runners.values()];
  }
}
