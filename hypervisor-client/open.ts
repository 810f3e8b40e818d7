/** Opens hypervisors by name, or the first that is usable. */
import { type DriverName, DRIVERS, type HypervisorOptions } from './drivers.ts';
import { vmmError } from './errors.ts';
import type { Hypervisor } from './vm.ts';

export type HypervisorChoice = 'auto' | DriverName;

/**
 * Opens a hypervisor by name. `auto` takes the first one that is installed and can run guests here;
 * with none it throws what the last one lacked. A named one is not probed: `probe()` does that.
 */
export async function openHypervisor(
  choice: HypervisorChoice,
  options: HypervisorOptions = {},
): Promise<Hypervisor> {
  return await openNamed(choice, options);
}

/**
 * {@link openHypervisor} for a name from outside: HP_VMM_UNSUPPORTED when there is no such driver.
 */
export async function openNamed(
  name: string,
  options: HypervisorOptions = {},
): Promise<Hypervisor> {
  if (name === 'auto') return await openFirstUsable(options);
  const driver = DRIVERS.find(name);
  if (driver) return await driver.open(options);
  throw vmmError('HP_VMM_UNSUPPORTED', `There is no driver for ${name} in this version.`, {
    next: `Use one of: auto, ${DRIVERS.names.join(', ')}.`,
  });
}

/** Every driver there is, whether its VMM is installed or not: for VMs of earlier owners. */
export async function openDrivers(options: HypervisorOptions = {}): Promise<readonly Hypervisor[]> {
  return await Promise.all(DRIVERS.all.map((driver) => driver.open(options)));
}

async function openFirstUsable(options: HypervisorOptions): Promise<Hypervisor> {
  let lacking: unknown = null;
  for (const driver of DRIVERS.all) {
    const candidate = await driver.open(options);
    try {
      await candidate.probe();
      return candidate;
    } catch (error) {
      lacking = error;
    }
  }
  throw lacking;
}
