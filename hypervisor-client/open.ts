/** The one place that knows which drivers there are. */
import {
  CloudHypervisorDriver,
  type CloudHypervisorDriverOptions,
} from './cloud-hypervisor/driver/driver.ts';
import { vmmError } from './errors.ts';
import { QemuDriver, type QemuOptions } from './qemu/driver.ts';
import type { Hypervisor, VmmKind } from './vm.ts';

/** A kind that has no driver, as the `fake` of tests, is refused when it is opened. */
export type HypervisorChoice = 'auto' | VmmKind;

export interface HypervisorOptions {
  readonly cloud_hypervisor?: CloudHypervisorDriverOptions;
  readonly qemu?: QemuOptions;
}

type Maker = (options: HypervisorOptions) => Hypervisor;

/** In the order of preference of `auto`. A driver that is not built in is not in the list. */
const MAKERS: readonly (readonly [Exclude<HypervisorChoice, 'auto'>, Maker])[] = [
  ['cloud-hypervisor', (options) => new CloudHypervisorDriver(options.cloud_hypervisor)],
  ['qemu', (options) => new QemuDriver(options.qemu)],
];

/**
 * Opens a hypervisor by name. `auto` takes the first one that is installed and can run guests here;
 * with none it throws what the last one lacked. A named one is not probed: `probe()` does that.
 */
export async function openHypervisor(
  choice: HypervisorChoice,
  options: HypervisorOptions = {},
): Promise<Hypervisor> {
  let lacking: unknown = null;
  for (const [kind, make] of MAKERS) {
    if (choice === kind) return make(options);
    if (choice !== 'auto') continue;
    const candidate = make(options);
    try {
      await candidate.probe();
      return candidate;
    } catch (error) {
      lacking = error;
    }
  }
  if (choice === 'auto') throw lacking;
  throw vmmError('HP_VMM_UNSUPPORTED', `There is no driver for ${choice} in this version.`, {
    next: `Use one of: auto, ${MAKERS.map(([kind]) => kind).join(', ')}.`,
  });
}

/** Every driver there is, whether its VMM is installed or not: for VMs of earlier owners. */
export function openDrivers(options: HypervisorOptions = {}): readonly Hypervisor[] {
  return MAKERS.map(([, make]) => make(options));
}
