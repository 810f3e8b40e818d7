/** Real programs of a run: built before the agent starts, measured on it before the run begins. */
import type { FunctionProgram } from '../../agent/model/program.ts';
import { assert } from '../../base/assert.ts';
import type { CurvePoint } from '../workload-model/program-curve.ts';
import type { AgentApi } from './agent-api.ts';
import { calibrate } from './calibrate.ts';
import { planFailures } from './failures.ts';
import { fitText } from '../report/fit-text.ts';
import { REPLAY_LIMITS } from './limits.ts';
import { deploySpec } from './plan.ts';
import type { PreparedRun } from './prepare.ts';
import { realPlan } from './real-plan.ts';
import type { ReplayDependencies } from './replay.ts';

/** By function of the plan. */
export type Programs = ReadonlyMap<string, FunctionProgram>;

/** Throws HP_IMAGE_*. */
export async function buildPrograms(
  { stands }: PreparedRun,
  { programs, signal }: ReplayDependencies,
): Promise<Programs> {
  const built = new Map<string, FunctionProgram>();
  for (const [name, { costs }] of stands) built.set(name, await programs.build(costs.name, signal));
  return built;
}

/**
 * Puts the plan upon calls measured here; those that a repeated run had measured stay. One program
 * after another, so that none is measured beside another. Throws HP_REPLAY_CALIBRATE.
 */
export async function measurePrograms(
  inputs: PreparedRun,
  programs: Programs,
  agent: AgentApi,
  deps: ReplayDependencies,
): Promise<void> {
  const { options, stands, plan } = inputs;
  const { clock, signal } = deps;
  const measured = new Map<string, readonly CurvePoint[]>();
  for (const one of plan.functions) {
    const [stand, known] = [stands.get(one.name), one.real?.points ?? []];
    if (!stand) continue;
    if (known.length > 0) {
      measured.set(one.name, known);
      continue;
    }
    deps.onNote(`measuring ${stand.costs.name}, which stands for ${one.name}`);
    const [mechanism] = options.mechanisms;
    assert(mechanism, 'a replay has a mechanism');
    const spec = deploySpec(one, mechanism, options, programs.get(one.name) ?? null);
    const own = {
      ...spec,
      name: `calibrate-${stand.costs.name}`,
      concurrency: 1,
      keep_alive_ms: REPLAY_LIMITS.calibration_ms,
    };
    const calibration = { agent, clock, signal, seed: options.seed };
    measured.set(one.name, await calibrate(own, stand, calibration));
  }
  if (measured.size === 0) return;
  inputs.plan = realPlan(inputs.emulated, stands, measured, options.seed);
  // Calls take other times than by the table, and what is drawn lies within them.
  inputs.failures = planFailures(options.failures, inputs.plan, options.seed);
  for (const one of inputs.plan.functions) deps.onNote(`${one.name}: ${fitText(one)}`);
}
