/**
 * Any trace that the project reads, by its first line: the user names files, and what they are is
 * found out. Traces of several files (2019, Huawei) are put together here.
 */
import { basename, resolve } from 'node:path';
import { Buffer } from 'node:buffer';
import { ARRIVALS_COLUMNS, parseArrivals } from './arrivals.ts';
import { DURATION_COLUMNS, readDurationDay, readInvocationDay } from './azure2019.ts';
import { readMemoryFile } from './azure2019-memory.ts';
import { AZURE2021_HEADER, parseAzure2021 } from './azure2021.ts';
import { traceEmpty, traceHeader, tracePacked, traceParts } from './errors.ts';
import { expandMinutes, type ExpandOptions } from './expand.ts';
import { readHuaweiDay } from './huawei2023.ts';
import { chosenPart } from './choice.ts';
import { chunksOf } from './input.ts';
import { memoryAt } from './memory-series.ts';
import { type Durations, functionKey, MinuteTable } from './minutes.ts';
import { packingOf } from './packed.ts';
import { qualityOf } from './quality.ts';
import { RuleCounts } from './rules.ts';
import type { Trace, TraceFormat, TraceInput, TraceQuality } from './trace.ts';

/** What a single file is. */
export const FILE_KINDS = [
  'azure2021',
  'azure2019-invocations',
  'azure2019-durations',
  'azure2019-memory',
  'huawei2023-requests',
  'arrivals',
] as const;
export type FileKind = (typeof FILE_KINDS)[number];

export interface OpenOptions extends Omit<ExpandOptions, 'path'> {
  /** Counts a minute stay counts: for those who look at a trace and do not play it. */
  readonly counts_only?: boolean;
  /** Of one invocation; longer ones are told with their line, where a format has one for each. */
  readonly longest_duration_ms?: number;
  readonly signal?: AbortSignal | undefined;
}

export const OPEN_DEFAULTS: Omit<OpenOptions, 'signal'> = {
  seed: 1,
  spread: 'uniform',
  functions: null,
  duration_ms: null,
};

/** Of the first line no more is needed to know the format. */
const HEAD_BYTES = 2_048;

/** Reads the start of a file once, and gives its chunks from the start all the same. */
async function peek(
  path: string,
  signal: AbortSignal | undefined,
): Promise<{ readonly kind: FileKind; readonly chunks: AsyncGenerator<Uint8Array> }> {
  const chunks = chunksOf(path, signal);
  const first = await chunks.next();
  const head = Buffer.from(first.done ? [] : first.value.slice(0, HEAD_BYTES));
  const packing = packingOf(head);
  if (packing) {
    await chunks.return(undefined);
    throw tracePacked(path, packing);
  }
  const kind = kindOf(head.toString('utf8').replace(/^\uFEFF/, ''), path);
  return { kind, chunks: joined(first, chunks) };
}

async function* joined(
  first: IteratorResult<Uint8Array>,
  rest: AsyncGenerator<Uint8Array>,
): AsyncGenerator<Uint8Array> {
  try {
    if (!first.done) yield first.value;
    yield* rest;
  } finally {
    await rest.return(undefined);
  }
}

function kindOf(head: string, path: string): FileKind {
  const [line = ''] = head.split(/\r?\n/);
  const names = line.split(',').map((name) => name.trim());
  const has = (...wanted: readonly string[]): boolean =>
    wanted.every((name) => names.includes(name));
  if (line === AZURE2021_HEADER) return 'azure2021';
  if (has('HashApp', 'SampleCount')) return 'azure2019-memory';
  if (has('HashFunction', 'Trigger')) return 'azure2019-invocations';
  if (has('HashFunction', 'Average', 'Count')) return 'azure2019-durations';
  if (has(...ARRIVALS_COLUMNS)) return 'arrivals';
  if (has('day', 'time')) return 'huawei2023-requests';
  const known = [
    AZURE2021_HEADER,
    'HashOwner,HashApp,HashFunction,Trigger,1,...',
    'day,time,0,...',
  ];
  const all = [...known, DURATION_COLUMNS.slice(0, 5).join(','), ARRIVALS_COLUMNS.join(',')];
  throw traceHeader(path, all.join('" or "'), line);
}

/** Files of one trace, in whatever order they were named. Throws `HP_TRACE_*`. */
export async function openTrace(paths: readonly string[], options: OpenOptions): Promise<Trace> {
  const [path = ''] = paths;
  needOnce(paths);
  const parts = new Parts(options);
  for (const one of inOrder(paths)) {
    const { kind, chunks } = await peek(one, options.signal);
    if (kind === 'azure2021' || kind === 'arrivals') {
      await needAlone(one, paths, chunks);
      const whole =
        kind === 'azure2021'
          ? await parseAzure2021(chunks, one, limitsOf(options))
          : await parseArrivals(chunks, one);
      return options.choice ? chosenPart(whole, options.choice) : whole;
    }
    await parts.add(one, kind, chunks);
  }
  return parts.finish(path);
}

function limitsOf({ longest_duration_ms }: OpenOptions): Parameters<typeof parseAzure2021>[2] {
  return longest_duration_ms === undefined ? {} : { longest_duration_ms };
}

async function needAlone(
  path: string,
  paths: readonly string[],
  chunks: AsyncGenerator<Uint8Array>,
): Promise<void> {
  if (paths.length === 1) return;
  await chunks.return(undefined);
  throw traceParts(path, 'is a whole trace, and other files were named with it', 'name it alone.');
}

/** A file that is named twice would count twice. */
function needOnce(paths: readonly string[]): void {
  const seen = new Set<string>();
  for (const path of paths) {
    const whole = resolve(path);
    if (seen.has(whole)) throw traceParts(path, 'is named twice', 'name it once.');
    seen.add(whole);
  }
}

/** Days in their order: by the number in their name where there is one. */
function inOrder(paths: readonly string[]): string[] {
  return paths.toSorted((a, b) => (dayOf(a) ?? 0) - (dayOf(b) ?? 0));
}

function dayOf(path: string): number | null {
  const found = /(?:^|[._-])(?:d|day_?)(\d{1,3})(?=[._-]|$)/.exec(basename(path));
  return found ? Number(found[1]) : null;
}

/** The parts of a trace of counts a minute. */
class Parts {
  readonly #options: OpenOptions;
  readonly #table = new MinuteTable();
  readonly #rules = new RuleCounts();
  readonly #durations = new Map<string, Durations>();
  readonly #memory_bytes = new Map<string, number>();
  readonly #inputs: TraceInput[] = [];
  readonly #huawei: Parameters<typeof readHuaweiDay>[2];
  #format: TraceFormat | null = null;
  /** Of which something was read, counted from the first. */
  readonly #days = new Set<number>();
  #first_day: number | null = null;

  constructor(options: OpenOptions) {
    this.#options = options;
    const [table, rules, days] = [this.#table, this.#rules, this.#days];
    this.#huawei = { table, rules, days, first_day: null };
  }

  async add(path: string, kind: FileKind, chunks: AsyncGenerator<Uint8Array>): Promise<void> {
    const rules = this.#rules;
    if (kind === 'huawei2023-requests') {
      this.#is('huawei2023', path);
      this.#inputs.push(await readHuaweiDay(chunks, path, this.#huawei));
    } else if (kind === 'azure2019-invocations') {
      this.#is('azure2019', path);
      const day = this.#dayOf(path);
      this.#inputs.push(await readInvocationDay(chunks, path, { day, table: this.#table, rules }));
    } else if (kind === 'azure2019-durations') {
      const durations = this.#durations;
      this.#inputs.push(await readDurationDay(chunks, path, { durations, rules }));
    } else {
      await chunks.return(undefined);
      const { input, apps } = await readMemoryFile(path, rules, this.#options.signal);
      this.#inputs.push(input);
      for (const app of apps) {
        const before = this.#memory_bytes.get(app.name) ?? 0;
        this.#memory_bytes.set(app.name, Math.max(before, memoryAt(app, 1)));
      }
    }
  }

  finish(path: string): Trace {
    const [input] = this.#inputs;
    if (!this.#format || !input) {
      throw traceParts(path, 'no file of invocations is among those named', NEED_INVOCATIONS);
    }
    const known = { durations: this.#durations, memory_bytes: this.#memory_bytes };
    const { counts_only = false } = this.#options;
    const options = { ...this.#options, counts_only, path };
    const expanded = expandMinutes(this.#table, known, this.#rules, options);
    if (expanded.functions.length === 0) throw traceEmpty(path);
    this.#noteUnused();
    const last_day = Math.max(0, ...this.#days);
    this.#rules.note('missing-days', null, Math.max(0, last_day + 1 - this.#days.size));
    const told = qualityOf(expanded.functions, expanded.invocations, this.#rules);
    const quality = counts_only ? { ...told, ...countsOf(this.#table) } : told;
    const [format, inputs] = [this.#format, this.#inputs];
    return { format, input, inputs, ...expanded, quality, rules: this.#rules.list() };
  }

  /**
   * Days count from the first; one that is not there leaves its place empty. Throws HP_TRACE_PARTS
   * for one that is there already.
   */
  #dayOf(path: string): number {
    const named = dayOf(path);
    const count = this.#days.size;
    if (named !== null) this.#first_day ??= named;
    const day = named === null ? count : named - (this.#first_day ?? named);
    if (this.#days.has(day)) {
      throw traceParts(path, 'is of a day of which another file was named', 'name one of them.');
    }
    this.#days.add(day);
    return day;
  }

  #is(format: TraceFormat, path: string): void {
    if (this.#format !== null && this.#format !== format) {
      throw traceParts(path, 'is of another trace than the file before it', 'name one trace.');
    }
    this.#format = format;
  }

  #noteUnused(): void {
    if (this.#durations.size === 0) return;
    const invoked = new Set(this.#table.functions.map(functionKey));
    let unused = 0;
    for (const key of this.#durations.keys()) if (!invoked.has(key)) unused += 1;
    this.#rules.note('durations-only', null, unused);
  }
}

function countsOf(table: MinuteTable): Pick<TraceQuality, 'rows' | 'first_arrival_ms' | 'span_ms'> {
  const { first_minute, last_minute, count } = table.sums();
  const first_arrival_ms = first_minute * 60_000;
  return { rows: count, first_arrival_ms, span_ms: (last_minute + 1) * 60_000 - first_arrival_ms };
}

const NEED_INVOCATIONS =
  'name the file of invocations too: invocations_per_function_md.anon.dNN.csv.';
