import type { InstanceRow } from '../../agent/api/client.ts';
import { formatBytes } from '../../base/units.ts';
import { FUNCTION_OPTION, listCommand, STATE_OPTION, VM_OPTION } from '../list-command.ts';

export const instancesCommand = listCommand<InstanceRow>({
  name: 'instances',
  summary: 'list the instances of functions',
  options: { function: FUNCTION_OPTION, vm: VM_OPTION, state: STATE_OPTION },
  help: `
Every instance, VM by VM: starting, busy, idle or stopping, and the memory it has. 'hotplane
explain' tells why it has it.
`,
  rows: (client, filter, options) => client.instances(filter, options),
  columns: [
    { title: 'INSTANCE', text: ({ instance_id }) => instance_id },
    { title: 'FUNCTION', text: (row) => row.function },
    { title: 'STATE', text: ({ state }) => state },
    { title: 'VM', text: ({ vm_id }) => vm_id },
    { title: 'REGION', text: ({ region_id }) => region_id },
    { title: 'PLUGGED', text: (row) => formatBytes(row.plugged_bytes), is_figure: true },
    { title: 'USED', text: (row) => usedText(row), is_figure: true },
    { title: 'RUNS', text: ({ invocations }) => String(invocations), is_figure: true },
    { title: 'ADDRESS', text: ({ address }) => address ?? '' },
    { title: 'INVOCATION', text: ({ invocation_id }) => invocation_id ?? '' },
  ],
});

/** A guest tells nothing of instances that have one size. */
const usedText = ({ used_bytes }: InstanceRow): string =>
  used_bytes === null ? '?' : formatBytes(used_bytes);
