import type { OperationEntry, OperationRow } from '../../agent/api/client.ts';
import { hostClock } from '../../base/clock.ts';
import { printable } from '../../base/printable.ts';
import { formatBytes, formatMs } from '../../base/units.ts';
import { type Command, type CommandInput, JSON_OPTION } from '../command.ts';
import { filterOf, FUNCTION_OPTION, showList, STATE_OPTION, VM_OPTION } from '../list-command.ts';
import { SOCKET_OPTION } from '../socket.ts';
import type { Column } from '../table.ts';
import { withAgent } from '../with-agent.ts';

/** The agent's stamps are of the host's clock, which is the same here. */
const since = (at_ms: number): string => formatMs(Math.max(0, hostClock.nowMs() - at_ms));

const COLUMNS: readonly Column<OperationRow>[] = [
  { title: 'OPERATION', text: ({ operation_id }) => operation_id },
  { title: 'KIND', text: ({ kind }) => kind },
  { title: 'FUNCTION', text: (row) => row.function },
  { title: 'VM', text: ({ vm_id }) => vm_id },
  { title: 'REGION', text: ({ region_id }) => region_id },
  { title: 'FROM', text: ({ from_bytes }) => formatBytes(from_bytes), is_figure: true },
  { title: 'TO', text: ({ to_bytes }) => formatBytes(to_bytes), is_figure: true },
  { title: 'SINCE', text: ({ decided_at_ms }) => since(decided_at_ms), is_figure: true },
  { title: 'CAUSE', text: ({ cause }) => cause },
  { title: 'INSTANCE', text: ({ instance_id }) => instance_id ?? '' },
];

async function run(input: CommandInput): Promise<void> {
  const { values } = input;
  const after = values.optional('after') === undefined ? undefined : afterOf(input);
  const follow = values.flag('follow');
  if (values.flag('ended') || follow || after !== undefined) {
    await withAgent(input, async (client, signal) => {
      const { state, ...filter } = filterOf(input);
      const wanted = { ...filter, follow, ...(after === undefined ? {} : { after }) };
      for await (const entry of client.endedOperations(wanted, signal)) {
        if (state === undefined || state === entry.operation.kind) write(input, entry);
      }
    });
    return;
  }
  await showList(input, {
    name: 'operations',
    rows: (client, filter, options) => client.operations(filter, options),
    columns: COLUMNS,
  });
}

const afterOf = ({ values }: CommandInput): number =>
  values.whole('after', 0, Number.MAX_SAFE_INTEGER);

function write({ values, stdout, stderr }: CommandInput, entry: OperationEntry): void {
  if (values.flag('json')) return void stdout.write(`${JSON.stringify(entry)}\n`);
  const { sequence, missed, operation } = entry;
  const { kind, outcome, decided_at_ms, plugged_at_ms, resident_at_ms } = operation;
  if (missed === null) stderr.write('operations of an agent before this one are not kept\n');
  else if (missed > 0) stderr.write(`${missed} operations before this one are not kept\n`);
  const ended_at_ms = resident_at_ms ?? plugged_at_ms;
  const took =
    ended_at_ms === null || decided_at_ms === null
      ? ''
      : ` in ${formatMs(ended_at_ms - decided_at_ms)}`;
  const sizes = `${formatBytes(operation.before_bytes)} -> ${formatBytes(operation.plugged_bytes)}`;
  const why = operation.reason === null ? '' : `: ${printable(operation.reason)}`;
  const where = `${printable(operation.function)} ${operation.vm_id} ${operation.region_id}`;
  const cause = operation.cause === null ? '' : ` (${operation.cause})`;
  stdout.write(`${sequence}  ${kind} ${outcome}  ${where}  ${sizes}${took}${cause}${why}\n`);
}

export const operationsCommand: Command = {
  name: 'operations',
  summary: 'list resizes in flight, or those that ended',
  options: {
    function: FUNCTION_OPTION,
    vm: VM_OPTION,
    state: {
      ...STATE_OPTION,
      value: 'KIND',
      summary: 'of this kind alone',
      choices: ['plug', 'unplug'],
    },
    ended: { summary: 'the newest that ended instead, as many as are kept (4,096)' },
    after: { value: 'NUMBER', summary: 'those that ended after the one with this number' },
    follow: { summary: 'go on with those that end, until interrupted' },
    socket: SOCKET_OPTION,
    json: JSON_OPTION,
  },
  help: `
Without --ended, --after and --follow: the resizes in flight, one document with --json. Else those
that ended, each with a number that grows, also from agent to agent: who was cut off goes on with
--after the last one that he saw, and is told how many are not kept any more. With --json one object
a line: sequence, missed (null: not known) and the operation as in operations.jsonl of a replay.

  hotplane operations --follow --json
`,
  run,
};
