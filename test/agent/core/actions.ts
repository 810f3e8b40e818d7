/** Completes what the core asked for: one of a kind, or all of it. */
import type { Fault, World } from './world.ts';

/** Takes and completes the first pending action of that kind. */
export function complete(world: World, type: string, fault: Fault = 'none'): void {
  const index = world.pendingTypes().findIndex((one) => one.startsWith(type));
  if (index < 0) throw new Error(`no ${type} among ${world.pendingTypes().join(', ')}`);
  world.complete(index, fault);
}

/** Completes whatever is pending until nothing is; never for ever. */
export function finish(world: World, fault: Fault = 'none'): void {
  for (let count = 0; world.pending.length > 0; count += 1) {
    if (count === 1_000) throw new Error(`pending still: ${world.pendingTypes().join(', ')}`);
    world.complete(0, fault);
  }
}
