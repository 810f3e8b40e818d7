/**
 * A run that was cut off, gone on with: mechanisms that were complete are taken over with all their
 * lines, where it would be the same run again; the others are replayed from their beginning. Within
 * a mechanism nothing can go on: its VMs, and what they held, are gone.
 */
import { describeError } from '../../base/errors.ts';
import { readEvents, readLines } from '../results/reader.ts';
import { manifestSchema } from '../results/schema.ts';
import type { Manifest, MechanismRun, Provenance } from '../results/schema.ts';
import type { KeptResults } from './kept-results.ts';
import { buildManifest } from './manifest.ts';
import type { PreparedRun } from './prepare.ts';
import { hostDifferences, optionDifferences } from './repeat.ts';

/** A run that did not end: its folder, and how far it came. */
export interface CutRun {
  readonly folder: string;
  readonly manifest: Manifest;
}

/** What a run is taken over into. */
interface Resumed {
  readonly inputs: PreparedRun;
  readonly kept: KeptResults;
  readonly onNote: (text: string) => void;
  /** Size and hash of a VMM's program; null when it cannot be read. */
  readonly readBinary: (path: string) => Promise<Provenance['vmm_binary']>;
}

/** Copies what is complete, and says what is. What cannot be taken over is told, and replayed. */
export async function takeOver(cut: CutRun | null, resumed: Resumed): Promise<ReadonlySet<string>> {
  const { inputs, kept, onNote } = resumed;
  const complete = cut?.manifest.mechanisms.filter(({ status }) => status === 'complete') ?? [];
  if (cut === null || complete.length === 0) return new Set();
  const names = complete.map(({ name }) => name);
  const why =
    differenceOf(cut.manifest, inputs) ??
    (await otherProgram(cut.manifest, resumed)) ??
    (await unreadable(cut.folder));
  if (why !== null) {
    onNote(`${names.join(', ')} of ${cut.folder} cannot be taken over: ${why}`);
    return new Set();
  }
  await copyLines(cut.folder, new Set(names), kept);
  for (const run of complete) place(run, kept.runs);
  inputs.resumed_from = {
    folder: cut.folder,
    started_at: cut.manifest.started_at,
    mechanisms: names,
  };
  kept.note();
  onNote(`${names.join(', ')} taken over from ${cut.folder}`);
  return new Set(names);
}

/** The first that is not as it was; null: it is the same run. */
function differenceOf(then: Manifest, inputs: PreparedRun): string | null {
  // As a reader has it: what is compared has its fields in the same order.
  const now = manifestSchema.parse(buildManifest(inputs, 'running', []));
  const [first] = [
    ...optionDifferences(then.options ?? {}, now.options ?? {}),
    ...hostDifferences(then, now),
  ];
  if (first !== undefined) return first;
  const same =
    isSame(then.functions, now.functions) &&
    isSame(then.window, now.window) &&
    isSame(sumsOf(then), sumsOf(now));
  return same ? null : 'its plan is another one';
}

/** The program of its VMs is looked at where it was: no VM has run yet that tells of another. */
async function otherProgram(then: Manifest, { readBinary }: Resumed): Promise<string | null> {
  const before = then.provenance?.vmm_binary ?? null;
  if (before === null) return null;
  const now = await readBinary(before.path);
  if (now?.sha256 === before.sha256) return null;
  const what = now === null ? 'cannot be read any more' : 'is another one';
  return `the VMM's program ${before.path} ${what}`;
}

const sumsOf = ({ inputs }: Manifest): readonly string[] => inputs.map(({ sha256 }) => sha256);

function isSame(one: unknown, other: unknown): boolean {
  return JSON.stringify(one) === JSON.stringify(other);
}

const nothing = (): void => {};

/** Why its lines cannot be read; null: all of them can. */
async function unreadable(folder: string): Promise<string | null> {
  try {
    const sinks = { operation: nothing, invocation: nothing, memory: nothing, load: nothing };
    const { missing_files } = await readLines(folder, { ...sinks, decision: nothing });
    const has_events = await readEvents(folder, nothing);
    const missing = has_events ? missing_files : [...missing_files, 'events.jsonl'];
    return missing.length > 0 ? `${missing.join(', ')} is missing` : null;
  } catch (error) {
    return describeError(error);
  }
}

async function copyLines(
  folder: string,
  names: ReadonlySet<string>,
  { guard }: KeptResults,
): Promise<void> {
  const of = <T extends { readonly mechanism: string }>(write: (line: T) => void) => {
    return (line: T): void => {
      if (names.has(line.mechanism)) write(line);
    };
  };
  await readLines(folder, {
    operation: of((line) => guard.operation(line)),
    invocation: of((line) => guard.invocation(line)),
    memory: of((line) => guard.memory(line)),
    load: of((line) => guard.load(line)),
    decision: of((line) => guard.decision(line)),
  });
  await readEvents(
    folder,
    of((line) => guard.event(line)),
  );
}

function place(run: MechanismRun, runs: MechanismRun[]): void {
  const index = runs.findIndex(({ name }) => name === run.name);
  if (index >= 0) runs[index] = run;
}
