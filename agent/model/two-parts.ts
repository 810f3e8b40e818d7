/** Why no function can have its memory in two tiers as its spec says. Pure. */
import { LIMITS } from '../../base/limits.ts';
import { formatBytes, MEMORY_BLOCK_BYTES } from '../../base/units.ts';
import { MECHANISMS } from './mechanism.ts';
import { type Refusal, refusal } from './refusals.ts';
import { type FunctionSpec, regionBytes, regionsPerVm } from './spec.ts';
import type { TiersSpec } from './tiers-spec.ts';

/** Null: it can, or all of its memory is on one node. */
export function refuseTiers(spec: FunctionSpec): Refusal | null {
  const why = spec.tiers && whyNoTiers(spec, spec.tiers);
  return why === null ? null : noTiers(spec.name, why);
}

export const noTiers = (name: string, why: string): Refusal =>
  refusal('HP_AGENT_NO_TIERS', `'${name}' cannot have memory in two tiers: ${why}.`);

function whyNoTiers(spec: FunctionSpec, tiers: TiersSpec): string | null {
  const { mechanism, host_node, memory, spans } = spec;
  const { partitions, node_per_region } = MECHANISMS.get(mechanism);
  if (!partitions && !node_per_region) {
    return `mechanism '${mechanism}' gives an instance no memory of its own; hotmem and numa do`;
  }
  if (memory !== null) return 'its memory is to follow its use, and the parts have one size';
  if (spans.length > 0) return 'it has spans, and beside an instance there is one kind of region';
  if (host_node === tiers.far_node) return `both parts are on host node ${host_node}`;
  if ((tiers.share === null) === (tiers.table === null)) {
    return 'it has one share, or a table of latencies to choose one from, and never both';
  }
  return whyNoShare(spec, tiers) ?? tooMany(spec);
}

function whyNoShare(spec: FunctionSpec, { share, table }: TiersSpec): string | null {
  const bytes = regionBytes(spec);
  if (share !== null && share > 0 && share < 1 && bytes <= MEMORY_BLOCK_BYTES) {
    return `${formatBytes(bytes)} are one block of its guest, which no share divides`;
  }
  // What nobody could keep would be chosen at every start.
  return table && table.rows.every(({ latency_ms }) => latency_ms > table.slo_ms)
    ? `no share of its table keeps ${table.slo_ms} ms`
    : null;
}

function tooMany(spec: FunctionSpec): string | null {
  const regions = regionsPerVm(spec);
  return regions <= LIMITS.regions_per_vm
    ? null
    : `its instances have ${regions} regions in two tiers, and a VM has at most ` +
        `${LIMITS.regions_per_vm}`;
}
