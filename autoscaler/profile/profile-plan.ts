/** Everything that can be wrong with a profile run is found here, before anything starts. Edge. */
import { createHash, randomInt } from 'node:crypto';
import { PLAIN_SPEC, type FunctionSpec } from '../../agent/model/spec.ts';
import { readPlainFile } from '../../base/plain-file.ts';
import { printable } from '../../base/printable.ts';
import { MIB } from '../../base/units.ts';
import { planArrivals } from './arrivals.ts';
import { badWorkload, profileError } from './errors.ts';
import { PROFILE_LIMITS } from './limits.ts';
import { callFor, readPayloads } from './payloads.ts';
import type { ProfiledFunction, ProfilePlan } from './run.ts';
import { readWorkload, type Workload } from './workload.ts';

/** What an application of a workload is served by. */
export type ServedBy =
  /** One that is deployed, by its name. */
  | { readonly kind: 'deployed'; readonly name: string }
  /** One that is deployed for this run. */
  | { readonly kind: 'spec'; readonly spec: FunctionSpec };

/** What the built-in function is like where it is deployed for a run. */
export interface StandInOptions {
  readonly mechanism: FunctionSpec['mechanism'];
  readonly concurrency: number;
  readonly keep_alive_ms: number;
}

export interface ReadWorkloadFile {
  readonly workload: Workload;
  readonly text: string;
}

/** Throws HP_PROFILE_WORKLOAD, HP_FILE_NOT_PLAIN or the system's error. */
export async function readWorkloadFile(path: string): Promise<ReadWorkloadFile> {
  const text = await readPlainFile(path);
  if (text.length > PROFILE_LIMITS.workload_bytes) {
    throw badWorkload(path, '', `is longer than ${PROFILE_LIMITS.workload_bytes / MIB} MiB`);
  }
  return { workload: readWorkload(text, path), text };
}

export interface PlanInput extends ReadWorkloadFile {
  readonly path: string;
  /** In place of the file's; null: the file's, and where it has none one is drawn. */
  readonly seed: number | null;
  /** By application; what is not in it is a deployed function of its name. */
  readonly targets: ReadonlyMap<string, ServedBy>;
  /** Specs of what the agent has now, by name. */
  readonly deployed: ReadonlyMap<string, FunctionSpec>;
}

/** Throws HP_PROFILE_WORKLOAD, HP_PROFILE_FUNCTION. */
export async function planProfile(input: PlanInput): Promise<ProfilePlan> {
  const { workload, path, text, targets, deployed } = input;
  const seed = input.seed ?? workload.seed ?? randomInt(2 ** 32);
  const arrivals = planArrivals(workload, seed);
  if (arrivals === null) {
    const problem = `there would be more than ${PROFILE_LIMITS.arrivals} arrivals`;
    throw badWorkload(path, 'instances', problem);
  }
  if (arrivals.length === 0) throw badWorkload(path, 'instances', 'nothing arrives in the test');
  const functions = new Map<string, ProfiledFunction>();
  for (const { application } of workload.instances) {
    const target = targets.get(application) ?? { kind: 'deployed', name: application };
    functions.set(application, functionOf(application, target, deployed));
  }
  needUsed(targets, functions);
  const payloads = await readPayloads(workload, path);
  const calls = new Map(
    workload.instances.flatMap(({ name, application }) => {
      const [call, fn] = [payloads.get(name), functions.get(application)];
      if (!call || !fn) return [];
      const { program, limit_bytes, argv } = fn.spec;
      const is_built_in = program === null && argv.length === 0;
      return [[name, callFor(call, { is_built_in, limit_bytes })] as const];
    }),
  );
  return {
    workload,
    path,
    sha256: createHash('sha256').update(text).digest('hex'),
    document: text,
    seed,
    seed_is_drawn: input.seed === null && workload.seed === null,
    arrivals,
    functions,
    calls,
  };
}

function functionOf(
  application: string,
  target: ServedBy,
  deployed: PlanInput['deployed'],
): ProfiledFunction {
  if (target.kind === 'spec') {
    const { name } = target.spec;
    if (!deployed.has(name)) return { spec: target.spec, is_deployed_here: true };
    throw profileError('HP_PROFILE_FUNCTION', `'${name}' is deployed already.`, {
      category: 'conflict',
      next: `call the one that is there with --function ${application}=${name}, or remove it.`,
    });
  }
  const spec = deployed.get(target.name);
  if (spec) return { spec, is_deployed_here: false };
  const [shown, name] = [printable(application), printable(target.name)];
  const message = `no function '${name}' is deployed, which '${shown}' calls.`;
  const next = `deploy it, or name one: --function ${shown}=FUNCTION, =function.yaml or =256MiB.`;
  throw profileError('HP_PROFILE_FUNCTION', message, { next });
}

/** A misspelt application would else be left to its default in silence. */
function needUsed(
  targets: PlanInput['targets'],
  functions: ReadonlyMap<string, ProfiledFunction>,
): void {
  const lost = [...targets.keys()].find((application) => !functions.has(application));
  if (lost === undefined) return;
  const known = [...functions.keys()].map((one) => printable(one)).join(', ');
  const message = `--function names '${printable(lost)}', which no instance calls.`;
  throw profileError('HP_PROFILE_FUNCTION', message, { next: `the workload calls ${known}.` });
}

/** The built-in function in place of an application, under a name that it can have. Pure. */
export function standInSpec(
  application: string,
  limit_bytes: number,
  options: StandInOptions,
): FunctionSpec {
  const letters = application
    .toLowerCase()
    .replaceAll(/[^a-z0-9]+/g, '-')
    .slice(0, 40);
  const hash = createHash('sha256').update(application).digest('hex').slice(0, 4);
  return {
    ...PLAIN_SPEC,
    // Two applications may differ in what no name can have.
    name: `profile-${letters}-${hash}`.replaceAll(/-+/g, '-'),
    limit_bytes,
    vcpus: 1,
    boot_bytes: STAND_IN_BOOT_BYTES,
    ...options,
  };
}

const STAND_IN_BOOT_BYTES = 512 * MIB;
