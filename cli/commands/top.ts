import type { AgentClient } from '../../agent/api/client.ts';
import { hostClock } from '../../base/clock.ts';
import { type Command, type CommandInput, JSON_OPTION } from '../command.ts';
import { SOCKET_OPTION } from '../socket.ts';
import { type Terminal, topLines } from '../top-view.ts';
import { withAgent } from '../with-agent.ts';

/** Shown where the output is no terminal that tells its size. */
const USUAL: Terminal = { columns: 100, rows: 50 };
const CONTROL_C = '\u0003';

const HIDE_CURSOR = '\u001b[?25l';
const SHOW_CURSOR = '\u001b[?25h';
const HOME = '\u001b[H';
const ERASE_LINE = '\u001b[K';
const ERASE_BELOW = '\u001b[J';

async function run(input: CommandInput): Promise<void> {
  const { values, stdout } = input;
  const every_ms = 1_000 * values.whole('interval', 1, 3_600);
  const is_live = process.stdout.isTTY && !values.flag('once') && !values.flag('json');
  await withAgent(input, async (client, signal) => {
    if (is_live) return await goOn(client, every_ms, input);
    const status = await client.status('', { signal });
    if (values.flag('json')) stdout.write(`${JSON.stringify(status)}\n`);
    else stdout.write(`${topLines(status, { ...terminal(), rows: Infinity }).join('\n')}\n`);
  });
}

function terminal(): Terminal {
  const { columns, rows, isTTY } = process.stdout;
  return isTTY && columns > 0 && rows > 0 ? { columns, rows } : USUAL;
}

/** Until q, or the end of the command. The terminal is left as it was. */
async function goOn(client: AgentClient, every_ms: number, input: CommandInput): Promise<void> {
  const quit = new AbortController();
  const signal = AbortSignal.any([input.signal, quit.signal]);
  const { stdin } = process;
  const onKey = (key: Buffer): void => {
    if (['q', 'Q', CONTROL_C].includes(key.toString())) quit.abort();
  };
  if (stdin.isTTY) stdin.setRawMode(true).on('data', onKey).resume();
  input.stdout.write(HIDE_CURSOR);
  try {
    while (!signal.aborted) {
      const status = await client.status('', { signal });
      const lines = topLines(status, terminal()).map((line) => `${line}${ERASE_LINE}`);
      input.stdout.write(`${HOME}${lines.join('\r\n')}\r\n${ERASE_BELOW}q ends it`);
      await hostClock.sleep(every_ms, signal);
    }
  } catch (error) {
    if (!quit.signal.aborted) throw error;
  } finally {
    if (stdin.isTTY) stdin.setRawMode(false).off('data', onKey).pause();
    input.stdout.write(`\r\n${SHOW_CURSOR}`);
  }
}

export const topCommand: Command = {
  name: 'top',
  summary: 'show functions and their memory, again and again',
  options: {
    socket: SOCKET_OPTION,
    interval: { value: 'SECONDS', summary: 'time between two looks', default: '1' },
    once: { summary: 'show it once, all of it, and end' },
    json: JSON_OPTION,
  },
  help: `
Those with the most memory first; a narrow terminal has the columns that fit, and what has no room
below is counted. VM is the state of its VM, as 'hotplane vms' has it; that of the function is told
by 'hotplane functions'. q ends it. Where the output is no terminal it is shown once, as with
--once. It uses no colour.

  hotplane top --once
`,
  run,
};
