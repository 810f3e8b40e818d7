import { REPLAY_OPTIONS } from '../../autoscaler/replay/option-table.ts';
import { basename, dirname, resolve } from 'node:path';
import { JSON_OPTION, type Command, type OptionSpec } from '../command.ts';
import { withFreshFolder } from '../fresh-folder.ts';

const OPTIONS = Object.fromEntries(
  Object.entries<OptionSpec>(REPLAY_OPTIONS).map(([name, option]) => [
    name,
    { ...option, default_is_told: true },
  ]),
);

export const replayCommand: Command = {
  name: 'replay',
  summary: 'replay a trace against real microVMs, one mechanism after another',
  options: {
    ...OPTIONS,
    'dry-run': { summary: 'tell sizes, time and least memory of the run, and start nothing' },
    json: JSON_OPTION,
  },
  help: `
Deploys the most invoked functions of a trace, sends every invocation at its time (open loop), and
measures memory, plugs, unplugs and latencies over one window that is the same for every mechanism.
Without --agent it starts an agent of its own and ends it afterwards. Prints the comparison and
writes the result folder, with report.html; after Ctrl-C (exit code 130) the results so far are
kept and marked as interrupted. Nothing is written before the agent has answered.

--from DIR repeats a run: every option as it was, but for those given beside it. The trace must be
the same file; what else differs now (sources, kernel, VMM, host) is told and recorded. Without
--out the results go to a new folder beside DIR.

--rounds R replays all of it R times into out/round-1, out/round-2, ..., each round beginning with
the next mechanism. out/rounds.json and out/rounds.csv have each figure over the rounds: median,
range, mean and, within each round, the ratio to static, both with 95 % after Student. Rounds in
which a mechanism was disturbed are named and count for nothing. The same command again goes on
where one was ended: complete rounds are kept, and of a round that was cut off the mechanisms that
were complete, where it would be the same run again. What is left of it stays beside it.

--functions real, or --work real beside another number, makes calls of real programs in the place
of emulated ones: the functions of images/functions, in Python and in Node. Each function of the
trace gets the one whose memory and time are nearest, and each call the size that takes as long as
the trace says, by calls of that program measured on this host before the run. What was wanted and
what there is of it is told, and kept in the manifest. --from and --rounds keep the sizes.

--speedup auto takes the greatest speed-up that this machine can carry. Under each mechanism it
first measures, on VMs of their own, what calls, starts with their unplugs, and VMs at rest cost in
CPU time, of the function with least memory and of that with most. Of the CPU that is left, the
busiest part of the run (half a minute or more) may then ask for 60 %. What was measured, asked for
and chosen is told and kept; --from and --rounds keep the choice. auto:15-60 chooses between these
two, and takes the lower one, saying so, where the host does not carry even that or cannot be
measured; auto alone ends the replay then. Not with --work real, whose calls get their sizes for a
speed-up that is said, and cost CPU by these.

--warm-up 60s replays the first 60 s, of the run's own time, before the window begins: its calls are
made and recorded, at times below 0, and counted in no figure, of no mechanism and of no prediction.

--agents N starts N agents beside each other, each with a state folder, a socket and an equal part
of --host-limit of its own. Each function is of one of them, where the least work is planned, as
with several hosts of a simulation; --dry-run tells which. All of it is one result folder: ids that
an agent counts begin with whose they are, such as a2.vm1. What their cores were told is not kept,
so 'simulate decisions' and 'simulate --from' refuse such a folder; --fail kill-agent is refused.
Calibrations (--speedup auto, --work real) are made by one agent.

--fail brings failures about under each mechanism: kill-vmm (the VMM of a function is killed),
stall-vmm (it stands still for 6 s) and kill-agent (another agent goes on with its VMs), each as
NAME@SECONDS/RANK of the window's time and of the function of that rank; what is not said is drawn
with --seed. The manifest and the summary tell what was done, and the run is marked.

Example:
  hotplane replay --trace autoscaler/traces/azure2021/sample_200.csv --speedup 30 \\
    --mechanism static,virtio-mem --memory-scale 0.125 --out out
  hotplane replay --trace day1.csv,ms1.csv --trigger http --percentile 90-100 --functions 9 \\
    --gap-scale 2 --duration-scale 0.5 --out popular
  hotplane replay --trace autoscaler/traces/azure2021/sample_200.csv --speedup 30 \\
    --mechanism hotmem --functions real --memory-scale 0.2 --out real
  hotplane replay --from out --out again
  hotplane replay --from out --rounds 5 --out five
  hotplane replay --from out --fail kill-vmm@20/1,kill-agent --out harmed
  hotplane replay --trace day1.csv,durations1.csv --begin 3600 --duration 600 --dry-run
`,
  async run({ values, argv, stdout, stderr, signal }) {
    const [{ runReplayCommand }, { realPrograms }, { createProgress }] = await Promise.all([
      import('../../autoscaler/replay/command.ts'),
      import('../function/real-programs.ts'),
      import('../../base/progress.ts'),
    ]);
    const programs = realPrograms(createProgress({ stream: stderr }));
    const names = Object.keys(REPLAY_OPTIONS);
    const given = Object.fromEntries(names.map((name) => [name, values.optional(name)]));
    const json = values.flag('json');
    const dry_run = values.flag('dry-run');
    const replayInto = (out: string | undefined): Promise<void> =>
      runReplayCommand(
        { raw: { ...given, out }, argv, dry_run, json, programs, signal },
        { stdout, stderr },
      );
    const { from, out } = given;
    if (dry_run) return await replayInto(out ?? 'nowhere');
    if (from === undefined || out !== undefined) return await replayInto(out);
    const name = `${basename(resolve(from))}-again`;
    return await withFreshFolder(dirname(resolve(from)), name, replayInto);
  },
};
