import type { FunctionRow } from '../../agent/api/client.ts';
import { formatBytes } from '../../base/units.ts';
import { listCommand, STATE_OPTION } from '../list-command.ts';

export const functionsCommand = listCommand<FunctionRow>({
  name: 'functions',
  summary: 'list the functions of the agent',
  options: { state: STATE_OPTION },
  help: 'Every function that is deployed, by name: deploying, serving, removing, ending or lost.',
  rows: (client, filter, options) => client.functions(filter, options),
  columns: [
    { title: 'FUNCTION', text: (row) => row.function },
    { title: 'STATE', text: ({ state }) => state },
    { title: 'VMS', text: ({ vms, vms_max }) => `${vms}/${vms_max}`, is_figure: true },
    { title: 'INSTANCES', text: ({ instances }) => String(instances), is_figure: true },
    { title: 'QUEUE', text: (row) => String(row.invocations_queued), is_figure: true },
    { title: 'PERMITS', text: (row) => formatBytes(row.permits_bytes), is_figure: true },
    { title: 'BOOT', text: ({ boot_bytes }) => formatBytes(boot_bytes), is_figure: true },
    { title: 'SIZE', text: (row) => `${row.concurrency} x ${formatBytes(row.limit_bytes)}` },
    { title: 'MECHANISM', text: ({ mechanism }) => mechanism },
    { title: 'LAST ERROR', text: ({ last_error_code }) => last_error_code ?? '' },
  ],
});
