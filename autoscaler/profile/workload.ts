/**
 * A workload as FaaSProfiler describes it (PrincetonUniversity/faas-profiler,
 * synthetic_workload_invoker/README.md and EventGenerator.py): instances of applications, each with
 * a distribution of its arrivals or a list of the times between them. Pure.
 */
import { z } from 'zod';
import { parseJson } from '../../base/json.ts';
import { badWorkload } from './errors.ts';
import { PROFILE_LIMITS } from './limits.ts';

export const DISTRIBUTIONS = ['Uniform', 'Poisson'] as const;

const SEED_MAX = 2 ** 32 - 1;
const seconds = z.number().nonnegative().max(PROFILE_LIMITS.duration_s);
const name = z.string().min(1).max(256);

const instanceSchema = z
  .looseObject({
    application: name,
    distribution: z.enum(DISTRIBUTIONS).optional(),
    /** Calls a second. */
    rate: z.number().nonnegative().max(PROFILE_LIMITS.arrivals).optional(),
    activity_window: z.array(seconds).length(2, 'must be [begin, end]').nullable().optional(),
    interarrivals_list: z.array(seconds).max(PROFILE_LIMITS.arrivals).nullable().optional(),
    param_file: name.nullable().optional(),
    data_file: name.nullable().optional(),
    data: z.json().optional(),
  })
  .superRefine((one, context) => {
    const lacks = (key: string): void =>
      context.addIssue({ code: 'custom', path: [key], message: 'is missing' });
    if (one.interarrivals_list) return;
    if (one.distribution === undefined) lacks('distribution');
    if (one.rate === undefined) lacks('rate');
    const [begin = 0, end = 0] = one.activity_window ?? [0, 1];
    if (begin < end) return;
    const message = 'must end after it begins';
    context.addIssue({ code: 'custom', path: ['activity_window'], message });
  });

const workloadSchema = z.looseObject({
  test_name: name,
  test_duration_in_seconds: z.number().positive().max(PROFILE_LIMITS.duration_s),
  random_seed: z.number().int().min(0).max(SEED_MAX).nullable(),
  instances: z
    .record(name, instanceSchema)
    .refine((all) => Object.keys(all).length > 0, 'has none, so that nothing would be called')
    .refine((all) => Object.keys(all).length <= PROFILE_LIMITS.instances, {
      error: `has more than ${PROFILE_LIMITS.instances}`,
    }),
});

/** What an instance calls with. A file is named as the workload has it. */
export type PayloadSource =
  | { readonly kind: 'none' }
  | { readonly kind: 'json'; readonly value: unknown }
  | { readonly kind: 'json-file' | 'file'; readonly path: string };

/** When an instance calls. */
export type ArrivalRule =
  | {
      readonly kind: 'drawn';
      readonly distribution: (typeof DISTRIBUTIONS)[number];
      readonly rate_per_s: number;
      /** It calls strictly between these. */
      readonly begin_s: number;
      readonly end_s: number;
    }
  | { readonly kind: 'list'; readonly interarrivals_s: readonly number[] };

export interface WorkloadInstance {
  readonly name: string;
  readonly application: string;
  readonly arrivals: ArrivalRule;
  readonly payload: PayloadSource;
}

/** A key of the file that changes nothing here. */
export interface NotUsed {
  readonly key: string;
  readonly why: string;
}

export interface Workload {
  readonly test_name: string;
  readonly duration_s: number;
  /** Null: each run draws one, and tells it. */
  readonly seed: number | null;
  readonly instances: readonly WorkloadInstance[];
  readonly not_used: readonly NotUsed[];
}

/** Throws HP_PROFILE_WORKLOAD with the path of the first key that does not hold. */
export function readWorkload(text: string, path: string): Workload {
  const json = parseJson(text);
  if (json === undefined) throw badWorkload(path, '', 'it is not JSON');
  const read = workloadSchema.safeParse(json);
  if (!read.success) {
    const [issue] = read.error.issues;
    const problem = (issue?.message ?? 'not valid').replace(/^Invalid [\w ]+: /, '');
    throw badWorkload(path, issue?.path.join('.') ?? '', problem);
  }
  const { test_name, test_duration_in_seconds: duration_s, random_seed: seed } = read.data;
  const instances = Object.entries(read.data.instances).map(([key, one]): WorkloadInstance => {
    const payload = payloadOf(one);
    return { name: key, application: one.application, arrivals: ruleOf(one, duration_s), payload };
  });
  return { test_name, duration_s, seed, instances, not_used: notUsed(read.data) };
}

type ReadInstance = z.infer<typeof instanceSchema>;

function ruleOf(one: ReadInstance, duration_s: number): ArrivalRule {
  if (one.interarrivals_list) return { kind: 'list', interarrivals_s: one.interarrivals_list };
  const [begin_s = 0, end_s = duration_s] = one.activity_window ?? [];
  const { distribution = 'Uniform', rate: rate_per_s = 0 } = one;
  return { kind: 'drawn', distribution, rate_per_s, begin_s, end_s };
}

/** Theirs takes the binary file first, then the parameters, then what stands in the workload. */
function payloadOf({ data_file, param_file, data }: ReadInstance): PayloadSource {
  if (typeof data_file === 'string') return { kind: 'file', path: data_file };
  if (typeof param_file === 'string') return { kind: 'json-file', path: param_file };
  return data === undefined ? { kind: 'none' } : { kind: 'json', value: data };
}

const USED = ['test_name', 'test_duration_in_seconds', 'random_seed', 'instances'];
const USED_OF_INSTANCE = Object.keys(instanceSchema.shape);

/** What is told of keys that FaaSProfiler has, and that mean nothing to an agent. */
const WHY: Readonly<Record<string, string>> = {
  blocking_cli: 'no arrival waits for an answer, and every answer is recorded',
  endpoint: 'calls go to the agent',
  serverless_platform: 'calls go to the agent',
  url: 'calls go to the agent',
  host: 'calls go to the agent',
  perf_monitoring: 'no script is run; hotplane reads its own counters',
};
const whyOf = (key: string): string => WHY[key] ?? 'not known here';

function notUsed({ instances, ...rest }: z.infer<typeof workloadSchema>): NotUsed[] {
  const found = Object.keys(rest)
    .filter((key) => !USED.includes(key))
    .map((key) => ({ key, why: whyOf(key) }));
  for (const [instance, one] of Object.entries(instances)) {
    const at = (key: string, why: string) =>
      found.push({ key: `instances.${instance}.${key}`, why });
    for (const key of Object.keys(one)) {
      if (!USED_OF_INSTANCE.includes(key)) at(key, whyOf(key));
    }
    if (!one.interarrivals_list) continue;
    for (const key of ['distribution', 'rate', 'activity_window'] as const) {
      if (one[key] !== undefined) at(key, 'interarrivals_list says when it calls');
    }
  }
  return found;
}
