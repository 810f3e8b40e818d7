/**
 * Places of functions by owner, application and name: what a map of the three names joined does,
 * without a string of two hundred bytes for each.
 */
import { FIRST_SLOTS, HASH_OFFSET, HASH_PRIME, mixed, roomySlots } from './hash-slots.ts';
import type { MinuteFunction } from './minutes.ts';

type Named = Pick<MinuteFunction, 'owner' | 'app' | 'func'>;

/** Between two names, so that where one ends counts; no character is so large. */
const BORDER = 0x10000;

/** Over a list that only grows: what is added to the list is added here, too. */
export class FunctionIndex {
  readonly #functions: readonly Named[];
  /** Place plus one of each slot; 0: free. */
  #slots = new Uint32Array(FIRST_SLOTS);
  readonly #hashes: number[] = [];

  constructor(functions: readonly Named[]) {
    this.#functions = functions;
  }

  /** Below 0: it was not there, and is to be the last of the list from now on. */
  findOrAdd(one: Named): number {
    const hash = hashOf(one);
    const slot = this.#slotOf(hash, one);
    const found = (this.#slots[slot] ?? 0) - 1;
    if (found >= 0) return found;
    this.#hashes.push(hash);
    this.#slots[slot] = this.#hashes.length;
    this.#slots = roomySlots(this.#slots, this.#hashes);
    return found;
  }

  /** Where it is, or where it belongs. */
  #slotOf(hash: number, { owner, app, func }: Named): number {
    const mask = this.#slots.length - 1;
    for (let slot = hash & mask; ; slot = (slot + 1) & mask) {
      const place = (this.#slots[slot] ?? 0) - 1;
      if (place < 0) return slot;
      if (this.#hashes[place] !== hash) continue;
      const one = this.#functions[place];
      if (one?.func === func && one.app === app && one.owner === owner) return slot;
    }
  }
}

function hashOf({ owner, app, func }: Named): number {
  return mixed(hashText(hashText(hashText(HASH_OFFSET, owner), app), func));
}

function hashText(before: number, text: string): number {
  let hash = before;
  for (let at = 0; at < text.length; at += 1) {
    hash = Math.imul(hash ^ text.charCodeAt(at), HASH_PRIME);
  }
  return Math.imul(hash ^ BORDER, HASH_PRIME);
}
