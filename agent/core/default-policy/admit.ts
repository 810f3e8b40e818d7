/** Who may wait: everybody, up to the length of the queue, which the core bounds. Pure. */
import type { Admission } from '../policy.ts';

const ADMITTED: Admission = { admit: true };

export function admitAll(): Admission {
  return ADMITTED;
}
