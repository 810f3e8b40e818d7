/** What a deployed function is: one definition for the API, its checks and the core. Pure. */
import { z } from 'zod';
import { LIMITS } from '../../base/limits.ts';
import {
  DEVICE_BLOCK_BYTES,
  formatBytes,
  MEMORY_BLOCK_BYTES,
  MIB,
  roundUp,
} from '../../base/units.ts';
import { HOST_NODE_MAX } from '../../hypervisor-client/host/host-nodes.ts';
import { AGENT_LIMITS } from '../limits.ts';
import { expressionSpecSchema, worstOf } from './expression-spec.ts';
import { field, known, message } from './fields.ts';
import { MECHANISMS } from './mechanism.ts';
import { networkSpecSchema } from './network-spec.ts';
import { poolSpecSchema } from './pool-spec.ts';
import { functionProgramSchema } from './program.ts';
import { type SpanSpec, spanSpecSchema } from './span-spec.ts';
import { dividedTiers, homeNode, largestParts, tiersSpecSchema } from './tiers-spec.ts';
import { type Tier, tierOf } from './tiers.ts';

/** No guest boots with less. */
export const BOOT_BYTES_MIN = 64 * MIB;

export const BACKINGS = ['anonymous', 'memfd', 'huge'] as const;
export type Backing = (typeof BACKINGS)[number];

const size = z.number().int().max(LIMITS.function_bytes);

export const memorySpecSchema = message(
  'MemorySpec',
  {
    baseline_bytes: field(
      1,
      known(size.min(DEVICE_BLOCK_BYTES)),
      'plugged at a start, and given back to; absent: 256 MiB, or what history says',
    ),
    increment_bytes: field(
      2,
      known(size.min(DEVICE_BLOCK_BYTES)),
      'one step of growth; absent: 64 MiB, or what history says',
    ),
    history: field(
      3,
      z.boolean(),
      'sizes are chosen anew from the peaks of its invocations, after every 1,000 of them',
    ),
    grow_wait_ms: field(
      4,
      known(z.number().int().min(1).max(LIMITS.grow_wait_ms_max)),
      'longest time for which a full instance waits for more before it is ended; absent: 10 s',
    ),
    expression: field(
      5,
      known(expressionSpecSchema),
      'what a call takes, by its payload; absent: nobody said',
    ),
  },
  'How the memory of an instance follows its use; `limit_bytes` is the most it can be.',
);
export type MemorySpec = Readonly<z.infer<typeof memorySpecSchema>>;

/** Instances of one function on one host. */
const INSTANCES_MAX = LIMITS.regions_per_vm * LIMITS.vms_per_host;
const instance_count = z.number().int().max(INSTANCES_MAX);

const instancesSpecSchema = message(
  'InstancesSpec',
  {
    min: field(
      1,
      instance_count.min(0),
      'kept, as far as its VMs have regions and there is memory',
    ),
    max: field(2, known(instance_count.min(1)), 'most of all its VMs together; absent: no bound'),
  },
  'How many instances a function has at least and at most.',
);

export const reclaimSloSchema = message(
  'ReclaimSlo',
  {
    ms_per_gib: field(
      1,
      z.number().positive().max(86_400_000),
      'from the decision until it is back',
    ),
    percentile: field(2, z.number().min(50).max(100), 'of the operations; the others may be late'),
  },
  'A promise of how soon memory that a function gives up is back at the host.',
);

const NAME = /^[a-z0-9][a-z0-9-]{0,62}$/;

/** Of whom a function is for. */
export const TENANT = /^[A-Za-z0-9][A-Za-z0-9._-]{0,62}$/;

export const functionSpecSchema = message('FunctionSpec', {
  name: field(1, z.string().regex(NAME, 'must be like [a-z0-9][a-z0-9-]{0,62}'), NAME.source),
  mechanism: field(
    2,
    z.string().refine((name) => MECHANISMS.find(name) !== undefined, {
      error: () => `must be one of ${MECHANISMS.names.join(', ')}`,
    }),
    'how memory comes back to the host; the names of the table of mechanisms',
  ),
  limit_bytes: field(
    3,
    size.min(MIB),
    'memory of one instance; its region is this, rounded up to the Linux memory block',
  ),
  concurrency: field(
    4,
    z.number().int().min(1).max(LIMITS.regions_per_vm),
    'N: most instances in one function VM, one region each',
  ),
  vcpus: field(5, z.number().int().min(1).max(LIMITS.vcpus_per_vm), 'of the VM'),
  boot_bytes: field(
    6,
    size.min(BOOT_BYTES_MIN).multipleOf(DEVICE_BLOCK_BYTES),
    'ordinary memory of the VM',
  ),
  keep_alive_ms: field(
    7,
    z.number().nonnegative().max(LIMITS.invocation_ms),
    'an instance idle for this long is stopped and its region unplugged',
  ),
  argv: field(
    8,
    z.array(z.string().max(4_096)).max(64).readonly(),
    'empty: the workload program of the image',
  ),
  backing: field(
    9,
    z
      .enum(BACKINGS)
      .nullable()
      .transform((backing) => backing ?? 'anonymous'),
    'absent: anonymous',
  ),
  init_on_alloc: field(10, z.boolean(), 'guest kernel zeroes at allocation'),
  guest_huge_pages: field(11, z.boolean(), 'transparent huge pages `always` in the guest'),
  max_vms: field(
    12,
    z
      .number()
      .int()
      .min(1)
      .max(LIMITS.vms_per_host)
      .nullable()
      .transform((vms) => vms ?? 1),
    'most function VMs at a time: another is launched when no region of those there is free; ' +
      'absent: 1',
  ),
  memory: field(
    13,
    known(memorySpecSchema),
    'absent: all of an instance is plugged from its start to its end',
  ),
  instances: field(
    14,
    known(
      instancesSpecSchema.refine(({ min, max }) => max === null || min <= max, 'min is above max'),
    ),
    'absent: as many as wait, and none for longer than keep_alive_ms',
  ),
  network: field(15, known(networkSpecSchema), 'absent: nothing but loopback'),
  tenant: field(
    16,
    known(z.string().regex(TENANT, 'must be like [A-Za-z0-9][A-Za-z0-9._-]{0,62}')),
    'who it is for, as the ledger and its meter tell it; absent: nobody said',
  ),
  deadline_ms: field(
    18,
    known(z.number().positive().max(LIMITS.invocation_ms)),
    'an invocation is to be over so long after it came: who has the least time left starts ' +
      'first; absent: nobody said',
  ),
  reclaim_slo: field(
    19,
    known(reclaimSloSchema),
    'how soon memory is to be back at the host; absent: nothing is promised',
  ),
  pool: field(
    22,
    known(poolSpecSchema),
    'memory that is ready before it is asked for; absent: its policy says what is kept',
  ),
  spans: field(
    21,
    z
      .array(spanSpecSchema)
      .max(AGENT_LIMITS.spans)
      .readonly()
      .refine((all) => new Set(all.map(({ name }) => name)).size === all.length, {
        error: 'has a name twice',
      })
      .default([]),
    'that each of its instances can have beside its own memory, one of each at a time',
  ),
  host_node: field(
    23,
    known(z.number().int().min(0).max(HOST_NODE_MAX)),
    'NUMA node of the host that the memory of its instances comes from; absent: any',
  ),
  tiers: field(
    24,
    known(tiersSpecSchema),
    'a part of the memory of each instance is on another node; absent: all of it is on one',
  ),
  program: field(
    20,
    functionProgramSchema.nullable(),
    'what an instance runs; absent: the workload program of the image',
  ),
});
/** What was deployed: checked where it came in. */
export type FunctionSpec = Readonly<z.infer<typeof functionSpecSchema>>;

/** What a function has of which its definition says nothing: one VM, and the built-in program. */
export const PLAIN_SPEC = {
  argv: [],
  backing: 'anonymous',
  init_on_alloc: false,
  guest_huge_pages: false,
  max_vms: 1,
  memory: null,
  instances: null,
  network: null,
  tenant: null,
  deadline_ms: null,
  reclaim_slo: null,
  pool: null,
  spans: [],
  host_node: null,
  tiers: null,
  program: null,
} as const satisfies Partial<FunctionSpec>;

/** Bytes of one region of the function: what one permit is for. */
export function regionBytes(spec: FunctionSpec): number {
  return roundUp(spec.limit_bytes, MEMORY_BLOCK_BYTES);
}

/** What an instance starts with whose memory follows its use, where nobody says. */
export const USUAL_BASELINE_BYTES = 256 * MIB;

/**
 * What a region is plugged to for a start, which must be possible on an empty host: its baseline,
 * the worst case of its expression, or all of it.
 */
export function startBytes(spec: FunctionSpec): number {
  if (spec.memory === null) return regionBytes(spec);
  const { expression, baseline_bytes: declared_bytes } = spec.memory;
  const baseline_bytes = expression
    ? worstOf(expression)
    : (declared_bytes ?? USUAL_BASELINE_BYTES);
  return Math.min(regionBytes(spec), roundUp(baseline_bytes, sizeUnitBytes(spec)));
}

/** Whether an instance's memory follows its use. */
export function isElastic({ memory }: FunctionSpec): boolean {
  return memory !== null;
}

/**
 * What a region's size is a multiple of: a guest tells parts of a memory block of partitions. What
 * is divided between two is whole blocks.
 */
export function sizeUnitBytes(spec: FunctionSpec): number {
  const in_parts = MECHANISMS.get(spec.mechanism).partitions && dividedTiers(spec) === null;
  return in_parts ? DEVICE_BLOCK_BYTES : MEMORY_BLOCK_BYTES;
}

/** How long an instance that is full waits for more (ms); 0: it does not wait. */
export function growWaitMs({ memory }: FunctionSpec): number {
  return memory === null ? 0 : (memory.grow_wait_ms ?? AGENT_LIMITS.grow_wait_ms);
}

/** Why no function can be as this spec says; null: it can. */
export function whyNotElastic(spec: FunctionSpec): string | null {
  const { memory, mechanism, limit_bytes } = spec;
  if (memory === null) return null;
  if (!plugsOnDemand(spec)) return `mechanism '${mechanism}' plugs all memory once, at boot`;
  const { baseline_bytes } = memory;
  if (baseline_bytes === null || baseline_bytes <= regionBytes(spec)) return null;
  return (
    `its baseline of ${formatBytes(baseline_bytes)} is more than its limit of ` +
    formatBytes(limit_bytes)
  );
}

/** What of a spec says which regions its VMs have. */
type Layout = Pick<FunctionSpec, 'concurrency' | 'limit_bytes' | 'spans' | 'tiers'>;

/**
 * Regions of one VM of the function: one of each instance, then one of each span of each, or the
 * far one of each.
 */
export const regionsPerVm = (spec: Layout): number =>
  spec.concurrency * (1 + spec.spans.length + (dividedTiers(spec) ? 1 : 0));

/** The region with the far part of the instance in region `near_index`; null: it has none. */
export const farIndex = (spec: Layout, near_index: number): number | null =>
  dividedTiers(spec) ? spec.concurrency + near_index : null;

/** Whether the region with that index has the far part of an instance. */
export const isFarIndex = (spec: Layout, region_index: number): boolean =>
  region_index >= spec.concurrency && dividedTiers(spec) !== null;

/** What the region with that index is for; null: it is the one of an instance. */
export function spanAt(
  spec: Pick<FunctionSpec, 'concurrency' | 'spans'>,
  region_index: number,
): SpanSpec | null {
  const { spans } = spec;
  if (region_index < spec.concurrency) return null;
  return spans[(region_index - spec.concurrency) % spans.length] ?? null;
}

/** The region of a span of the instance in region `of_index`; null: it has none of that name. */
export function spanRegion(
  spec: Pick<FunctionSpec, 'concurrency' | 'spans'>,
  of_index: number,
  name: string,
): number | null {
  const { spans } = spec;
  const place = spans.findIndex((span) => span.name === name);
  return place < 0 ? null : spec.concurrency + of_index * spans.length + place;
}

/** The most that the region with that index can be. */
export function regionMaxBytes(spec: FunctionSpec, region_index: number): number {
  const span = spanAt(spec, region_index);
  if (span) return roundUp(span.max_bytes, MEMORY_BLOCK_BYTES);
  const tiers = dividedTiers(spec);
  if (!tiers) return regionBytes(spec);
  const { near_bytes, far_bytes } = largestParts(regionBytes(spec), tiers);
  const is_far = isFarIndex(spec, region_index);
  return Math.max(MEMORY_BLOCK_BYTES, is_far ? far_bytes : near_bytes);
}

/** Why no function can have the spans that this spec says; null: it can, or says none. */
export function whyNoSpans(spec: FunctionSpec): string | null {
  if (spec.spans.length === 0) return null;
  const { mechanism } = spec;
  if (!MECHANISMS.get(mechanism).partitions) {
    return (
      `mechanism '${mechanism}' has no memory that a process could map by name, ` +
      'as partitions of the guest kernel are (hotmem)'
    );
  }
  const regions = regionsPerVm(spec);
  if (regions <= LIMITS.regions_per_vm) return null;
  return (
    `its instances and their spans are ${regions} regions, and a VM has at most ` +
    `${LIMITS.regions_per_vm}`
  );
}

/** How long an instance waits for a span (ms). */
export const spanWaitMs = (spec: FunctionSpec): number =>
  growWaitMs(spec) || AGENT_LIMITS.span_wait_ms;

type Noded = Layout & Pick<FunctionSpec, 'host_node'>;

/** The node of the host that the region with that index is bound to; null: any. */
export const regionNode = (spec: Noded, region_index: number): number | null =>
  spec.tiers && isFarIndex(spec, region_index)
    ? spec.tiers.far_node
    : (spanAt(spec, region_index)?.host_node ?? homeNode(spec));

/** Which budget the region with that index is of; without one: those of its instances. */
export const regionTier = (spec: Noded, region_index = 0): Tier =>
  tierOf(regionNode(spec, region_index));

/** Nodes of the host that its regions are bound to, each once. */
export const nodesOf = (spec: Noded): readonly number[] => {
  const far_node = dividedTiers(spec)?.far_node ?? null;
  const all = [homeNode(spec), far_node, ...spec.spans.map((span) => span.host_node)];
  return [...new Set(all.filter((node) => node !== null))];
};

/** Budgets that a launch of one of its VMs takes from: its ordinary memory is of any node. */
export const vmTiers = (spec: Noded): readonly Tier[] => ['host', regionTier(spec)];

/** Whether regions follow instances (true), or are plugged once for ever. */
export function plugsOnDemand(spec: FunctionSpec): boolean {
  return MECHANISMS.get(spec.mechanism).plugs_on_demand;
}

/** Names of the fields in which two specs differ, for the conflict message. */
export function specDifferences(a: FunctionSpec, b: FunctionSpec): string[] {
  const other = new Map<string, unknown>(Object.entries(b));
  return Object.entries(a)
    .filter(([key, value]) => JSON.stringify(value) !== JSON.stringify(other.get(key)))
    .map(([key]) => key);
}
