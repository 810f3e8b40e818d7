import {
  NO_VALUES,
  type Targets,
  type TargetValues,
  targetValuesSchema,
} from '../../agent/model/targets.ts';
import { hostClock } from '../../base/clock.ts';
import { jsonDocument } from '../../base/json.ts';
import { printable } from '../../base/printable.ts';
import { formatBytes, formatMs, parseBytes } from '../../base/units.ts';
import { ourName } from '../../base/users.ts';
import { type Command, type CommandInput, JSON_OPTION } from '../command.ts';
import { badValue } from '../errors.ts';
import { SOCKET_OPTION } from '../socket.ts';
import { withAgent } from '../with-agent.ts';

const NAMES = Object.keys(NO_VALUES);
const withoutUnit = (name: string): string => name.replace(/_(?:bytes|ms)$/, '');

/** `warm=2`, `keep_alive=10m`, `policy=history`: units are in the values, not in the names. */
function readValues(words: readonly string[]): TargetValues {
  const values: Record<string, number | string> = {};
  for (const word of words) {
    const [given = '', text = ''] = word.split('=', 2);
    const name = NAMES.find((one) => one === given || withoutUnit(one) === given);
    const value = name === undefined ? null : readValue(name, text);
    if (name === undefined || value === null) {
      const names = NAMES.map(withoutUnit).join(', ');
      throw badValue('set', word, `NAME=VALUE, where NAME is one of ${names}`);
    }
    values[name] = value;
  }
  const found = targetValuesSchema.safeParse({ ...NO_VALUES, ...values });
  if (found.success) return found.data;
  const [issue] = found.error.issues;
  throw badValue('set', String(issue?.path.join('.')), issue?.message ?? 'another value');
}

const MS_OF: Readonly<Record<string, number>> = { ms: 1, s: 1_000, m: 60_000, h: 3_600_000 };

/** `500ms`, `60s`, `10m`, `2h`, in ms; null: it is none. */
function parseMs(text: string): number | null {
  const [, number, unit = ''] = /^(\d{1,9})(ms|s|m|h)$/.exec(text) ?? [];
  const unit_ms = MS_OF[unit];
  return number === undefined || unit_ms === undefined ? null : Number(number) * unit_ms;
}

function readValue(name: string, text: string): number | string | null {
  if (name === 'policy') return text === '' ? null : text;
  if (name.endsWith('_bytes')) return parseBytes(text);
  if (name.endsWith('_ms')) return parseMs(text);
  return /^\d{1,6}$/.test(text) ? Number(text) : null;
}

async function run(input: CommandInput): Promise<void> {
  const { values, positionals, stdout } = input;
  const name = positionals[0] ?? '';
  const words = values.list('set');
  const clears = values.flag('clear');
  const wanted = readValues(words);
  const for_text = values.optional('for');
  const for_ms = for_text === undefined ? null : parseMs(for_text);
  if (for_text !== undefined && for_ms === null) throw badValue('for', for_text, 'a time: 10m');
  const revision =
    values.optional('revision') === undefined
      ? null
      : values.whole('revision', 0, Number.MAX_SAFE_INTEGER);
  const told = await withAgent(input, (client, signal) => {
    if (words.length === 0 && !clears) return client.targets(name, { signal });
    const reason = values.optional('reason') ?? '';
    const request = { function: name, values: wanted, for_ms, author: ourName(), reason, revision };
    return client.setTargets(request, { signal });
  });
  stdout.write(values.flag('json') ? jsonDocument(told) : render(told));
}

/** With the unit that its name ends in. */
function shown(name: string, value: number | string): string {
  if (typeof value === 'string') return printable(value, 64);
  if (name.endsWith('_bytes')) return formatBytes(value);
  return name.endsWith('_ms') ? formatMs(value) : String(value);
}

function render({
  function: name,
  values,
  revision,
  author,
  reason,
  expires_at_ms,
}: Targets): string {
  const lines = Object.entries(values).flatMap(([key, value]) => {
    return value === null ? [] : [`  ${key.padEnd(16)}${shown(key, value)}`];
  });
  const left_ms = expires_at_ms === null ? null : Math.max(0, expires_at_ms - hostClock.nowMs());
  const until = left_ms === null ? '' : `, for another ${formatMs(left_ms)}`;
  const why = reason === '' ? '' : `: ${printable(reason, 256)}`;
  const by = revision === 0 ? '' : ` by ${printable(author, 256)}${why}`;
  const head = `${name}  revision ${revision}${by}${until}`;
  if (lines.length === 0) lines.push('  as its definition has it');
  return `${[head, ...lines].join('\n')}\n`;
}

export const targetsCommand: Command = {
  name: 'targets',
  summary: 'show or set bounds and wishes for a function while it runs',
  positionals: ['NAME'],
  options: {
    set: { value: 'NAME=VALUE', multiple: true, summary: 'a value; all others are given up' },
    clear: { summary: 'give all values up: its definition holds again' },
    for: { value: 'TIME', summary: 'until the definition holds again, e.g. 10m' },
    reason: { value: 'TEXT', summary: 'why, for those who read it later' },
    revision: { value: 'N', summary: 'only if nobody set others since this revision' },
    socket: SOCKET_OPTION,
    json: JSON_OPTION,
  },
  help: `
Bounds and wishes that go before what the function was deployed with, at once and without a restart:

  instances_min   that many are kept started        warm      idle ones kept beside the busy
  instances_max   no more start, in all its VMs     reserve   free regions that are kept plugged
  keep_alive      idle for this long is stopped     baseline, increment, max
                                                    of memory that follows its use
  policy          who answers for it, by name

Policies answer within them. All values are set together: those that are not given are as the
definition has them. Without --set and --clear it tells what holds.

  hotplane targets resize --set warm=2 --set keep_alive=10m --for 2h --reason 'the sale begins'
`,
  run,
};
