/** `hotplane trace ...`, without the command lines around it. */
import { join } from 'node:path';
import { writeWhole } from '../../base/files.ts';
import { jsonDocument } from '../../base/json.ts';
import { makeFolder } from '../../base/make-folder.ts';
import { TRACE_RULES } from './rules.ts';
import { generateInvocations, LIKE_2021 } from './generate.ts';
import { generate2019, type Part2019 } from './generate2019.ts';
import { likenessOf } from './likeness.ts';
import { openTrace, type OpenOptions } from './open-trace.ts';
import { sampleTrace } from './sample.ts';
import { arrivalLines, lines2021 } from './text.ts';
import type { Trace } from './trace.ts';
import { LinesFile, writeLines } from './write-lines.ts';

interface Output {
  readonly json: boolean;
  readonly stdout: { write(text: string): unknown };
  readonly signal: AbortSignal;
}

export interface InspectInput extends Output {
  readonly files: readonly string[];
  readonly open: OpenOptions;
  /** Also how far the trace is from the published ones. */
  readonly validate: boolean;
}

/** Throws `HP_TRACE_*`. */
export async function runInspect({
  files,
  open,
  validate,
  json,
  stdout,
}: InspectInput): Promise<void> {
  const trace = await openTrace(files, { ...open, counts_only: true });
  const { format, quality, rules } = trace;
  const inputs = trace.inputs ?? [trace.input];
  const likeness = validate ? likenessOf(trace) : null;
  if (json) {
    stdout.write(jsonDocument({ format, inputs, quality, rules, ...(likeness && { likeness }) }));
    return;
  }
  stdout.write(`${[...aboutLines(trace), ...rulesLines(trace)].join('\n')}\n`);
  if (!likeness) return;
  const table = likeness.map(
    ({ what, n, distance }) => `  ${distance ?? 'not told'}  ${what} (n = ${n})`,
  );
  stdout.write(`distance to the published tables (KS):\n${table.join('\n')}\n`);
}

function aboutLines({ format, input, inputs, quality }: Trace): string[] {
  const files = inputs ?? [input];
  return [
    `format       ${format}`,
    ...files.map((one) => `file         ${one.path}, ${one.bytes} bytes, sha256 ${one.sha256}`),
    `invocations  ${quality.rows} of ${quality.functions} functions of ${quality.apps} applications`,
    `span         ${(quality.span_ms / 3_600_000).toFixed(3)} h`,
  ];
}

function rulesLines({ rules }: Trace): string[] {
  if (rules.length === 0)
    return [`rules        none of ${Object.keys(TRACE_RULES).length} was needed`];
  const rows = rules.map(({ rule, count, seen, done, first_line }) => {
    const where = first_line === null ? '' : `, first in line ${first_line}`;
    return `  ${rule}: ${count} (${seen}${where}): ${done}`;
  });
  return ['rules that were needed:', ...rows];
}

export interface SampleInput extends Output {
  readonly files: readonly string[];
  readonly open: OpenOptions;
  readonly functions: number;
  readonly seed: number;
  readonly trials: number;
  readonly out: string;
}

/** Writes the sample as `arrivals`, and beside it what it is. */
export async function runSample(input: SampleInput): Promise<void> {
  const { files, open, functions, seed, trials, out, signal } = input;
  const trace = await openTrace(files, open);
  const sample = sampleTrace(trace, { functions, seed, trials });
  await writeLines(out, arrivalLines(sample), signal);
  const about = {
    kind: 'sample',
    of: (trace.inputs ?? [trace.input]).map(({ path, sha256 }) => ({ path, sha256 })),
    seed,
    trials,
    functions,
    functions_total: trace.functions.length,
    invocations: sample.invocations.length,
    invocations_total: trace.invocations.length,
    wasserstein_log10: sample.distance,
    wasserstein_log10_of_one_draw: sample.distance_of_one_draw,
  };
  await tell(input, about, [
    `${sample.invocations.length} invocations of ${functions} functions`,
    `Wasserstein distance of log10: invocations ${sample.distance.invocations}, ` +
      `cost ${sample.distance.cost} (one draw: ${sample.distance_of_one_draw.invocations}, ` +
      `${sample.distance_of_one_draw.cost})`,
  ]);
}

export interface GenerateInput extends Output {
  readonly format: 'azure2021' | 'azure2019';
  readonly seed: number;
  readonly apps: number | null;
  readonly functions: number | null;
  readonly invocations: number | null;
  readonly days: number;
  readonly quirks: boolean;
  /** A file for 2021, a folder for 2019. */
  readonly out: string;
}

/** Writes a made trace, and beside it the parameters it was made from. */
export async function runGenerate(input: GenerateInput): Promise<void> {
  if (input.format === 'azure2021') return await generateFile(input);
  const { seed, days, quirks, out, signal } = input;
  const apps = input.apps ?? 1_000;
  await makeFolder(out);
  const files = new Map<string, LinesFile>();
  try {
    generate2019({ seed, apps, days, quirks }, (part, day, line) => {
      signal.throwIfAborted();
      const path = join(out, nameOfFile(part, day));
      const file = files.get(path) ?? new LinesFile(path);
      files.set(path, file);
      file.add(`${line}\n`);
    });
    for (const file of files.values()) file.finish();
  } catch (error) {
    for (const file of files.values()) file.discard();
    throw error;
  }
  const about = { kind: 'synthetic', format: input.format, seed, apps, days, quirks };
  await tell({ ...input, out: join(out, 'synthetic') }, about, [`${files.size} files in ${out}`]);
}

const NAMES: Readonly<Record<Part2019, string>> = {
  invocations: 'invocations_per_function_md.anon',
  durations: 'function_durations_percentiles.anon',
  memory: 'app_memory_percentiles.anon',
};

function nameOfFile(part: Part2019, day: number): string {
  return `${NAMES[part]}.d${String(day).padStart(2, '0')}.csv`;
}

async function generateFile(input: GenerateInput): Promise<void> {
  const { seed, days, out, signal } = input;
  const apps = input.apps ?? LIKE_2021.apps;
  const options = {
    seed,
    apps,
    days,
    functions: Math.max(apps, input.functions ?? Math.round((apps * 424) / 119)),
    invocations: input.invocations ?? LIKE_2021.invocations,
    zero_share: LIKE_2021.zero_share,
  };
  const made = generateInvocations(options);
  await writeLines(out, lines2021(made), signal);
  const about = { kind: 'synthetic', format: input.format, ...options };
  await tell(input, about, [`${made.invocations.length} invocations in ${out}`]);
}

/** The side-car, and what is printed. */
async function tell(
  { out, json, stdout }: Pick<GenerateInput, 'out' | 'json' | 'stdout'>,
  about: object,
  lines: readonly string[],
): Promise<void> {
  await writeWhole(`${out}.json`, jsonDocument(about), { durable: false });
  stdout.write(json ? jsonDocument(about) : `${[...lines, `${out}.json says how`].join('\n')}\n`);
}
