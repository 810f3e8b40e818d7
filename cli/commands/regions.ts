import type { RegionRow } from '../../agent/api/client.ts';
import { formatBytes } from '../../base/units.ts';
import { FUNCTION_OPTION, listCommand, STATE_OPTION, VM_OPTION } from '../list-command.ts';

export const regionsCommand = listCommand<RegionRow>({
  name: 'regions',
  summary: 'list the regions of VMs',
  options: { function: FUNCTION_OPTION, vm: VM_OPTION, state: STATE_OPTION },
  help: `
Every region, VM by VM: resizing, held by an instance, ready (plugged ahead of a start), empty, or
left (an unplug did not empty it). Of a span, the instance is told with its name: i7/data. NODE is
the NUMA node of the host that a region is bound to; where its bytes really lie tells
'hotplane status'.
`,
  rows: (client, filter, options) => client.regions(filter, options),
  columns: [
    { title: 'VM', text: ({ vm_id }) => vm_id },
    { title: 'REGION', text: ({ region_id }) => region_id },
    { title: 'STATE', text: ({ state }) => state },
    {
      title: 'INSTANCE',
      text: ({ instance_id, span }) => [instance_id ?? [], span ?? []].flat().join('/'),
    },
    { title: 'TARGET', text: (row) => formatBytes(row.target_bytes), is_figure: true },
    { title: 'PLUGGED', text: (row) => formatBytes(row.plugged_bytes), is_figure: true },
    { title: 'PERMIT', text: (row) => formatBytes(row.permit_bytes), is_figure: true },
    { title: 'NODE', text: ({ host_node }) => String(host_node ?? ''), is_figure: true },
    { title: 'FUNCTION', text: (row) => row.function },
    { title: 'OPERATION', text: ({ operation_id }) => operation_id ?? '' },
    { title: 'TRIES', text: (row) => String(row.unplug_attempts), is_figure: true },
  ],
});
