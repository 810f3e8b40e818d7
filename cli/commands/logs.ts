import { hostClock } from '../../base/clock.ts';
import type { OutputEntry } from '../../agent/api/client.ts';
import { type Command, type CommandInput, JSON_OPTION } from '../command.ts';
import { SOCKET_OPTION } from '../socket.ts';
import { withAgent } from '../with-agent.ts';

/** Between two looks of --follow. */
const LOOK_MS = 250;

async function run(input: CommandInput): Promise<void> {
  const name = input.positionals[0] ?? '';
  const { signal, values } = input;
  await withAgent(input, async (client) => {
    let after = 0;
    do {
      const entries = await client.logs(name, after, { signal });
      for (const entry of entries) write(input, entry);
      after = entries.at(-1)?.sequence ?? after;
      if (values.flag('follow')) await hostClock.sleep(LOOK_MS, signal);
    } while (values.flag('follow'));
  });
}

function write({ values, stdout, stderr }: CommandInput, entry: OutputEntry): void {
  const text = Buffer.from(entry.bytes).toString('utf8');
  if (values.flag('json')) {
    stdout.write(`${JSON.stringify({ ...entry, bytes: undefined, text })}\n`);
    return;
  }
  const { dropped_bytes, instance_id } = entry;
  if (dropped_bytes > 0) stderr.write(`${instance_id}: ${dropped_bytes} bytes were dropped here\n`);
  for (const line of text.replace(/\n$/, '').split('\n')) stdout.write(`${instance_id}: ${line}\n`);
}

export const logsCommand: Command = {
  name: 'logs',
  summary: 'show what the instances of a function wrote',
  positionals: ['NAME'],
  options: {
    follow: { summary: 'go on as they write, until interrupted' },
    socket: SOCKET_OPTION,
    json: JSON_OPTION,
  },
  help: `
The agent keeps the last 256 KiB of what all instances of a function wrote to standard output and
standard error, also after an instance ended. An instance that writes more than 64 KiB in a second
loses the rest, and it is told how much.

  hotplane logs resize-image --follow
`,
  run,
};
