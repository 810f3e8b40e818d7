/** A resize that ended before anything was asked of the VMM. */
import type { ResizeResult } from '../vm.ts';

/** Of a request whose turn did not come before its deadline. Pure. */
export function unasked(
  request: {
    readonly region_id: string;
    readonly target_bytes: number;
    /** What is known of the region, else the most it may have. */
    readonly before_bytes: number;
    readonly requested_at_ms: number;
  },
  by: { readonly now_ms: number; readonly where: string },
): ResizeResult {
  const { region_id, target_bytes, before_bytes, requested_at_ms } = request;
  const waited_ms = by.now_ms - requested_at_ms;
  return {
    region_id,
    outcome: 'refused',
    before_bytes,
    requested_bytes: target_bytes,
    plugged_bytes: before_bytes,
    resident_before_bytes: null,
    resident_bytes: null,
    requested_at_ms,
    waited_ms,
    accepted_at_ms: null,
    plugged_at_ms: null,
    resident_at_ms: null,
    nudges: 0,
    error_code: 'HP_VMM_BUSY',
    reason: `Other regions of ${by.where} were being resized for all of ${Math.round(waited_ms)} ms.`,
  };
}
