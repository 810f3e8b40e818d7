/**
 * Auto speedup: `--speedup auto` becomes a number before the run begins, by a calibration against
 * an agent of its own (or that of --agent). Rounds that are there keep theirs.
 */
import { isHotplaneError } from '../../base/errors.ts';
import { firstRun } from '../report/rounds-folder.ts';
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

interface Settled {
  readonly speedup: number;
  /** Null: nothing could be measured, and the least that was wanted is taken. */
  readonly choice: SpeedupChoice | null;
}

/**
 * The same options where their speed-up is said. With bounds there always is one: a host that does
 * not carry the least is told so, and so is whoever looks at the run. Throws HP_REPLAY_SPEEDUP,
 * HP_TRACE_*.
 */
export async function settleSpeedup(
  options: ReplayOptions,
  facts: Pick<RunFacts, 'host' | 'provenance'>,
  deps: SpeedupDependencies,
): Promise<ReplayOptions> {
  if (!options.is_speedup_open) return options;
  const kept = await settledByRounds(options);
  const { speedup, choice } = kept ?? (await settledByMeasuring(options, facts, deps));
  const told = choice ? speedupText(choice) : `speed-up ${speedup}`;
  if (choice || kept) deps.onNote(`${told}${kept ? '; kept from the rounds that are there' : ''}`);
  return withSpeedup(options, speedup, choice);
}

/** Rounds of another speed-up would be refused: what the folder has is kept, however it came. */
async function settledByRounds(options: ReplayOptions): Promise<Settled | null> {
  const kept = options.rounds > 1 ? firstRun(options.out) : null;
  if (kept === null) return null;
  const { trace, speedup_choice: choice } = await readManifest(kept);
  return { speedup: trace.speedup, choice };
}

async function settledByMeasuring(
  options: ReplayOptions,
  facts: Pick<RunFacts, 'host' | 'provenance'>,
  deps: SpeedupDependencies,
): Promise<Settled> {
  try {
    const choice = await measuredChoice(options, facts, deps);
    return { speedup: choice.speedup, choice };
  } catch (error) {
    const least = options.speedup_bounds?.least;
    if (least === undefined || !isHotplaneError(error) || error.code !== 'HP_REPLAY_SPEEDUP') {
      throw error;
    }
    deps.onNote(`${error.message} Speed-up ${least}, the least that was wanted, is taken.`);
    return { speedup: least, choice: null };
  }
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
      const lookAtLoad = (): LoadSample => deps.lookAtLoad([pid]);
      const measuring = { agent: session.api, clock, signal, lookAtLoad, cores, cpus };
      const measured = await measureSpeedup(functions, options, measuring);
      const choice = chooseSpeedup(at, measured, options.speedup_bounds);
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
