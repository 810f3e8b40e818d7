/** What guest kernels of the series can, by its revision. Pure. */
import { type MechanismName, MECHANISMS } from './mechanism.ts';
import { REFUSALS, type Refusal } from './refusals.ts';
import { type FunctionSpec, regionBytes } from './spec.ts';
import type { VmFacts } from './state.ts';
import { mayDivide } from './tiers-spec.ts';
import { noTiers } from './two-parts.ts';

type Told = Pick<VmFacts, 'series_revision'> | null;

/** Not a number where no revision is told. */
const revisionOf = (facts: Told): number => Number(facts?.series_revision || Number.NaN);

/**
 * The first revision whose partitions make memory ready ahead, and hand out what is known to be
 * zero as it is.
 */
const READY_REVISION = 10;

/** False also where no revision is told. */
export function knowsReady(mechanism: MechanismName, facts: Told): boolean {
  if (!MECHANISMS.get(mechanism).partitions) return false;
  return revisionOf(facts) >= READY_REVISION;
}

/** What a function may need of the partitions of its guest's kernel. */
interface Need {
  /** The first revision that has it. */
  readonly revision: number;
  readonly what: string;
  readonly isOf: (spec: FunctionSpec) => boolean;
  readonly refuse: (name: string, why: string) => Refusal;
}

const NEEDS: readonly Need[] = [
  {
    // Before it, who outgrows a baseline is killed.
    revision: 8,
    what: 'waiting takes',
    isOf: ({ memory }) => memory !== null,
    refuse: REFUSALS.notElastic,
  },
  {
    revision: 9,
    what: 'spans take',
    isOf: ({ spans }) => spans.length > 0,
    refuse: REFUSALS.noSpans,
  },
  {
    revision: 11,
    what: 'a process with two partitions takes',
    isOf: (spec) => spec.tiers !== null && mayDivide(regionBytes(spec), spec.tiers),
    refuse: noTiers,
  },
];

/** Why a VM with this kernel cannot serve the function; null also where no revision is told. */
export function refuseKernel(spec: FunctionSpec, facts: Told): Refusal | null {
  if (!MECHANISMS.get(spec.mechanism).partitions) return null;
  const has = revisionOf(facts);
  const lacking = NEEDS.find(({ isOf, revision }) => isOf(spec) && has < revision);
  if (!lacking) return null;
  const { revision, what, refuse } = lacking;
  const why = `its guest kernel has revision ${has} of the series, and ${what} ${revision}`;
  return refuse(spec.name, why);
}
