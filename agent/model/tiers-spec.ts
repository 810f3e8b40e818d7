/**
 * Where the memory of each instance lies on two nodes of the host, near and far: the part of a spec
 * that says so, and how many bytes that makes. Pure.
 */
import { z } from 'zod';
import { MEMORY_BLOCK_BYTES, roundUp } from '../../base/units.ts';
import { HOST_NODE_MAX } from '../../hypervisor-client/host/host-nodes.ts';
import { PROTOCOL } from '../../guest/protocol/constants.ts';
import { field, known, message } from './fields.ts';

/** Where latencies come from, as every output says that is made of them. */
const LATENCY_SOURCES = ['measured', 'modelled'] as const;

/** Shares that a choice can have, and words about where its latencies come from. */
export const SHARE_LIMITS = { rows: 64, note_chars: 512, latency_ms: 3_600_000 } as const;

const share = z.number().min(0).max(1);
const latency_ms = z.number().positive().max(SHARE_LIMITS.latency_ms);

const shareLatencySchema = message('ShareLatency', {
  share: field(1, share, 'from 0: none is near, to 1: all is'),
  latency_ms: field(2, latency_ms, 'of a call of an instance with that share'),
});

const shareTableSchema = message(
  'ShareTable',
  {
    slo_ms: field(1, latency_ms, 'what a call may take'),
    source: field(2, z.enum(LATENCY_SOURCES)),
    note: field(3, z.string().max(SHARE_LIMITS.note_chars), 'how, and of which input'),
    rows: field(
      4,
      z
        .array(shareLatencySchema)
        .min(1)
        .max(SHARE_LIMITS.rows)
        .readonly()
        .refine((rows) => new Set(rows.map((row) => row.share)).size === rows.length, {
          error: 'has a share twice',
        }),
    ),
  },
  'What calls take with each share of memory that is near: what a share is chosen from.',
);
export type ShareTable = Readonly<z.infer<typeof shareTableSchema>>;

/**
 * A share that is chosen is chosen anew at the end of a call, by mechanism `hotmem` alone: there
 * unused memory changes its tier without a page moved. A node of a guest (`numa`) promises no such
 * thing, and its instances stay as they began.
 */
export const tiersSpecSchema = message(
  'TiersSpec',
  {
    far_node: field(
      1,
      z.number().int().min(0).max(HOST_NODE_MAX),
      'NUMA node of the host that the far part comes from',
    ),
    share: field(
      2,
      known(share),
      'of each instance that is near; absent: chosen at each start, and anew when a call has ended',
    ),
    table: field(3, known(shareTableSchema), 'what it is chosen from; absent: it is not chosen'),
  },
  'Each instance has a part of its memory near and the rest far, in pages by turns.',
);
export type TiersSpec = Readonly<z.infer<typeof tiersSpecSchema>>;

/** What of an instance is near, and what is far. */
export interface Parts {
  readonly near_bytes: number;
  readonly far_bytes: number;
}

/** Of a block: shares are decimal, and a third of three is one. */
const ROUNDING = 1e-9;

/** So many bytes in two parts, each in whole memory blocks: no less is near than was asked for. */
export function splitBytes(bytes: number, near_share: number): Parts {
  const blocks = Math.ceil((bytes / MEMORY_BLOCK_BYTES) * near_share - ROUNDING);
  const near_bytes = Math.min(bytes, Math.max(0, blocks) * MEMORY_BLOCK_BYTES);
  return { near_bytes, far_bytes: bytes - near_bytes };
}

/** What of a spec says where the memory of its instances is. */
interface Placed {
  readonly limit_bytes: number;
  readonly host_node: number | null;
  readonly tiers: TiersSpec | null;
}

/** The parts of every instance; null: its spec has no one share. */
const fixedParts = ({ tiers, limit_bytes }: Omit<Placed, 'host_node'>): Parts | null => {
  const { share: fixed = null } = tiers ?? {};
  return fixed === null ? null : splitBytes(roundUp(limit_bytes, MEMORY_BLOCK_BYTES), fixed);
};

/**
 * The tiers of a spec whose instances can have two regions; null also where its share puts all of
 * each on one node, which is an ordinary instance of that node.
 */
export function dividedTiers(spec: Omit<Placed, 'host_node'>): TiersSpec | null {
  const parts = fixedParts(spec);
  return parts && (parts.near_bytes === 0 || parts.far_bytes === 0) ? null : spec.tiers;
}

/** The node of the host that its instances start on; null: any. */
export const homeNode = (spec: Placed): number | null =>
  spec.tiers && fixedParts(spec)?.near_bytes === 0 ? spec.tiers.far_node : spec.host_node;

/** Whether an instance of so many bytes can be on both nodes at once. */
export const mayDivide = (bytes: number, tiers: TiersSpec): boolean =>
  sharesOf(tiers).some((one) => {
    const { near_bytes, far_bytes } = splitBytes(bytes, one);
    return near_bytes > 0 && far_bytes > 0;
  });

/** Shares that its instances can have. */
const sharesOf = ({ share: fixed, table }: TiersSpec): readonly number[] =>
  fixed === null ? (table?.rows ?? []).map((row) => row.share) : [fixed];

/** The most that either part of so many bytes can be, whatever share is chosen. */
export function largestParts(bytes: number, tiers: TiersSpec): Parts {
  let [near_bytes, far_bytes] = [0, 0];
  for (const one of sharesOf(tiers)) {
    const parts = splitBytes(bytes, one);
    near_bytes = Math.max(near_bytes, parts.near_bytes);
    far_bytes = Math.max(far_bytes, parts.far_bytes);
  }
  return { near_bytes, far_bytes };
}

/** By turns so many pages are near, and so many far. */
export interface Weights {
  readonly near_weight: number;
  readonly far_weight: number;
}

/** The weights by which pages of both parts are used up alike; neither part is nothing. */
export function weightsOf({ near_bytes, far_bytes }: Parts): Weights {
  const [near, far] = [near_bytes / MEMORY_BLOCK_BYTES, far_bytes / MEMORY_BLOCK_BYTES];
  const by = Math.max(greatestDivisor(near, far), Math.max(near, far) / PROTOCOL.node_weight_max);
  const weight = (blocks: number): number =>
    Math.min(PROTOCOL.node_weight_max, Math.max(1, Math.round(blocks / by)));
  return { near_weight: weight(near), far_weight: weight(far) };
}

const greatestDivisor = (a: number, b: number): number => (b < 1 ? a : greatestDivisor(b, a % b));
