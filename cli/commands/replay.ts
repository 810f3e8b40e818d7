import { REPLAY_OPTIONS } from '../../autoscaler/replay/options.ts';
import { JSON_OPTION, type Command } from '../command.ts';

export const replayCommand: Command = {
  name: 'replay',
  summary: 'replay a trace against real microVMs, one mechanism after another',
  options: { ...REPLAY_OPTIONS, json: JSON_OPTION },
  help: `
Deploys the most invoked functions of a trace, sends every invocation at its time (open loop), and
measures memory, plugs, unplugs and latencies over one window that is the same for every mechanism.
Without --agent it starts an agent of its own and ends it afterwards. Prints the comparison and
writes the result folder, with report.html; after Ctrl-C (exit code 130) the results so far are
kept and marked as interrupted.

Example:
  hotplane replay --trace autoscaler/traces/azure2021/sample_200.csv --speedup 30 \\
    --mechanism static,virtio-mem --memory-scale 0.125 --out out
`,
  async run({ values, argv, stdout, stderr, signal }) {
    const { runReplayCommand } = await import('../../autoscaler/replay/command.ts');
    const names = Object.keys(REPLAY_OPTIONS);
    const raw = Object.fromEntries(names.map((name) => [name, values.optional(name)]));
    await runReplayCommand({ raw, argv, json: values.flag('json'), signal }, { stdout, stderr });
  },
};
