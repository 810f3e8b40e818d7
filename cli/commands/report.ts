import { JSON_OPTION, type Command } from '../command.ts';

export const reportCommand: Command = {
  name: 'report',
  summary: 'rebuild summary.json and report.html of a result folder',
  positionals: ['DIR'],
  options: {
    svg: { value: 'FILE', summary: 'also write the memory plot as an SVG file of its own' },
    rungs: { value: 'DIR', summary: 'also write there what stood ready, as the simulator does' },
    json: JSON_OPTION,
  },
  help: `
Reads manifest.json, operations.jsonl, invocations.jsonl, memory.jsonl and load.jsonl, and writes
the same bytes for the same files, whenever and wherever it runs. Files of lines (.jsonl) may be
missing: the report then says what it cannot tell. Prints the comparison. After a signal (exit code
130) nothing is written. Of a folder of 'replay --rounds' it does the same for each round, and
writes rounds.json and rounds.csv.

With --rungs, rungs.svg and rungs.csv: what stood on each rung of the pool over time against what
was wanted there. The core is told again what events.jsonl has, so a run costs no more for it; a
replay that did not start its own agent does not tell that.

Examples:
  hotplane report out --svg docs/memory.svg
  hotplane report out --rungs out
`,
  async run({ values, positionals, stdout, stderr, signal }) {
    const { runReportCommand } = await import('../../autoscaler/report/command.ts');
    const [folder = ''] = positionals;
    const svg = values.optional('svg') ?? null;
    const json = values.flag('json');
    await runReportCommand({ folder, svg, json, signal }, { stdout, stderr });
    const rungs = values.optional('rungs');
    if (rungs === undefined) return;
    const { writeLiveRungs } = await import('../../autoscaler/simulator/live-rungs.ts');
    await writeLiveRungs(folder, rungs, signal);
    stderr.write(`rungs: ${rungs}\n`);
  },
};
