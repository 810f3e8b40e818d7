/** How large a region is: all of it, from the start of its holder to its end. Pure. */
import type { Size, SizeView } from '../policy.ts';

export function wholeRegion({ max_bytes, instance }: SizeView): Size | null {
  return instance ? null : { target_bytes: max_bytes, at_ms: null };
}
