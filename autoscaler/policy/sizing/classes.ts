/**
 * The few sizes that memory is given in. A size is one or several of them: 448 MiB is 256 + 128 +
 * 64, so at most one smallest class is unused inside of it. Pure.
 */
import { assert } from '../../../base/assert.ts';
import { MIB, roundUp } from '../../../base/units.ts';

/** Classes of ReSC (64 MB to 1 GB), in ascending order, each twice the one before. */
export const SIZE_CLASSES: readonly number[] = [64, 128, 256, 512, 1024].map((mib) => mib * MIB);

const SMALLEST_BYTES = 64 * MIB;
assert(SIZE_CLASSES[0] === SMALLEST_BYTES, 'the smallest class comes first');

/** The smallest size, at least one class, that is put together from classes and holds `bytes`. */
export function sizeHolding(bytes: number): number {
  return Math.max(SMALLEST_BYTES, roundUp(bytes, SMALLEST_BYTES));
}

/** The classes a size is put together from, largest first: as few as there can be. */
export function classesOf(bytes: number): number[] {
  const parts: number[] = [];
  let rest_bytes = sizeHolding(bytes);
  for (const class_bytes of SIZE_CLASSES.toReversed()) {
    const count = Math.floor(rest_bytes / class_bytes);
    for (let index = 0; index < count; index += 1) parts.push(class_bytes);
    rest_bytes -= count * class_bytes;
  }
  return parts;
}

/** The largest class that is not above `bytes`; the smallest where all are. */
export function classWithin(bytes: number): number {
  return SIZE_CLASSES.findLast((class_bytes) => class_bytes <= bytes) ?? SMALLEST_BYTES;
}
