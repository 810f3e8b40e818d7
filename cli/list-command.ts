/** Commands that list rows of the agent's book: one line each, or JSON. */
import type { AgentCallOptions, AgentClient, ListFilter } from '../agent/api/client.ts';
import { jsonDocument } from '../base/json.ts';
import { type Command, type CommandInput, JSON_OPTION, type OptionSpec } from './command.ts';
import { SOCKET_OPTION } from './socket.ts';
import { type Column, tableLines } from './table.ts';
import { withAgent } from './with-agent.ts';

export const FUNCTION_OPTION: OptionSpec = { value: 'NAME', summary: 'of this function alone' };
export const VM_OPTION: OptionSpec = { value: 'ID', summary: 'of this VM alone' };
export const STATE_OPTION: OptionSpec = { value: 'STATE', summary: 'in this state alone' };

/** What was asked for on the command line. */
export function filterOf({ values }: CommandInput): Omit<ListFilter, 'page_size'> {
  const filter = {
    function: values.optional('function'),
    vm_id: values.optional('vm'),
    state: values.optional('state'),
  };
  const given = Object.entries(filter).filter(([, text]) => text !== undefined);
  return Object.fromEntries(given);
}

export interface ListOf<Row> {
  /** The command, and the key of its rows in JSON. */
  readonly name: string;
  readonly summary: string;
  readonly help: string;
  readonly options: Readonly<Record<string, OptionSpec>>;
  readonly rows: (
    client: AgentClient,
    filter: ListFilter,
    options: AgentCallOptions,
  ) => AsyncIterable<Row>;
  /** The most important ones first: a narrow terminal has those that fit. */
  readonly columns: readonly Column<Row>[];
}

export function listCommand<Row>(list: ListOf<Row>): Command {
  const { name, summary, help, options } = list;
  return {
    name,
    summary,
    options: { ...options, socket: SOCKET_OPTION, json: JSON_OPTION },
    help: `
${help.trim()}

The agent answers from its book and asks no VM: 'hotplane status' does. With --json one document
with the rows in '${name}'; states are texts, and others may come.

  hotplane ${name} --json
`,
    run: async (input) => await showList(input, list),
  };
}

export async function showList<Row>(
  input: CommandInput,
  { name, rows: rowsOf, columns }: Pick<ListOf<Row>, 'name' | 'rows' | 'columns'>,
): Promise<void> {
  const rows: Row[] = [];
  await withAgent(input, async (client, signal) => {
    for await (const row of rowsOf(client, filterOf(input), { signal })) rows.push(row);
  });
  if (input.values.flag('json')) return void input.stdout.write(jsonDocument({ [name]: rows }));
  if (rows.length === 0) return void input.stdout.write(`no ${name}\n`);
  input.stdout.write(`${tableLines(columns, rows, terminalColumns()).join('\n')}\n`);
}

/** What is written to a file or a pipe is never cut. */
function terminalColumns(): number {
  const { columns, isTTY } = process.stdout;
  return isTTY && columns > 0 ? columns : Infinity;
}
