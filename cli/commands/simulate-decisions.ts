import { JSON_OPTION, type Command } from '../command.ts';

export const simulateDecisionsCommand: Command = {
  name: 'simulate decisions',
  summary: 'play a recorded replay through the core again: does it decide the same?',
  positionals: ['DIR'],
  options: { json: JSON_OPTION },
  help: `
Tells the agent's core what it was told in a replay (events.jsonl), at the same moments, without a
VM, and compares what it decides with decisions.jsonl, byte for byte. Exits with 1 and the first
line that differs when it decides otherwise, as a changed policy does.

Example:
  hotplane replay --trace autoscaler/traces/azure2021/sample_200.csv --speedup 30 --out out
  hotplane simulate decisions out
`,
  async run({ values, positionals: [folder = ''], stdout, signal }) {
    const { runSimulateDecisions } = await import('../../autoscaler/simulator/recorded.ts');
    await runSimulateDecisions({ folder, json: values.flag('json'), stdout, signal });
  },
};
