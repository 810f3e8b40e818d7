/** What a host that misbehaves does with a request of the selftest program. Pure. */
import { seededRandom } from '../../base/random.ts';

export type Mischief =
  | { readonly kind: 'obey' }
  /** Other sizes after the one asked for, each for a while; it comes last again. */
  | {
      readonly kind: 'contradict';
      readonly detours: readonly { readonly share: number; readonly pause_ms: number }[];
    }
  /** A migration runs meanwhile: the device answers every request with BUSY. */
  | { readonly kind: 'refuse'; readonly first: 'size' | 'trouble'; readonly hold_ms: number }
  /** The VM stands still meanwhile. */
  | { readonly kind: 'freeze'; readonly first: 'size' | 'trouble'; readonly hold_ms: number };

/** Out of 100 times that it does not obey; the rest of the time the VM stands still. */
const CONTRADICT = 60;
const REFUSE = 20;
/** A guest reads the size and asks for it within this: another size in between makes a NACK. */
const RACE_MS_MAX = 3;
const LONG_PAUSE_MS_MAX = 30;
const REFUSE_MS_MAX = 150;
const FREEZE_MS_MAX = 60;
const DETOURS_MAX = 3;

/**
 * The mischief for the request with that number, with `percent` of the requests not just obeyed.
 * The same seed gives the same ones.
 */
export function mischiefOf(seed: number, request: number, percent: number): Mischief {
  const random = seededRandom(Math.imul(seed, 0x9e37_79b1) + request);
  const below = (limit: number): number => Math.floor(random() * limit);
  if (below(100) >= percent) return { kind: 'obey' };
  const kind = below(100);
  if (kind < CONTRADICT) {
    const detours = Array.from({ length: 1 + below(DETOURS_MAX) }, () => ({
      share: below(3) === 0 ? 0 : random(),
      pause_ms: random() * (below(2) === 0 ? RACE_MS_MAX : LONG_PAUSE_MS_MAX),
    }));
    return { kind: 'contradict', detours };
  }
  const first = below(2) === 0 ? 'size' : 'trouble';
  if (kind < CONTRADICT + REFUSE) return { kind: 'refuse', first, hold_ms: below(REFUSE_MS_MAX) };
  return { kind: 'freeze', first, hold_ms: below(FREEZE_MS_MAX) };
}
