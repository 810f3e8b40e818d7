import { EXIT_CODES, HotplaneError, isHotplaneError } from '../../base/errors.ts';
import { formatMs } from '../../base/units.ts';
import type { AgentClient, Invocation, Invoked } from '../../agent/api/client.ts';
import { type Command, type CommandInput, JSON_OPTION } from '../command.ts';
import { badArguments, badValue } from '../errors.ts';
import { SOCKET_OPTION } from '../socket.ts';
import { readPayload } from '../payload.ts';
import { spansOf } from '../span-option.ts';
import { withAgent } from '../with-agent.ts';
import {
  type Call,
  emulated,
  JSON_TYPE,
  SPAN_STEPS_MAX,
  SPAN_TIMES_MAX,
} from '../../agent/model/work.ts';
import type { ProgressStream } from '../../base/progress.ts';
import { parseBytes, sizeWanted } from '../../base/units.ts';

/** Like Values.bytes, but nothing is a size too. */
function bytesOrZero(input: CommandInput, name: string): number {
  const text = input.values.text(name);
  const bytes = parseBytes(text);
  if (bytes === null) throw badValue(name, text, `${sizeWanted(text)}, or 0`);
  return bytes;
}

/**
 * Where the payload is: named, or standard input for a function with a program of its own; null:
 * it is that of the built-in function, composed from its options.
 */
async function placeOf(input: CommandInput): Promise<string | null> {
  const named = input.values.text('payload');
  if (named !== '') return named;
  const name = input.positionals[0] ?? '';
  try {
    const status = await withAgent(input, (client, signal) => client.status(name, { signal }));
    return status.functions[0]?.function.program ? '-' : null;
  } catch (error) {
    // Told by the invocation itself, which is refused.
    if (isHotplaneError(error) && error.code === 'HP_AGENT_NO_FUNCTION') return null;
    throw error;
  }
}

/** What the built-in function would be told to do. Throws HP_CLI_BAD_VALUE. */
function builtInCall(input: CommandInput): Call {
  const { values } = input;
  const day_ms = 86_400_000;
  const times = values.whole('span-times', 0, SPAN_TIMES_MAX);
  const once = { at_ms: 0, hold_ms: 0, times };
  const spans = spansOf(values).map(({ name: span, bytes }) => {
    return { span, bytes, touch_bytes: bytes, ...once };
  });
  if (spans.length > SPAN_STEPS_MAX) {
    throw badArguments('invoke', `--span is given at most ${SPAN_STEPS_MAX} times.`);
  }
  return emulated({
    ...(spans.length > 0 && { spans }),
    anonymous_bytes: bytesOrZero(input, 'touch'),
    file_bytes: bytesOrZero(input, 'map'),
    cpu_ms: values.number('cpu-ms', 0, day_ms),
    wall_ms: values.number('wall-ms', 0, day_ms),
  });
}

async function run(input: CommandInput): Promise<number> {
  const { values, positionals, stdout } = input;
  if (values.text('prices') !== '' && !values.flag('dry-run')) {
    throw badArguments('invoke', '--prices is of --dry-run.');
  }
  const built_in = builtInCall(input);
  const dag = values.optional('dag');
  if (dag !== undefined) {
    const { invokeDag } = await import('../dag/invoke.ts');
    await invokeDag(dag, input, built_in);
    return EXIT_CODES.ok;
  }
  if (positionals.length === 0) throw badArguments('invoke', 'NAME is missing.');
  const place = await placeOf(input);
  const content_type = values.text('content-type');
  const call: Call =
    place === null
      ? built_in
      : {
          payload: await readPayload(place, input.signal),
          content_type,
          timeout_ms: null,
          http: null,
        };
  if (values.flag('dry-run')) {
    const { tellCall } = await import('../dry-run.ts');
    await tellCall(input, call.payload);
    return EXIT_CODES.ok;
  }
  const key = values.text('key');
  const request = {
    function: positionals[0] ?? '',
    invocation_id: values.text('id'),
    ...call,
    idempotency_key: key === '' ? null : key,
  };
  const response = await withAgent(input, async (client, signal) => {
    if (!values.flag('logs')) return await client.invoke(request, { signal });
    return await withLogs(input, client, () => client.invoke(request, { signal }));
  });
  const { failure, answer, ...record } = response;
  if (values.flag('json')) stdout.write(`${JSON.stringify(record)}\n`);
  else if (place !== null) writeAnswer(stdout, answer);
  else if (response.outcome === 'done') stdout.write(describe(response));
  if (response.outcome === 'done') return EXIT_CODES.ok;
  throw new HotplaneError({
    code: failure?.code ?? response.error_code ?? 'HP_AGENT_CALL_FAILED',
    category: failure?.category ?? (response.outcome === 'refused' ? 'unavailable' : 'failure'),
    message: `the invocation was ${response.outcome}: ${failure?.message ?? response.reason}`,
    next: failure?.next ?? "see 'hotplane status' for the state of the function.",
    details: failure?.details ?? {},
  });
}

/** The call, and then on stderr what its instance wrote since it began. */
async function withLogs(
  { positionals, stderr, signal }: CommandInput,
  client: Pick<AgentClient, 'logs'>,
  call: () => Promise<Invoked>,
): Promise<Invoked> {
  const name = positionals[0] ?? '';
  const before = (await client.logs(name, 0, { signal })).at(-1)?.sequence ?? 0;
  const response = await call();
  for (const entry of await client.logs(name, before, { signal })) {
    if (entry.instance_id !== response.instance_id) continue;
    if (entry.dropped_bytes > 0) stderr.write(`${entry.dropped_bytes} bytes were dropped here\n`);
    stderr.write(Buffer.from(entry.bytes).toString('utf8'));
  }
  return response;
}

/** The answer of the function as it is, and nothing else. */
function writeAnswer(stdout: ProgressStream, answer: Invoked['answer']): void {
  if (!answer) return;
  if (stdout.writeBytes) stdout.writeBytes(answer.bytes);
  else stdout.write(Buffer.from(answer.bytes).toString('utf8'));
}

function describe(response: Invocation): string {
  const { received_at_ms, assigned_at_ms, finished_at_ms, guest_wall_ms } = response;
  const since = (at_ms: number | null): string =>
    timeText(at_ms === null ? null : at_ms - received_at_ms);
  const how = response.cold ? 'cold' : 'warm';
  return (
    `${response.instance_id ?? 'an instance'}: done after ${since(finished_at_ms)} ` +
    `(${how}, waited ${since(assigned_at_ms)}, ran ${timeText(guest_wall_ms)})\n`
  );
}

function timeText(time_ms: number | null): string {
  return time_ms === null ? 'an unknown time' : formatMs(time_ms);
}

export const invokeCommand: Command = {
  name: 'invoke',
  summary: 'run one invocation of a function, or a DAG of functions',
  positionals: ['[NAME]'],
  options: {
    dag: { value: 'NAME', summary: 'call this DAG instead' },
    touch: { value: 'SIZE', summary: 'anonymous memory to touch', default: '16MiB' },
    map: { value: 'SIZE', summary: 'file-backed memory to map and read', default: '0' },
    span: {
      value: 'NAME=SIZE',
      summary: 'open this span of the function, touch all of it, and close it',
      multiple: true,
    },
    'span-times': { value: 'N', summary: 'so often, one after another', default: '1' },
    'cpu-ms': { value: 'MS', summary: 'CPU time to use', default: '1' },
    'wall-ms': { value: 'MS', summary: 'total duration', default: '10' },
    payload: {
      value: 'FILE',
      summary:
        'send this, or standard input for -, and print the answer alone; usual where the ' +
        'function has a program of its own: -',
      default: '',
    },
    'content-type': { value: 'TYPE', summary: 'of the payload', default: JSON_TYPE },
    id: { value: 'TEXT', summary: "the caller's name for it, kept in records", default: 'cli' },
    'dry-run': { summary: 'tell what the call would take and cost, and make none' },
    prices: {
      value: 'FILE',
      summary: "with --dry-run: prices of a GiB s, as 'hotplane ledger meter' takes them",
      default: '',
    },
    logs: { summary: 'then show on stderr what the instance wrote while it ran' },
    key: {
      value: 'TEXT',
      summary: 'asked again with this key, it is not run again: its answer is given, or waited for',
      default: '',
    },
    socket: SOCKET_OPTION,
    json: JSON_OPTION,
  },
  help: `
Runs on the idle instance used last, or starts one: its region is plugged while the guest starts
it. When all instances are busy it waits. Standard input is the payload of a function with a
program of its own, and standard output its answer alone; what the built-in function is to do is
told by options. With --logs what the instance wrote meanwhile follows on stderr. An invocation that
is refused (no memory, queue full) exits with 3, one that fails (out of memory, crash, or by its own
word) with 1, with 4 when its time was over, and with 3 when its VM ended. With --key, a
call whose agent goes away is asked again of the next one, for up to a minute; answers are kept for
ten minutes.

With --dry-run nothing is started, plugged or granted: the agent tells what an instance started for
this payload is plugged to and why, what the function's memory expression says of a cold and a warm
call, and its worst case; with --prices also what the memory of an instance costs by the second, and
at the most for the time the call may take. Boot memory of VMs and operations are not in it.

With --dag the payload goes to the stages that wait for none, and what the last ones answer is
written: of one its answer as it is, of several a JSON object by their names. A stage that fails
ends the call, with the exit code of its cause; --json tells where the time went (docs/dags.md).

With --span the built-in function opens memory beside its own, as 'hotplane deploy --span' allows.

  hotplane invoke train --span data=1GiB --span-times 3
  hotplane invoke resize-image --touch 200MiB --cpu-ms 50 --wall-ms 120
  echo '{"name":"Ada"}' | hotplane invoke hello --logs
  hotplane invoke --dag thumbnails --payload picture.json
`,
  run,
};
