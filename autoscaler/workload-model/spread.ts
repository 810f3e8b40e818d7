/** What goes where, so that all places have about as much. Pure. */

/**
 * The place of each, from 0 on: those with the most load first, each where there is least so far.
 */
export function spreadByLoad(loads: ArrayLike<number>, places: number): readonly number[] {
  const order = Array.from({ length: loads.length }, (_, one) => one).toSorted(
    (a, b) => (loads[b] ?? 0) - (loads[a] ?? 0) || a - b,
  );
  const has = new Float64Array(places);
  const place_of = order.map(() => 0);
  for (const one of order) {
    const place = has.indexOf(Math.min(...has));
    place_of[one] = place;
    has[place] = (has[place] ?? 0) + (loads[one] ?? 0);
  }
  return place_of;
}
