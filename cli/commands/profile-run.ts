import { resolve } from 'node:path';
import { MECHANISMS, STOCK } from '../../agent/model/mechanism.ts';
import type { AccessCounter } from '../../autoscaler/profile/command.ts';
import { type Command, type CommandInput, JSON_OPTION } from '../command.ts';
import { badValue } from '../errors.ts';
import { servedOptions, servedByOptions } from '../profile-targets.ts';
import { SOCKET_OPTION } from '../socket.ts';

async function run(input: CommandInput): Promise<void> {
  const { values, positionals, argv, stdout, stderr, signal } = input;
  const [profile, { readWorkloadFile }] = await Promise.all([
    import('../../autoscaler/profile/command.ts'),
    import('../../autoscaler/profile/profile-plan.ts'),
  ]);
  const [path = ''] = positionals;
  const read = await readWorkloadFile(path);
  const has_seed = values.optional('seed') !== undefined;
  const seed = has_seed ? values.whole('seed', 0, 2 ** 32 - 1) : null;
  const json = values.flag('json');
  if (values.flag('dry-run')) return profile.tellProfile({ read, path, seed, json, stdout });
  const socket = values.flag('own-agent') ? null : resolve(values.text('socket'));
  if (values.flag('accesses') && socket !== null) {
    throw badValue('accesses', 'on', '--own-agent beside it, whose VMs count');
  }
  const [targets, out] = [await servedByOptions(input), values.text('out')];
  const counter = values.flag('accesses') ? await counterOf(signal) : null;
  const given = { path, read, out, seed, targets, socket, counter, json };
  await profile.runProfileCommand({ ...given, argv, signal, stdout, stderr });
}

/** Compiles what counts. Throws HP_IMAGE_*. */
async function counterOf(signal: AbortSignal): Promise<AccessCounter> {
  const [{ ensureAccessPlugin }, { accessReader }, { DRIVERS }] = await Promise.all([
    import('../../bench/accesses/program.ts'),
    import('../../bench/accesses/reader.ts'),
    import('../../hypervisor-client/drivers.ts'),
  ]);
  const vmm = DRIVERS.all.find((one) => one.counts_accesses)?.name ?? '';
  const options = ['--vmm', vmm, '--count-accesses', await ensureAccessPlugin(signal)];
  return { options, open: accessReader };
}

export const profileRunCommand: Command = {
  name: 'profile run',
  summary: 'call functions as a workload file of FaaSProfiler says, and split every call by stage',
  positionals: ['WORKLOAD.json'],
  options: {
    out: {
      value: 'DIR',
      summary: 'the archive of the run; must hold no results',
      default: 'profile',
    },
    ...servedOptions(MECHANISMS.names, STOCK),
    'own-agent': { summary: 'start an agent for this run, and end it afterwards' },
    accesses: { summary: 'count what each call loads, stores and fills, in an emulated VM' },
    seed: { value: 'N', summary: 'of the arrivals, in place of random_seed' },
    'dry-run': { summary: 'tell what would be called and when, and ask nobody' },
    socket: SOCKET_OPTION,
    json: JSON_OPTION,
  },
  help: `
Takes a workload file of FaaSProfiler as it is: test_name, test_duration_in_seconds, random_seed and
instances, each with its application, a distribution (Uniform, Poisson) and a rate, or an
interarrivals_list; an activity_window; and param_file, data_file (beside the workload) or data.
What else is in it (blocking_cli, endpoint, url, perf_monitoring) is not used, and told. The same
seed gives the same arrivals.

An application is the deployed function of its name, or what --function says: another deployed
function; a function.yaml, which is deployed for this run and removed afterwards; or a size like
256MiB, for which the built-in function is deployed. Where a payload says nothing to the built-in
function it touches half of its memory and takes 10 ms of CPU time, which is told.

No arrival waits for an answer; at most 20,000 calls are on their way. How late each was sent is
recorded. Each call is split into queue, permit, plug, start, first touch and execute, which add up
to it, and the unplug after the last call of an instance. At the end the instances of what was
deployed here are stopped, so that their unplugs are seen. The archive has the workload, seed,
versions, host and the records; 'profile report' makes summary and plot of it again, and 'profile
compare' holds two of them against each other. docs/profile.md tells what each stage is.

With --accesses, which takes --own-agent and QEMU 7.2, VMs are emulated and each access to memory is
counted: loads, stores, and lines that a stated cache had to fill, in the region of the call's
instance. Calls are made one after the other then, several times slower, so that no time of such a
run means anything. 'simulate tiers --accesses DIR' plays its warm calls.

After Ctrl-C (exit code 130) what was measured is kept, and marked.

Examples:
  hotplane profile run workload.json --dry-run
  hotplane profile run workload.json --out first
  hotplane profile run workload.json --own-agent --function example_app1=256MiB \\
    --function example_app2=images/functions/node/matrix.yaml --mechanism hotmem --out second
`,
  run,
};
