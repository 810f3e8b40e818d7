/** Starts the VMs of the suite, and sees that none outlives it. */
import { mkdtemp, readdir, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { hostClock } from '../../../base/clock.ts';
import { waitFor } from '../../../base/wait.ts';
import { MIB } from '../../../base/units.ts';
import type { ResizeResult, Vm, VmEvent, VmSpec } from '../../vm.ts';
import { endProcess } from '../../../base/process.ts';
import { deviceOf } from '../../spec.ts';
import type { GuestHand, Target } from './target.ts';

export const BLOCK = 2 * MIB;
export const REGION = 128 * MIB;
export const HOST_BACKINGS: readonly VmSpec['backing'][] = ['anonymous', 'memfd', 'huge'];

export type SpecChanges = Partial<VmSpec> & {
  /** So many regions of one memory block each, a device each. */
  readonly regions?: number;
};

/** A VM and the hand in its guest, handed on from one behaviour to the next. */
export interface VmStage {
  vm: Vm;
  guest: GuestHand;
}

function missing(): never {
  throw new Error('an earlier behaviour of this series did not get this far');
}

/** A stage nobody has entered yet; the first behaviour of a series sets it. */
export function emptyStage(): VmStage {
  return {
    get vm(): Vm {
      return missing();
    },
    set vm(vm: Vm) {
      Object.defineProperty(this, 'vm', { value: vm, writable: true });
    },
    get guest(): GuestHand {
      return missing();
    },
    set guest(guest: GuestHand) {
      Object.defineProperty(this, 'guest', { value: guest, writable: true });
    },
  };
}

export class Vms {
  readonly #target: Target;
  readonly #vms: Vm[] = [];
  readonly #folders: string[] = [];

  constructor(target: Target) {
    this.#target = target;
  }

  /** A specification with a run folder of its own. */
  async spec(changes: SpecChanges = {}): Promise<VmSpec> {
    const run_dir = await mkdtemp(join(tmpdir(), 'hotplane-conformance-'));
    this.#folders.push(run_dir);
    const { regions: count = 1, ...rest } = changes;
    return {
      id: 'conformance',
      run_dir,
      ...(await this.#target.image()),
      vcpus: this.#target.vcpus,
      boot_bytes: 256 * MIB,
      backing: this.#target.backing,
      accelerator: 'auto',
      ...rest,
      devices: Array.from({ length: count }, (_, index) =>
        deviceOf({ id: `r${index}`, max_bytes: REGION, initial_bytes: 0 }),
      ),
    };
  }

  async launch(spec: VmSpec): Promise<Vm> {
    return this.keep(await this.#target.hypervisor().launch(spec));
  }

  /** Ends this VM too when the suite ends. */
  keep(vm: Vm): Vm {
    this.#vms.push(vm);
    return vm;
  }

  async cleanUp(): Promise<void> {
    for (const { handle } of this.#vms) {
      const identity = { pid: handle.pid, start_ticks: handle.pid_start_ticks };
      await endProcess(identity, hostClock, 5_000);
    }
    for (const folder of this.#folders) await rm(folder, { recursive: true, force: true });
  }
}

/** Names of the files in a run folder that are sockets or the handle of a VM. */
export async function traces(run_dir: string): Promise<string[]> {
  const names = await readdir(run_dir);
  return names.filter((name) => name.endsWith('.sock') || name === 'vm.json');
}

/** All events from now until the VM is gone. */
export async function eventsOf(vm: Vm): Promise<VmEvent[]> {
  const events = vm.events();
  return await Array.fromAsync(events);
}

/** Fails with a message of its own when `probe` has not become true in time. */
export async function until(
  what: string,
  deadline_ms: number,
  probe: () => Promise<boolean> | boolean,
): Promise<void> {
  const found = await waitFor(async () => ((await probe()) ? true : null), {
    clock: hostClock,
    deadline_ms,
  });
  if (!found) throw new Error(`${what}: not within ${deadline_ms} ms`);
}

export async function pluggedOf(vm: Vm, id: string): Promise<number> {
  const { regions } = await vm.observe();
  return regions.find((region) => region.id === id)?.plugged_bytes ?? Number.NaN;
}

/** True when the stamps that are there come in the order of the steps. */
export function inOrder(result: ResizeResult): boolean {
  const stamps = [
    result.requested_at_ms,
    result.accepted_at_ms,
    result.plugged_at_ms,
    result.resident_at_ms,
  ].filter((stamp) => stamp !== null);
  return stamps.every((stamp, index) => index === 0 || stamp >= (stamps[index - 1] ?? 0));
}

/** The path of a file in the run folder that is no kernel and no RAM disk. */
export const junkPath = (run_dir: string): string => join(run_dir, 'junk');
