/** The HotMem (Squeezy) paper's experiment under a memory cap: published beside ours. Pure. */

/** arXiv 2411.12893v2, figure 10: p99 against abundant memory, and GiB·s. */
const PUBLISHED = {
  abundant: [1, 8_220],
  'virtio-mem': [3.15, 6_459],
  harvest: [1.36, 6_780],
  hotmem: [1.1, 3_706],
} as const;

export type PaperWay = keyof typeof PUBLISHED;

/** In the order of the paper. */
export const PAPER_WAYS = ['abundant', 'virtio-mem', 'harvest', 'hotmem'] as const;

export interface PaperRow {
  readonly way: PaperWay;
  /** 99th percentile of the latency, against abundant; null: not known. */
  readonly p99_against_abundant: number | null;
  readonly gib_s: number | null;
  readonly gib_s_against_abundant: number | null;
  readonly published_p99: number;
  readonly published_gib_s: number;
}

/** One way's figures beside what is published of it. */
export function paperRow(
  way: PaperWay,
  ours: Pick<PaperRow, 'p99_against_abundant' | 'gib_s'>,
  abundant_gib_s: number | null,
): PaperRow {
  const [published_p99, published_gib_s] = PUBLISHED[way];
  const { gib_s } = ours;
  const gib_s_against_abundant =
    gib_s === null || abundant_gib_s === null || abundant_gib_s <= 0
      ? null
      : gib_s / abundant_gib_s;
  return { way, ...ours, gib_s_against_abundant, published_p99, published_gib_s };
}

export function renderPaperRows(rows: readonly PaperRow[]): string {
  const lines = rows.map((row) =>
    [
      row.way.padEnd(12),
      told(row.p99_against_abundant, 2).padStart(8),
      told(row.published_p99, 2).padStart(10),
      told(row.gib_s, 0).padStart(9),
      told(row.published_gib_s, 0).padStart(10),
      told(row.gib_s_against_abundant, 3).padStart(11),
      told(row.published_gib_s / PUBLISHED.abundant[1], 3).padStart(10),
    ].join(''),
  );
  return `              p99 of abundant          GiB·s            of abundant
                  ours published     ours published       ours published
${lines.join('\n')}
`;
}

function told(value: number | null, digits: number): string {
  return value === null ? '-' : value.toFixed(digits);
}
