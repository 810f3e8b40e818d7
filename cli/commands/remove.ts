import { type Command, type CommandInput, JSON_OPTION } from '../command.ts';
import { badArguments } from '../errors.ts';
import { SOCKET_OPTION } from '../socket.ts';
import { withAgent } from '../with-agent.ts';

async function run(input: CommandInput): Promise<void> {
  const dag = input.values.optional('dag');
  if (dag !== undefined) return await removeDag(dag, input);
  const name = input.positionals[0] ?? '';
  if (name === '') throw badArguments('remove', 'NAME is missing.');
  const removed = await withAgent(input, (client, signal) => client.remove(name, { signal }));
  const text = input.values.flag('json') ? JSON.stringify(removed) : `${name}: removed`;
  input.stdout.write(`${text}\n`);
}

/** Its functions stay. */
async function removeDag(dag: string, input: CommandInput): Promise<void> {
  if (input.positionals.length > 0) {
    throw badArguments('remove', 'a function is removed by NAME, a DAG by --dag: one at a time.');
  }
  await withAgent(input, (client, signal) => client.removeDag(dag, { signal }));
  const text = input.values.flag('json') ? JSON.stringify({ dag }) : `${dag}: removed`;
  input.stdout.write(`${text}\n`);
}

export const removeCommand: Command = {
  name: 'remove',
  summary: 'stop a function, shut its VM down and forget it',
  positionals: ['[NAME]'],
  options: {
    dag: { value: 'NAME', summary: 'forget this DAG instead; its functions stay' },
    socket: SOCKET_OPTION,
    json: JSON_OPTION,
  },
  help: `
Waiting invocations are refused, running ones may end for up to 60 s, then the VM is shut down.
Returns when nothing of it is left. A DAG that has it as a stage stays, and cannot be called then.

  hotplane remove resize-image
  hotplane remove --dag thumbnails
`,
  run,
};
