import type { FunctionStatus } from '../../agent/api/client.ts';
import { COST_MODEL_NAMES } from '../../autoscaler/mux/models.ts';
import type { MeasuredCall } from '../../autoscaler/mux/fit.ts';
import { type Command, type CommandInput, JSON_OPTION } from '../command.ts';
import { badArguments } from '../errors.ts';
import { SOCKET_OPTION } from '../socket.ts';
import { withAgent } from '../with-agent.ts';

/** Of a source and a table of points. */
async function fitFile(input: CommandInput, file: string, table: string): Promise<void> {
  const { values, stdout } = input;
  const [mux, { readPoints }, { readPlainFile }] = await Promise.all([
    import('../../autoscaler/mux/fit-command.ts'),
    import('../../autoscaler/mux/points.ts'),
    import('../../base/plain-file.ts'),
  ]);
  const points = readPoints(await readPlainFile(table));
  const written = values.optional('shape');
  const has_model = values.optional('model') !== undefined;
  const model = has_model ? values.choice('model', COST_MODEL_NAMES) : null;
  const shape =
    written === undefined
      ? mux.shapeOfSource(file, await readPlainFile(file), {
          model,
          entry: values.optional('entry') ?? null,
        })
      : mux.shapeAsWritten(written, points);
  mux.runFitCommand({ of: file, shape, points, json: values.flag('json'), stdout });
}

/** Of a deployed function, from the calls that its agent has measured. */
async function fitFunction(input: CommandInput, name: string): Promise<void> {
  const { values, stdout } = input;
  const mux = await import('../../autoscaler/mux/fit-command.ts');
  const { functions } = await withAgent(input, (client, signal) => client.status(name, { signal }));
  const [fn] = functions;
  const expression = fn?.function.memory?.expression;
  if (!fn || !expression) {
    throw badArguments('mux fit', `'${name}' has no memory expression: give a file and --points.`);
  }
  const pointers = new Map(expression.parameters.map((one) => [one.name, one.pointer]));
  const points = pointsOf(fn);
  const written = values.optional('shape');
  const shape =
    written === undefined
      ? mux.shapeOfExpression(expression.peak, pointers)
      : mux.shapeAsWritten(written, points, pointers);
  mux.runFitCommand({ of: name, shape, points, json: values.flag('json'), stdout });
}

/** Cold calls alone: what a warm one took is mixed with what was there before it. */
function pointsOf({ memory }: FunctionStatus): MeasuredCall[] {
  const latest = memory?.expression?.latest ?? [];
  return latest.flatMap(({ cold, inputs, peak_bytes }) => (cold ? [{ inputs, peak_bytes }] : []));
}

export const muxFitCommand: Command = {
  name: 'mux fit',
  summary: 'coefficients of a memory expression, from calls that were measured',
  positionals: ['FUNCTION|FILE'],
  options: {
    points: { value: 'FILE', summary: 'a table of calls: a line n,peak_bytes and a line a call' },
    shape: { value: 'TEXT', summary: 'products of parameters, like n*n + n; without it as found' },
    model: {
      value: 'NAME',
      summary: 'what values take, as with mux extract',
      choices: COST_MODEL_NAMES,
      default: 'cpython-3.11 or node-24',
      default_is_told: true,
    },
    entry: {
      value: 'NAME',
      summary: 'the function to follow',
      default: 'handler, lambda_handler, main, or the last one',
      default_is_told: true,
    },
    socket: SOCKET_OPTION,
    json: JSON_OPTION,
  },
  help: `
For a size whose shape 'mux extract' found and whose constants are in data or in a library. With
--points the argument is a source FILE, and the shape is what was found in it; what was not followed
stands for some number. Without, it is a deployed FUNCTION with a memory expression: its shape is
taken, and the cold calls that its agent has measured (up to 64, as 'hotplane status --json' has
them).

The coefficients are those with the least squares of the errors, as shares of each peak, none below
0. Too few points, and points that do not tell two products apart, are refused. What is printed is
marked fitted, has its residuals, and holds within the measured ranges alone; its block goes into
function.yaml.

Examples:
  hotplane mux fit chameleon.py --points chameleon.csv
  hotplane mux fit any --shape 'n*n + n' --points peaks.csv --json
  hotplane mux fit matmul
`,
  async run(input) {
    const [of = ''] = input.positionals;
    const table = input.values.optional('points');
    if (table === undefined) await fitFunction(input, of);
    else await fitFile(input, of, table);
  },
};
