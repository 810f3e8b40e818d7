/**
 * What each call did in the region of its instance: counts that are read before and after it. Calls
 * are made one after the other for it, so that nobody else's are among them.
 */
import type { RegionStatus } from '../../agent/model/messages.ts';
import type { Invocation, Operation } from '../replay/agent-api.ts';
import type { AccessLine, PlaceAccesses } from './archive.ts';
import { PROFILE_LIMITS } from './limits.ts';

/** All that one VM did until now. */
export interface VmAccesses {
  readonly vm_id: string;
  readonly vcpus: number;
  readonly instructions: number;
  /** That of each vCPU, which lines are filled in. */
  readonly cache: AccessLine['cache'];
  /** By region, and `boot`. */
  readonly places: ReadonlyMap<string, PlaceAccesses>;
}

/** Where counts are read. */
export interface AccessSource {
  read(): Promise<readonly VmAccesses[]>;
}

interface RegionPlace {
  readonly vm_id: string;
  readonly region_id: string;
}

/** The regions of a function now, all of its VMs. */
export type RegionsOf = (
  name: string,
  signal: AbortSignal,
) => Promise<readonly Pick<RegionStatus, 'id' | 'vm_id' | 'instance_id' | 'span'>[]>;

const NOTHING: PlaceAccesses = { loads: 0, stores: 0, fills: 0 };
const BOOT = 'boot';

/** Reads counts around calls, and knows in which region each instance is. */
export class CallAccesses {
  readonly #source: AccessSource;
  readonly #regionsOf: RegionsOf;
  /** The newest last; of the oldest nobody calls any more. */
  readonly #places = new Map<string, RegionPlace>();

  constructor(source: AccessSource, regionsOf: RegionsOf) {
    this.#source = source;
    this.#regionsOf = regionsOf;
  }

  /** What was plugged, for whom. */
  note({ kind, function: name, instance_id, vm_id, region_id, span }: Operation): void {
    if (kind !== 'plug' || instance_id === null || span !== null) return;
    this.#places.set(keyOf(name, instance_id), { vm_id, region_id });
    const [oldest] = this.#places.keys();
    if (oldest !== undefined && this.#places.size > PROFILE_LIMITS.instances_known)
      this.#places.delete(oldest);
  }

  /** The answer, and what was counted from before the call until then; null: it is not known. */
  async around<Answer extends Invocation>(
    name: string,
    call: () => Promise<Answer>,
    signal: AbortSignal,
  ): Promise<{ readonly reply: Answer; readonly counted: CountedAccesses | null }> {
    const before = await this.#source.read();
    const reply = await call();
    const after = await this.#source.read();
    const place = await this.#placeOf(name, reply.instance_id, signal);
    return { reply, counted: place && accessesOf(place, before, after) };
  }

  async #placeOf(
    name: string,
    instance_id: string | null,
    signal: AbortSignal,
  ): Promise<RegionPlace | null> {
    if (instance_id === null) return null;
    const known = this.#places.get(keyOf(name, instance_id));
    if (known) return known;
    const regions = await this.#regionsOf(name, signal);
    const own = regions.find((one) => one.instance_id === instance_id && one.span === null);
    return own ? { vm_id: own.vm_id, region_id: own.id } : null;
  }
}

/** A line of the archive, but for whose call it was. */
export type CountedAccesses = Omit<AccessLine, 'invocation_id' | 'instance' | 'cold'>;

/** A VM that was not there before had done nothing. Null: its counts are not there. Pure. */
export function accessesOf(
  { vm_id, region_id }: RegionPlace,
  before: readonly VmAccesses[],
  after: readonly VmAccesses[],
): CountedAccesses | null {
  const now = after.find((one) => one.vm_id === vm_id);
  const region = now?.places.get(region_id);
  const boot = now?.places.get(BOOT);
  if (!now || !region || !boot) return null;
  const then = before.find((one) => one.vm_id === vm_id);
  const since = (id: string, counts: PlaceAccesses): PlaceAccesses => {
    const { loads, stores, fills } = then?.places.get(id) ?? NOTHING;
    return {
      loads: counts.loads - loads,
      stores: counts.stores - stores,
      fills: counts.fills - fills,
    };
  };
  return {
    vm_id,
    region_id,
    vcpus: now.vcpus,
    cache: now.cache,
    instructions: now.instructions - (then?.instructions ?? 0),
    region: since(region_id, region),
    boot: since(BOOT, boot),
  };
}

const keyOf = (name: string, instance_id: string): string => `${name} ${instance_id}`;
