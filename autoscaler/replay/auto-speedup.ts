/**
 * Auto speedup: `--speedup auto` becomes a number before the run begins, by a calibration against
 * an agent of its own (or that of --agent). Rounds that are there keep theirs.
 */
import { roundFolder, roundsIn } from '../report/rounds-folder.ts';
import { demandText, measuredText, speedupText } from '../report/speedup-text.ts';
import { readManifest } from '../results/reader.ts';
import type { SpeedupChoice } from '../results/speedup-choice.ts';
import { chooseSpeedup, greatestDemand } from './choose-speedup.ts';
import { interruptedEarly, nothingCarried, speedupNotMeasured } from './errors.ts';
import type { LoadSample } from './load.ts';
import type { RunFacts } from './manifest.ts';
import { measureSpeedup } from './measure-speedup.ts';
import { type ReplayOptions, withSpeedup } from './options.ts';
import { OutFolder } from './out-folder.ts';
import type { ReplayPlan } from './plan.ts';
import { planAt, selectOf } from './prepare.ts';
import type { ReplayDependencies } from './replay.ts';

export type SpeedupDependencies = Pick<
  ReplayDependencies,
  'clock' | 'signal' | 'lookAtLoad' | 'onNote' | 'openAgent'
>;

/** The same options where their speed-up is said. Throws HP_REPLAY_SPEEDUP, HP_TRACE_*. */
export async function settleSpeedup(
  options: ReplayOptions,
  facts: Pick<RunFacts, 'host' | 'provenance'>,
  deps: SpeedupDependencies,
): Promise<ReplayOptions> {
  if (!options.is_speedup_open) return options;
  const kept = await choiceOfRounds(options);
  const choice = kept ?? (await measuredChoice(options, facts, deps));
  deps.onNote(`${speedupText(choice)}${kept ? '; kept from the rounds that are there' : ''}`);
  return withSpeedup(options, choice);
}

async function choiceOfRounds({ out, rounds }: ReplayOptions): Promise<SpeedupChoice | null> {
  const [first] = rounds > 1 ? roundsIn(out) : [];
  if (first === undefined) return null;
  return (await readManifest(roundFolder(out, first))).speedup_choice;
}

async function measuredChoice(
  options: ReplayOptions,
  { host, provenance }: Pick<RunFacts, 'host' | 'provenance'>,
  deps: SpeedupDependencies,
): Promise<SpeedupChoice> {
  const out = new OutFolder(options.out);
  const { clock, signal } = deps;
  const { selection } = await selectOf(options, signal);
  const at = (speedup: number): ReplayPlan => planAt(selection, options, speedup);
  const { functions } = at(1);
  const { mechanisms } = options;
  deps.onNote(`measuring what this host can carry, under ${mechanisms.join(', ')}`);
  const { cores } = host;
  const allowed = provenance?.host;
  const cpus = Math.min(cores, allowed?.cpus_allowed ?? cores, allowed?.cgroup_cpus ?? cores);
  try {
    const session = await deps.openAgent(out, signal);
    try {
      const { pid } = await session.api.status('', { signal });
      if (!pid) throw speedupNotMeasured('the agent does not say which process it is');
      const lookAtLoad = (): LoadSample => deps.lookAtLoad(pid);
      const measuring = { agent: session.api, clock, signal, lookAtLoad, cores, cpus };
      const measured = await measureSpeedup(functions, options, measuring);
      const choice = chooseSpeedup(at, measured);
      if (choice) return choice;
      const demand = greatestDemand(at(1), measured);
      throw nothingCarried(`${demandText(demand)}; ${measuredText(measured)}`);
    } finally {
      await session.close();
    }
  } catch (error) {
    throw signal.aborted ? interruptedEarly() : error;
  } finally {
    out.giveBack();
  }
}
