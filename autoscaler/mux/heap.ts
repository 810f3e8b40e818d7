/**
 * The memory of a program that is being read: sites, how many of each live, the largest sum of what
 * lived at a time. What nothing reaches any more is dead, as reference counting has it. Pure.
 */
import {
  add,
  constant,
  largest,
  multiply,
  NOTHING,
  type Polynomial,
  subtract,
} from '../../agent/expression/polynomial.ts';
import type { Certainty, Site, Value } from './values.ts';

/** A loop that is being read: how often it runs, and whether this is its second round. */
interface Round {
  readonly count: Polynomial;
  readonly is_repeat: boolean;
}

export interface SiteFacts {
  readonly line: number;
  readonly file: string | null;
  readonly what: string;
  readonly source: string;
  readonly certainty: Certainty;
}

export class Heap {
  readonly sites: Site[] = [];
  readonly rounds: Round[] = [];
  #live: Polynomial = NOTHING;
  #peak: Polynomial = NOTHING;
  #kept = new Map<string, Site>();

  get live(): Polynomial {
    return this.#live;
  }

  get peak(): Polynomial {
    return this.#peak;
  }

  /** Whether a loop is in its second round, whose growth the first one counted already. */
  get is_repeat(): boolean {
    return this.rounds.some(({ is_repeat }) => is_repeat);
  }

  /** Whether one of the loops from `depth` on is in its second round. */
  isRepeatSince(depth: number): boolean {
    return this.rounds.slice(depth).some(({ is_repeat }) => is_repeat);
  }

  allocate(bytes: Polynomial, facts: SiteFacts): Site | null {
    if (bytes === NOTHING) return null;
    const { is_repeat } = this;
    const known = is_repeat ? this.#kept.get(keyOf(facts)) : undefined;
    // What something inside of the loop keeps is made again in its second round.
    const outside = this.rounds.findIndex((round) => round.is_repeat);
    if (known?.is_live && known.depth <= outside) return known;
    const depth = this.rounds.length;
    const times = constant(1);
    const site: Site = { ...facts, bytes, times, depth, is_live: true, is_repeat };
    this.sites.push(site);
    this.#grow(bytes);
    return site;
  }

  /** Something that is there for a moment only, on top of what lives. */
  touch(bytes: Polynomial): void {
    this.#peak = largest([this.#peak, add(this.#live, bytes)]);
  }

  /** One of `depth` loops keeps what was made further inside: as often as those in between run. */
  keep(value: Value, depth: number): void {
    for (const site of sitesOf([value])) {
      if (site.depth <= depth || !site.is_live) continue;
      const between = this.rounds.slice(depth, site.depth);
      const times = between.reduce((all, { count }) => multiply(all, count), site.times);
      this.#live = subtract(this.#live, multiply(site.bytes, site.times));
      site.times = times;
      site.depth = depth;
      this.#grow(multiply(site.bytes, times));
      this.#kept.set(keyOf(site), site);
    }
  }

  /** One of `depth` loops stands for all of it that is made further inside: it is there once. */
  lift(site: Site, depth: number): void {
    if (site.depth <= depth) return;
    site.depth = depth;
    this.#kept.set(keyOf(site), site);
  }

  /** One of `depth` loops keeps the last of what each round makes; the one before dies with it. */
  replace(value: Value, depth: number): void {
    for (const site of sitesOf([value])) site.depth = Math.min(site.depth, depth);
  }

  /** What was made for one of `count`, inside of `from` loops, is there for all of them at once. */
  gather(value: Value, from: number, count: Polynomial, depth: number): void {
    for (const site of sitesOf([value])) {
      if (site.depth <= from || !site.is_live) continue;
      this.#live = subtract(this.#live, multiply(site.bytes, site.times));
      site.times = multiply(site.times, count);
      site.depth = depth;
      this.#grow(multiply(site.bytes, site.times));
    }
  }

  /** How often something outside the loops from `depth` on is grown from here. */
  timesSince(depth: number): Polynomial {
    const inside = this.rounds.slice(depth);
    return inside.reduce((all, { count }) => multiply(all, count), constant(1));
  }

  /** A list of it grew in place. */
  resize(site: Site, bytes: Polynomial): void {
    if (!site.is_live) return;
    this.#live = subtract(this.#live, multiply(site.bytes, site.times));
    site.bytes = bytes;
    this.#grow(multiply(bytes, site.times));
  }

  /** Whatever `roots` do not reach is dead from here. */
  sweep(roots: Iterable<Value>): void {
    const reached = sitesOf(roots);
    for (const site of this.sites) {
      if (!site.is_live || reached.has(site)) continue;
      site.is_live = false;
      this.#live = subtract(this.#live, multiply(site.bytes, site.times));
    }
  }

  /** Sites that live now; a branch of a program puts them back for the other one. */
  living(): ReadonlySet<Site> {
    return new Set(this.sites.filter(({ is_live }) => is_live));
  }

  revive(living: ReadonlySet<Site>): void {
    this.#live = NOTHING;
    for (const site of this.sites) {
      site.is_live = living.has(site);
      if (site.is_live) this.#live = add(this.#live, multiply(site.bytes, site.times));
    }
  }

  /** Takes out what a branch made, where the other one makes at least as much. */
  forget(sites: ReadonlySet<Site>): void {
    for (const site of sites) site.is_live = false;
    const rest = this.sites.filter((site) => !sites.has(site));
    this.sites.splice(0, this.sites.length, ...rest);
    this.revive(this.living());
  }

  /** Forgets what is there: from here a call is counted alone. */
  startCall(): void {
    for (const site of this.sites) site.is_live = false;
    this.sites.length = 0;
    this.#kept.clear();
    this.#live = NOTHING;
    this.#peak = NOTHING;
  }

  #grow(bytes: Polynomial): void {
    this.#live = add(this.#live, bytes);
    this.#peak = largest([this.#peak, this.#live]);
  }
}

/** Every site that some values reach. */
function sitesOf(roots: Iterable<Value>): ReadonlySet<Site> {
  const sites = new Set<Site>();
  const seen = new Set<Value>();
  const open = [...roots];
  for (let value = open.pop(); value; value = open.pop()) {
    if (seen.has(value)) continue;
    seen.add(value);
    if (value.site) sites.add(value.site);
    open.push(...value.holds);
    if (value.kind === 'method') open.push(value.of);
    if (value.kind === 'list')
      open.push(...(value.items ?? []), ...(value.element ? [value.element] : []));
    if (value.kind === 'record') open.push(...value.entries.values());
    if (value.kind === 'function') {
      if (value.self) open.push(value.self);
      // What a function closes over lives as long as it does.
      for (let scope = value.scope; scope?.outer; scope = scope.outer)
        open.push(...scope.names.values());
    }
  }
  return sites;
}

function keyOf({ line, file, what }: Pick<SiteFacts, 'line' | 'file' | 'what'>): string {
  return `${file ?? ''} ${line} ${what}`;
}
