/** Two archives against each other, stage by stage, from their files alone. Pure. */
import { seededRandom } from '../../base/random.ts';
import type { ProfileArchive, ProfileManifest } from './archive.ts';
import { type PercentileDifference, percentileDifference } from './difference.ts';
import { profileError } from './errors.ts';
import { CALL_STAGES, type CallStages, splitCalls } from './stages.ts';

/** What is compared of each group: its stages, and what lies around them. */
const COMPARED_PARTS = [...CALL_STAGES, 'whole', 'unplug'] as const;
type ComparedPart = (typeof COMPARED_PARTS)[number];

export interface ComparedStage {
  /** Of the workload. */
  readonly instance: string;
  readonly cold: boolean;
  readonly part: ComparedPart;
  readonly n: readonly [number, number];
  /** Null: one of both is too small to have it. */
  readonly p50: PercentileDifference | null;
  readonly p95: PercentileDifference | null;
  readonly p99: PercentileDifference | null;
}

export interface ProfileComparison {
  readonly a: string;
  readonly b: string;
  readonly seed: number;
  /** What else differs between both runs, in words; empty: nothing that is known. */
  readonly differs: readonly string[];
  readonly stages: readonly ComparedStage[];
  /** Groups that one of both does not have. */
  readonly only_in_one: readonly string[];
}

export interface NamedArchive {
  readonly folder: string;
  readonly archive: ProfileArchive;
}

/** Throws HP_PROFILE_APART where there is nothing to compare. */
export function compareProfiles(a: NamedArchive, b: NamedArchive, seed: number): ProfileComparison {
  const groups = [a, b].map(({ archive }) =>
    groupsOf(splitCalls(archive.calls, archive.operations)),
  );
  const [of_a = new Map<string, CallStages[]>(), of_b = new Map<string, CallStages[]>()] = groups;
  const stages: ComparedStage[] = [];
  const only_in_one: string[] = [];
  for (const [key, own] of of_a) {
    const other = of_b.get(key);
    if (other) stages.push(...comparedGroup(own, other, seed));
    else only_in_one.push(`${nameOf(own)}: only in ${a.folder}`);
  }
  for (const [key, other] of of_b) {
    if (!of_a.has(key)) only_in_one.push(`${nameOf(other)}: only in ${b.folder}`);
  }
  if (stages.length === 0) {
    const message = `${a.folder} and ${b.folder} have no calls of one instance that were done.`;
    throw profileError('HP_PROFILE_APART', message);
  }
  const differs = differences(a.archive.manifest, b.archive.manifest);
  return { a: a.folder, b: b.folder, seed, differs, stages, only_in_one };
}

/** In the order of the first call of each. */
function groupsOf(calls: readonly CallStages[]): Map<string, CallStages[]> {
  const groups = new Map<string, CallStages[]>();
  for (const call of calls) {
    if (call.outcome !== 'done') continue;
    const key = `${call.cold ? 'cold' : 'warm'} ${call.instance}`;
    const own = groups.get(key);
    if (own) own.push(call);
    else groups.set(key, [call]);
  }
  return groups;
}

const nameOf = ([call]: readonly CallStages[]): string =>
  `${call?.instance ?? ''} ${call?.cold === true ? 'cold' : 'warm'}`;

function comparedGroup(
  own: readonly CallStages[],
  other: readonly CallStages[],
  seed: number,
): ComparedStage[] {
  const [first] = own;
  if (!first) return [];
  const { instance, cold } = first;
  return COMPARED_PARTS.flatMap((part) => {
    const [a, b] = [valuesOf(own, part), valuesOf(other, part)];
    if (a.length === 0 || b.length === 0) return [];
    const random = seededRandom(seed);
    const at = (share: number) => percentileDifference(a, b, share, random);
    const n = [a.length, b.length] as const;
    return { instance, cold, part, n, p50: at(0.5), p95: at(0.95), p99: at(0.99) };
  });
}

function valuesOf(calls: readonly CallStages[], part: ComparedPart): number[] {
  return calls
    .map((call) => {
      if (part === 'whole') return call.whole_ms;
      return part === 'unplug' ? call.unplug_ms : call.stages_ms[part];
    })
    .filter((value) => value !== null);
}

/** What a reader has to know before a difference is laid to anything. */
function differences(a: ProfileManifest, b: ProfileManifest): string[] {
  const facts = [factsOf(a), factsOf(b)] as const;
  const names = new Set([...facts[0].keys(), ...facts[1].keys()]);
  return [...names].flatMap((name) => {
    const [before, after] = [facts[0].get(name) ?? 'none', facts[1].get(name) ?? 'none'];
    return before === after ? [] : [`${name}: ${before} and ${after}`];
  });
}

function factsOf(manifest: ProfileManifest): Map<string, string> {
  const { workload, seed, status, versions, host, functions, instances } = manifest;
  const facts = new Map<string, string>([
    ['status', status],
    ['workload', `${workload.test_name} ${workload.sha256.slice(0, 12)}`],
    ['seed', String(seed)],
    ['hotplane', versions.hotplane],
    ['agent', versions.agent],
    ['commit', manifest.provenance?.commit?.slice(0, 12) ?? 'not known'],
    ['CPU', `${host?.cores ?? 0} x ${host?.cpu_model ?? 'not known'}`],
    ['kernel', host?.kernel ?? 'not known'],
  ]);
  for (const { name, function: served_by, payload_sha256 } of instances) {
    const spec = functions.find((one) => one.spec.name === served_by);
    const what = spec ? JSON.stringify({ ...spec.spec, name: '' }) : '';
    facts.set(`payload of ${name}`, payload_sha256.slice(0, 12));
    facts.set(`mechanism of ${name}`, spec?.spec.mechanism ?? 'not known');
    facts.set(`definition of ${name}`, shortHash(what));
    facts.set(`VMM of ${name}`, `${spec?.vmm ?? 'not known'}, ${spec?.accelerator ?? 'not known'}`);
    facts.set(`guest kernel of ${name}`, spec?.guest_kernel ?? 'not known');
  }
  return facts;
}

/** Enough to tell two definitions apart by sight (FNV-1a). */
function shortHash(text: string): string {
  let hash = 0x811c9dc5;
  for (const character of text) {
    hash = Math.imul(hash ^ (character.codePointAt(0) ?? 0), 0x01000193);
  }
  return (hash >>> 0).toString(16).padStart(8, '0');
}
