/**
 * What other policies would have made of the same calls, beside what was metered, `static` and the
 * oracle. Who plays them is given: a ledger knows no simulator. Pure.
 */
import type { Metered } from './meter.ts';
import type { Prices, WhatIf } from './prices.ts';

/** What a policy came to, simulated. */
export interface PolicyOutcome {
  readonly host: string;
  readonly function: string;
  readonly policy: string;
  /** Of regions, from the decision to plug to the end of the unplug. */
  readonly gib_s: number;
  readonly starts: number;
  /** Calls that waited for a start. */
  readonly cold: number;
}

export interface PolicyCost {
  readonly host: string;
  readonly function: string;
  /** A policy, or `measured`, `static`, `oracle`. */
  readonly policy: string;
  readonly is_simulated: boolean;
  readonly gib_s: number;
  /** Null: it is not counted. */
  readonly starts: number | null;
  readonly cold: number | null;
  /** Null: there are no prices. */
  readonly cost: number | null;
}

/**
 * Of each function: measured, all others, and the bound below. All its region memory costs what is
 * guaranteed does, a start two operations, and boot memory what it did.
 */
export function policyCosts(
  rows: readonly Metered[],
  what_if: readonly WhatIf[],
  outcomes: readonly PolicyOutcome[],
  prices: Prices | null,
): PolicyCost[] {
  return rows.flatMap((row, index) => {
    const { host, function: name, plugs } = row;
    const cost = (gib_s: number, operations: number): number | null => {
      if (!prices) return null;
      const { guaranteed, boot, operation = 0 } = prices;
      return gib_s * guaranteed + row.boot_gib_s * boot + operations * operation;
    };
    const { as_it_was_gib_s = 0, static_gib_s = 0, oracle_gib_s = 0 } = what_if[index] ?? {};
    const about = { host, function: name, is_simulated: false, starts: null, cold: null };
    const own = outcomes.filter((one) => one.host === host && one.function === name);
    return [
      {
        ...about,
        policy: 'measured',
        gib_s: as_it_was_gib_s,
        starts: plugs,
        cost: cost(as_it_was_gib_s, plugs + row.unplugs),
      },
      { ...about, policy: 'static', gib_s: static_gib_s, cost: cost(static_gib_s, 0) },
      ...own.map((one) => ({
        ...one,
        is_simulated: true,
        cost: cost(one.gib_s, 2 * one.starts),
      })),
      { ...about, policy: 'oracle', gib_s: oracle_gib_s, cost: cost(oracle_gib_s, 0) },
    ];
  });
}

export function policyCostsText(
  costs: readonly PolicyCost[],
  prices: Prices | null,
  denied: number,
): string {
  const head = ['function', 'policy', 'GiB s', 'of measured', 'starts', 'cold'];
  const all = [
    [...head, ...(prices ? [prices.currency] : [])],
    ...costs.map((one) => {
      const { host, function: name } = one;
      const measured = costs.find(
        (other) => other.policy === 'measured' && other.host === host && other.function === name,
      );
      const share = measured && measured.gib_s > 0 ? one.gib_s / measured.gib_s : null;
      return [
        `${host} ${name}`,
        one.policy,
        one.gib_s.toFixed(3),
        share === null ? '-' : `${(100 * share).toFixed(1)} %`,
        one.starts === null ? '-' : String(one.starts),
        one.cold === null ? '-' : String(one.cold),
        ...(one.cost === null ? [] : [one.cost.toFixed(6)]),
      ];
    }),
  ];
  const widths = (all[0] ?? []).map((_, at) => Math.max(...all.map((row) => row[at]?.length ?? 0)));
  const lines = all.map((row) =>
    row
      .map((cell, at) => (at < 2 ? cell.padEnd(widths[at] ?? 0) : cell.padStart(widths[at] ?? 0)))
      .join('  '),
  );
  const left_out = denied === 0 ? '' : `; calls that were denied are in none: ${denied}`;
  return (
    `\nthe same calls under other policies, simulated with the recorded times of plug, unplug, ` +
    `start and stop${left_out}\n${lines.join('\n')}\n`
  );
}
