/** `hotplane invoke --dag NAME`. */
import type { AgentClient, DagInvoked } from '../../agent/api/client.ts';
import { type Call, JSON_TYPE } from '../../agent/model/work.ts';
import { formatMs } from '../../base/units.ts';
import type { CommandInput } from '../command.ts';
import { badArguments } from '../errors.ts';
import { readPayload } from '../payload.ts';
import { withAgent } from '../with-agent.ts';
import { spentText } from './spent.ts';

/** Options of a call of one function. */
const NOT_OF_A_DAG = ['dry-run', 'logs'] as const;

/** `builtIn`: what a DAG of built-in functions is told. Throws what the call failed for. */
export async function invokeDag(dag: string, input: CommandInput, builtIn: Call): Promise<void> {
  const { values, positionals, stdout, signal } = input;
  const [beside] = positionals;
  if (beside !== undefined) {
    throw badArguments('invoke', `'${beside}' is given beside --dag, which says what is called.`);
  }
  const alone = NOT_OF_A_DAG.find((name) => values.flag(name)) ?? null;
  if (alone !== null || values.text('key') !== '') {
    throw badArguments('invoke', `--${alone ?? 'key'} is of a function, not of --dag.`);
  }
  const named = values.text('payload');
  const place = named === '' ? await placeOf(dag, input) : named;
  const payload = place === null ? builtIn.payload : await readPayload(place, signal);
  const content_type = place === null ? JSON_TYPE : values.text('content-type');
  const request = { dag, invocation_id: values.text('id'), payload, content_type };
  const ended = await withAgent(input, (client) => client.invokeDag(request, { signal }));
  const { failure, answer, ...record } = ended;
  if (values.flag('json')) stdout.write(`${JSON.stringify(record)}\n`);
  else if (failure === undefined && place === null) stdout.write(describe(ended));
  else if (answer && stdout.writeBytes) stdout.writeBytes(answer.bytes);
  else if (answer) stdout.write(Buffer.from(answer.bytes).toString('utf8'));
  if (failure) throw failure;
}

/** Standard input where a stage that waits for none has a program of its own, else null. */
async function placeOf(dag: string, input: CommandInput): Promise<string | null> {
  return await withAgent(input, async (client, signal) => {
    const [found] = await client.dags(dag, { signal });
    const waiting = new Set(found?.dag.edges.map(({ to }) => to));
    const first = found?.dag.stages.filter(({ name }) => !waiting.has(name)) ?? [];
    for (const name of new Set(first.map((stage) => stage.function))) {
      if (await hasProgram(client, name, signal)) return '-';
    }
    return null;
  });
}

/** Of one that is not there the call itself tells. */
async function hasProgram(
  client: AgentClient,
  name: string,
  signal: AbortSignal,
): Promise<boolean> {
  for await (const row of client.functions({ function: name }, { signal })) {
    if (row.function !== name) continue;
    const { functions } = await client.status(name, { signal });
    return functions[0]?.function.program != null;
  }
  return false;
}

function describe({ dag, received_at_ms, finished_at_ms, ...record }: DagInvoked): string {
  const took = formatMs(finished_at_ms - received_at_ms);
  const how = record.in_time ? 'in time' : 'too late';
  return (
    `${dag}: done after ${took} of ${formatMs(record.deadline_ms)}, ${how}\n` +
    `  ${record.path.join(' -> ')}: ${spentText(record.spent)}\n`
  );
}
