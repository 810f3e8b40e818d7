/** The real program, where CLOUD_HYPERVISOR names it. */
export const BINARY = process.env['CLOUD_HYPERVISOR'] ?? '';

export const MISSING =
  'skipped: CLOUD_HYPERVISOR=/path does not name the program (v53.0 or newer, a static build from ' +
  'the releases of github.com/cloud-hypervisor/cloud-hypervisor)';
