/**
 * What was stored in each page of a region from its plug to its unplug, and what of it was a
 * clearing: a page is cleared by as many bytes as it has, and the emulated function stores a known
 * number in each page that it touches. Pure.
 */
import { assert } from '../../../base/assert.ts';
import { KIB } from '../../../base/units.ts';

export const PAGE_BYTES = 4 * KIB;
/** Four words of each page that it touches for the first time (guest/workload/anonymous.c). */
export const TOUCH_BYTES = 32;
/** A word of a page that is zero already, so that the host has a page for it. */
const PROBE_BYTES = 8;

/**
 * Between two looks: until a region stands ready, until an instance is, until its first call was
 * answered, until it is gone and nothing is plugged.
 */
export const WINDOWS = ['ahead', 'start', 'call', 'end'] as const;
export type LifeWindow = (typeof WINDOWS)[number];

/** What may be stored in a page beside clearings of it; more than that is a program's own use. */
const BESIDE: Readonly<Record<LifeWindow, readonly number[]>> = {
  ahead: [0, PROBE_BYTES],
  start: [0],
  call: [0, TOUCH_BYTES],
  end: [0],
};

interface WindowCount {
  /** In all pages of the region. */
  stored_bytes: number;
  /** Each as often as it was cleared, but for those of the program's own use. */
  cleared_pages: number;
}

/** One life of a region, from its plug to its unplug. */
export interface LifeCount {
  readonly windows: Readonly<Record<LifeWindow, WindowCount>>;
  /** In which the call stored what it stores in a page that it touches. */
  touched_pages: number;
  /** Cleared again though nobody had used them since. */
  twice_pages: number;
  /** Stack, data and the like: what of it is a clearing cannot be told. */
  own_pages: number;
  own_bytes: number;
}

const none = (): WindowCount => ({ stored_bytes: 0, cleared_pages: 0 });

/** `looks`: bytes stored in each page until then, before the first window and after each. */
export function countLife(looks: readonly Float64Array[]): LifeCount {
  assert(looks.length === WINDOWS.length + 1, 'a look before all windows, and one after each');
  const life = {
    windows: { ahead: none(), start: none(), call: none(), end: none() },
    touched_pages: 0,
    twice_pages: 0,
    own_pages: 0,
    own_bytes: 0,
  };
  const pages = looks[0]?.length ?? 0;
  for (let page = 0; page < pages; page += 1) {
    addPage(
      life,
      WINDOWS.map((_, at) => (looks[at + 1]?.[page] ?? 0) - (looks[at]?.[page] ?? 0)),
    );
  }
  return life;
}

/** `stored`: in this page, by window. */
function addPage(life: LifeCount, stored: readonly number[]): void {
  let cleared_since_use = 0;
  let [is_touched, is_own, is_twice] = [false, false, false];
  for (const [at, window] of WINDOWS.entries()) {
    const bytes = stored[at] ?? 0;
    const rest = bytes % PAGE_BYTES;
    const cleared = (bytes - rest) / PAGE_BYTES;
    life.windows[window].stored_bytes += bytes;
    // As often as a page is touched something is stored on the stack: that may come to whole pages.
    if (!BESIDE[window].includes(rest) || (is_own && bytes > 0 && rest === 0)) {
      is_own = true;
      life.own_bytes += bytes;
      cleared_since_use = 0;
      continue;
    }
    life.windows[window].cleared_pages += cleared;
    cleared_since_use += cleared;
    is_twice ||= cleared_since_use > 1;
    if (rest !== TOUCH_BYTES) continue;
    is_touched = true;
    cleared_since_use = 0;
  }
  if (is_touched) life.touched_pages += 1;
  if (is_own) life.own_pages += 1;
  if (is_twice) life.twice_pages += 1;
}
