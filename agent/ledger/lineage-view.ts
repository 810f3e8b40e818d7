/** Who had a region, from the newest part of the ledger: short enough for a page to ask often. */
import { isHotplaneError } from '../../base/errors.ts';
import type { LedgerGraph } from '../../ledger/graph.ts';
import { lineageOf, type Tenure } from '../../ledger/lineage.ts';
import { AGENT_LIMITS } from '../limits.ts';
import type { Lineage, LineageTenure } from '../model/lineage.ts';

/** `graph` null: there is no ledger. Pure. */
export function lineageView(graph: LedgerGraph | null, region_id: string, now_ms: number): Lineage {
  const tenures = graph ? tenuresOf(graph, region_id) : [];
  return {
    region_id,
    is_kept: graph !== null,
    now_ms,
    since_ms: graph?.entries[0]?.wall_ms ?? null,
    tenures_count: tenures.length,
    tenures: tenures.slice(-AGENT_LIMITS.lineage_tenures).map(shortened),
  };
}

function tenuresOf(graph: LedgerGraph, region_id: string): Tenure[] {
  try {
    return lineageOf(graph, region_id);
  } catch (error) {
    // A region that had nobody for so long is none that is wrong.
    if (isHotplaneError(error) && error.code === 'HP_LEDGER_UNKNOWN') return [];
    throw error;
  }
}

function shortened(tenure: Tenure): LineageTenure {
  const { seq, instance_id, from_ms, gone_ms, plugged_bytes, handover, disagreement } = tenure;
  return {
    seq,
    function: tenure.function,
    instance_id,
    from_ms,
    gone_ms,
    emptied_ms: tenure.emptied?.at_ms ?? null,
    plugged_bytes,
    left_vmm_bytes: tenure.emptied?.vmm_bytes ?? null,
    left_guest_bytes: tenure.guest_bytes,
    left_host_bytes: tenure.discarded?.host_bytes ?? null,
    disagreement,
    handover,
    runs_count: tenure.runs.length,
    runs: tenure.runs.slice(-AGENT_LIMITS.lineage_runs).map((run) => {
      const { invocation_id, peer, reuse_seq, began_ms, ended_ms, outcome } = run;
      return { seq: run.seq, invocation_id, peer, reuse_seq, began_ms, ended_ms, outcome };
    }),
  };
}
