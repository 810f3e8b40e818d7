import { hostClock } from '../../base/clock.ts';
import { jsonDocument } from '../../base/json.ts';
import { printable } from '../../base/printable.ts';
import { formatBytes, formatMs } from '../../base/units.ts';
import type { ExplainResponse } from '../../agent/model/span-messages.ts';
import { type Command, type CommandInput, JSON_OPTION } from '../command.ts';
import { SOCKET_OPTION } from '../socket.ts';
import { withAgent } from '../with-agent.ts';

async function run(input: CommandInput): Promise<void> {
  const id = input.positionals[0] ?? '';
  const told = await withAgent(input, (client, signal) => client.explain(id, { signal }));
  input.stdout.write(input.values.flag('json') ? jsonDocument(told) : render(told));
}

const size = (bytes: number | null): string => (bytes === null ? 'unknown' : formatBytes(bytes));

/** The agent's stamps are of the host's clock, which is the same here. */
function render(told: ExplainResponse): string {
  const now_ms = hostClock.nowMs();
  const ago = (at_ms: number): string => `${formatMs(Math.max(0, now_ms - at_ms))} ago`;
  const { want_bytes, wanted_at_ms, next_at_ms } = told;
  const wait =
    want_bytes === null || wanted_at_ms === null
      ? ''
      : `, waits for ${formatBytes(want_bytes)} more since ${ago(wanted_at_ms)}`;
  const due =
    next_at_ms === null ? '' : ` (in ${formatMs(Math.max(0, next_at_ms - now_ms))} at the latest)`;
  const lines = [
    `${told.instance_id}  ${told.phase}, ${told.function}, ${told.vm_id} ${told.region_id}`,
    `  size        ${formatBytes(told.plugged_bytes)} of at most ${formatBytes(told.max_bytes)}` +
      `; started with ${size(told.baseline_bytes ?? told.max_bytes)}`,
    `  because     ${printable(told.because ?? 'its function has one size', 512)}`,
    `  in use      ${size(told.used_bytes)}, ${size(told.free_tail_bytes)} free at its end${wait}`,
    `  permit      ${formatBytes(told.permit_bytes)}; ` +
      `${formatBytes(told.free_bytes)} of the host are free`,
    `  next        ${printable(told.next, 512)}${due}; policy ${told.policy}`,
    ...told.changes.map((change) => {
      const { cause, from_bytes, to_bytes, outcome, ended_at_ms, decided_at_ms, reason } = change;
      const took = formatMs(ended_at_ms - decided_at_ms);
      const why = reason === null ? '' : `: ${printable(reason, 256)}`;
      const what = `${cause} ${formatBytes(from_bytes)} -> ${formatBytes(to_bytes)}`;
      return `  ${ago(ended_at_ms)}: ${what} ${outcome} in ${took}${why}`;
    }),
  ];
  return `${lines.join('\n')}\n`;
}

export const explainCommand: Command = {
  name: 'explain',
  summary: 'tell why an instance has the memory it has',
  positionals: ['INSTANCE'],
  options: { socket: SOCKET_OPTION, json: JSON_OPTION },
  help: `
How large the instance is and why, what its guest says is in use, what is granted for it, what is
decided next, and the latest changes of its size with what came of each. Instances have the names
that 'hotplane status --json' tells. The agent answers from its own book: no VM is asked.

  hotplane explain i7
`,
  run,
};
