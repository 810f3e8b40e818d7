import type { VmRow } from '../../agent/api/client.ts';
import { formatBytes } from '../../base/units.ts';
import { FUNCTION_OPTION, listCommand, STATE_OPTION } from '../list-command.ts';

export const vmsCommand = listCommand<VmRow>({
  name: 'vms',
  summary: 'list the function VMs of the agent',
  options: { function: FUNCTION_OPTION, state: STATE_OPTION },
  help: `
Every VM, the longest there first: booting, filling, running, draining, quarantined, unresponsive,
adopting, ending or lost; what is granted for its regions, its boot memory and its VMM.
`,
  rows: (client, filter, options) => client.vms(filter, options),
  columns: [
    { title: 'VM', text: ({ vm_id }) => vm_id },
    { title: 'FUNCTION', text: (row) => row.function },
    { title: 'STATE', text: ({ state }) => state },
    { title: 'INSTANCES', text: (row) => `${row.instances}/${row.regions}`, is_figure: true },
    { title: 'PERMITS', text: (row) => formatBytes(row.permits_bytes), is_figure: true },
    { title: 'BOOT', text: ({ boot_bytes }) => formatBytes(boot_bytes), is_figure: true },
    { title: 'VMM', text: (row) => formatBytes(row.overhead_bytes), is_figure: true },
    { title: 'PID', text: ({ vmm_pid }) => String(vmm_pid ?? ''), is_figure: true },
    { title: 'STARTS', text: (row) => String(row.instances_started), is_figure: true },
    { title: 'GUEST KERNEL', text: ({ guest_kernel }) => guest_kernel ?? '' },
  ],
});
