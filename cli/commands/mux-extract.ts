import { JSON_OPTION, type Command } from '../command.ts';
import { MUX_OPTIONS, muxOptions } from '../mux-options.ts';

export const muxExtractCommand: Command = {
  name: 'mux extract',
  summary: 'the memory a function takes, from its source, in parameters of its payload',
  positionals: ['FILE...'],
  options: {
    ...MUX_OPTIONS,
    entry: {
      value: 'NAME',
      summary: 'the function to follow',
      default: 'handler, lambda_handler, main, or the last one',
      default_is_told: true,
    },
    json: JSON_OPTION,
  },
  help: `
Reads Python, JavaScript or TypeScript, runs nothing, and tells what one call consumes, frees and
holds at most, as expressions in its payload, each part with its line. The class says how good that
is:
  exact               told by the payload alone, under the cost model
  up to a summary     up to what a library holds: a summary with its source says how much
  needs an attribute  of a fact that neither source nor payload has, like size(object.key): give it
                      by --attribute, and under attributes of memory.expression
  fitted              the shape is found; what is in data, or was not followed, has to be measured
  refused             not to be told from source: recursion, frameworks, what cannot be read
Sizes are of the heap: runtime and libraries (base), allocator, child processes, threads, files and
page cache are not in them, and are told as such where they are seen. A list, set or dictionary that
grows is taken with the most room its growth leaves.

  consumed  every place that takes memory, as many as live of it at a time
  freed     the part of it that is dead when the call is over
  peak      the most that lives at a time

Imports of files that lie beside it are followed. With one file everything is told, with the block
for the function's definition; with several a line each and the number of each class.

Examples:
  hotplane mux extract handler.py
  hotplane mux extract --model poster matmul.py
  hotplane mux extract thumbnail.py --attribute 'pixels(object.key)=12000000'
  hotplane mux extract $(find serverless-benchmarks -name 'function.py')
`,
  async run({ values, positionals, stdout, signal }) {
    const { runExtractCommand } = await import('../../autoscaler/mux/command.ts');
    await runExtractCommand({
      files: positionals,
      ...(await muxOptions(values)),
      entry: values.optional('entry') ?? null,
      json: values.flag('json'),
      stdout,
      signal,
    });
  },
};
