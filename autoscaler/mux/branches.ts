/** Paths of a program that begin in one place: each is followed, then both are joined. Pure. */
import { either, type Machine } from './machine.ts';
import {
  add,
  isAtLeast,
  multiply,
  NOTHING,
  type Polynomial,
} from '../../agent/expression/polynomial.ts';
import { type Scope, type Site, type Value } from './values.ts';

interface Path {
  readonly names: readonly (readonly [Scope, Map<string, Value>])[];
  readonly living: ReadonlySet<Site>;
  readonly made: readonly Site[];
  readonly has_left: boolean;
}

/** Each from the same start; then what both left is there, and what the larger one takes. */
export function branches(
  machine: Machine,
  line: number,
  runs: readonly (() => boolean)[],
): boolean {
  const { heap } = machine;
  const scopes = [machine.globals, ...machine.modules.values(), ...machine.scopes];
  const names = (): (readonly [Scope, Map<string, Value>])[] =>
    scopes.map((scope) => [scope, new Map(scope.names)] as const);
  const before = names();
  const living = heap.living();
  let joined: Path | null = null;
  for (const run of runs) {
    restore(before);
    heap.revive(living);
    const known = new Set(heap.sites);
    const has_left = run();
    machine.settle();
    const made = heap.sites.filter((site) => !known.has(site));
    const path: Path = { names: names(), living: heap.living(), made, has_left };
    joined = joined === null ? path : join(machine, line, joined, path);
  }
  if (!joined) return false;
  restore(joined.names);
  heap.revive(joined.living);
  return joined.has_left;
}

function restore(names: Path['names']): void {
  for (const [scope, saved] of names) {
    scope.names.clear();
    for (const [name, value] of saved) scope.names.set(name, value);
  }
}

function join(machine: Machine, line: number, a: Path, b: Path): Path {
  const dropped = new Set(smaller(machine, line, a, b));
  const living = new Set([...a.living, ...b.living].filter((site) => !dropped.has(site)));
  if (dropped.size > 0) machine.heap.forget(dropped);
  const made = [...a.made, ...b.made].filter((site) => !dropped.has(site));
  if (a.has_left !== b.has_left) {
    const { names } = a.has_left ? b : a;
    return { names, living, made, has_left: false };
  }
  const names = a.names.map(([scope, mine], index) => {
    const theirs = b.names[index]?.[1] ?? new Map<string, Value>();
    const both = new Map(mine);
    for (const [name, value] of theirs) {
      const other = both.get(name);
      both.set(name, other ? either(other, value) : value);
    }
    return [scope, both] as const;
  });
  return { names, living, made, has_left: a.has_left };
}

/** Sites of the branch that takes no more than the other; none where that is not to be seen. */
function smaller(machine: Machine, line: number, a: Path, b: Path): readonly Site[] {
  const total = (path: Path, is_live: boolean): Polynomial =>
    path.made
      .filter((site) => !is_live || path.living.has(site))
      .map(({ bytes, times }) => multiply(bytes, times))
      .reduce(add, NOTHING);
  const covers = (x: Path, y: Path): boolean =>
    isAtLeast(total(x, false), total(y, false)) && isAtLeast(total(x, true), total(y, true));
  if (a.made.length === 0 || b.made.length === 0) return [];
  if (covers(a, b)) return b.made;
  if (covers(b, a)) return a.made;
  machine.remark(line, 'two branches are counted together: an upper bound', 'exact');
  return [];
}
