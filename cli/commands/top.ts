import type { AgentClient, StatusResponse } from '../../agent/api/client.ts';
import { hostClock } from '../../base/clock.ts';
import { type Command, type CommandInput, JSON_OPTION } from '../command.ts';
import { SOCKET_OPTION } from '../socket.ts';
import { type Terminal, topLines } from '../top-view.ts';
import { withAgent } from '../with-agent.ts';

/** Shown where the output is no terminal that tells its size. */
const USUAL: Terminal = { columns: 100, rows: 50 };
const CONTROL_C = '\u0003';
const KEYS = 'q ends it, m has memory first or not';

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
    const first = { memory_first: values.flag('memory') };
    if (is_live) return await goOn(client, every_ms, first, input);
    const status = await client.status('', { signal });
    if (values.flag('json')) stdout.write(`${JSON.stringify(status)}\n`);
    else
      stdout.write(`${topLines(status, { ...terminal(), ...first, rows: Infinity }).join('\n')}\n`);
  });
}

function terminal(): Terminal {
  const { columns, rows, isTTY } = process.stdout;
  return isTTY && columns > 0 && rows > 0 ? { columns, rows } : USUAL;
}

/** Until q, or the end of the command; m changes what is first. The terminal is left as it was. */
async function goOn(
  client: AgentClient,
  every_ms: number,
  first: { memory_first: boolean },
  input: CommandInput,
): Promise<void> {
  const quit = new AbortController();
  const signal = AbortSignal.any([input.signal, quit.signal]);
  const { stdin } = process;
  let { memory_first } = first;
  let status: StatusResponse | null = null;
  const draw = (): void => {
    if (!status) return;
    const lines = topLines(status, { ...terminal(), memory_first }).map(
      (line) => line + ERASE_LINE,
    );
    input.stdout.write(`${HOME}${lines.join('\r\n')}\r\n${ERASE_BELOW}${KEYS}`);
  };
  const onKey = (key: Buffer): void => {
    const name = key.toString().toLowerCase();
    if (name === 'q' || name === CONTROL_C) quit.abort();
    if (name !== 'm') return;
    memory_first = !memory_first;
    draw();
  };
  if (stdin.isTTY) stdin.setRawMode(true).on('data', onKey).resume();
  input.stdout.write(HIDE_CURSOR);
  try {
    while (!signal.aborted) {
      status = await client.status('', { signal });
      draw();
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
    memory: { summary: 'elastic memory and named spans first' },
    once: { summary: 'show it once, all of it, and end' },
    json: JSON_OPTION,
  },
  help: `
Those with the most memory first; a narrow terminal has the columns that fit, and what has no room
below is counted. VM is the state of its VM, as 'hotplane vms' has it; that of the function is told
by 'hotplane functions'. Of memory that follows its use: BASELINE is what the instances began with,
NOW what they have, MAX what they can have; WAITS are those for growth, and ABOVE is what was
plugged above the baseline, times its time. SPANS are the named ones that are open. --memory, or the
key m, has these first. q ends it. Where the output is no terminal it is shown once, as with --once.
It uses no colour.

  hotplane top --once
`,
  run,
};
