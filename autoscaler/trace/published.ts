/**
 * What is published of the Azure traces, as tables: quantiles and shares that a made trace is drawn
 * from and any trace can be held against. Sources: the released files of 2019 (memory: twelve days
 * counted by this project; others: Shahrad et al., USENIX ATC 2020, and the data set's documents)
 * and published analyses of the file of 2021. Pure.
 */
import type { Quantiles } from './quantiles.ts';

/** Invocations a day of an application of 2019. */
export const APP_INVOCATIONS_A_DAY: Quantiles = [
  [0, 1 / 14],
  [0.139, 1],
  [0.36, 10],
  [0.415, 24],
  [0.468, 48],
  [0.517, 96],
  [0.624, 288],
  [0.819, 1_440],
  [0.93, 1e4],
  [0.979, 1e5],
  [0.995, 1e6],
  [0.999, 5.3e6],
  [1, 1.3e8],
];

/** Functions of an application of 2019. */
export const APP_FUNCTIONS: Quantiles = [
  [0.503, 1],
  [0.724, 2],
  [0.819, 3],
  [0.871, 4],
  [0.906, 5],
  [0.968, 10],
  [0.991, 20],
  [0.9986, 50],
  [0.9998, 100],
  [1, 302],
];

/** Average duration of a function of 2019, ms; 300 s and 600 s are limits of the platform. */
export const FUNCTION_DURATION_MS: Quantiles = [
  [0, 1],
  [0.05, 10],
  [0.1, 20],
  [0.25, 125],
  [0.5, 670],
  [0.75, 3_120],
  [0.9, 16_600],
  [0.95, 42_300],
  [0.99, 223_000],
  [0.995, 300_000],
  [0.999, 600_000],
  [1, 600_000],
];

/** Average memory of an application of 2019, MB. */
export const APP_MEMORY_MB: Quantiles = [
  [0.001, 76],
  [0.01, 91],
  [0.05, 102],
  [0.1, 111],
  [0.2, 117],
  [0.25, 120],
  [0.3, 123],
  [0.4, 130],
  [0.5, 143],
  [0.6, 171],
  [0.7, 183],
  [0.75, 188],
  [0.8, 193],
  [0.85, 200],
  [0.9, 210],
  [0.95, 242],
  [0.98, 335],
  [0.99, 408],
  [0.995, 521],
  [0.999, 887],
  [1, 1_460],
];

/** Largest memory of an application of 2019 on a day (d02), MB; 1536 is the plan's limit. */
export const APP_MEMORY_MOST_MB: Quantiles = [
  [0.01, 94],
  [0.05, 110],
  [0.1, 116],
  [0.2, 133],
  [0.3, 144],
  [0.4, 155],
  [0.5, 181],
  [0.6, 213],
  [0.7, 239],
  [0.8, 276],
  [0.9, 331],
  [0.95, 397],
  [0.99, 908],
  [0.999, 1_534],
  [1, 1_536],
];

/** Each percentile of an application's memory against its own average; at these shares of them. */
export const MEMORY_RATIO_SHARES = [0.05, 0.25, 0.5, 0.75, 0.95, 0.99] as const;
export const MEMORY_RATIOS: Readonly<Record<string, readonly number[]>> = {
  pct1: [0.485, 0.776, 0.856, 0.924, 1, 1],
  pct5: [0.57, 0.866, 0.923, 0.977, 1, 1],
  pct25: [0.815, 0.939, 0.974, 1, 1.009, 1.02],
  pct50: [0.936, 0.986, 1, 1.011, 1.053, 1.138],
  pct75: [1, 1.009, 1.032, 1.071, 1.171, 1.364],
  pct95: [1, 1.031, 1.096, 1.16, 1.418, 1.89],
  pct99: [1.005, 1.048, 1.139, 1.228, 1.605, 2.393],
  pct100: [1.005, 1.059, 1.195, 1.39, 2.067, 3.094],
};

/** Share of the functions of 2019 with each trigger, made to add up to 1. */
export const TRIGGER_SHARES: readonly (readonly [trigger: string, share: number])[] = [
  ['http', 0.4095],
  ['timer', 0.2696],
  ['queue', 0.1428],
  ['orchestration', 0.0776],
  ['others', 0.0541],
  ['event', 0.0246],
  ['storage', 0.0218],
];

/** Coefficient of variation of the gaps between invocations of an application of 2019. */
export const APP_GAP_VARIATION: Quantiles = [
  [0.227, 0],
  [0.32, 0.1],
  [0.49, 0.5],
  [0.62, 1],
  [0.755, 2],
  [0.874, 4],
  [0.955, 10],
  [1, 100],
];

/** Share of all invocations of 2021 that the most invoked applications have together. */
export const TOP_APPS_2021: readonly (readonly [apps: number, share: number])[] = [
  [0, 0],
  [1, 0.27],
  [2, 0.436],
  [5, 0.723],
  [10, 0.839],
  [20, 0.925],
  [50, 0.994],
  [119, 1],
];

/** Durations of 2021 that are not 0, ms. */
export const DURATION_2021_MS: Quantiles = [
  [0, 1],
  [0.335, 10],
  [0.5, 46],
  [0.585, 100],
  [0.862, 1_000],
  [0.9, 2_300],
  [0.95, 19_000],
  [0.99, 78_000],
  [0.999, 260_000],
  [1, 579_000],
];

/** Of the file of 2021. */
export const AZURE_2021 = {
  rows: 1_980_951,
  apps: 119,
  functions: 424,
  days: 14,
  zero_share: 0.0865,
  /** Of the gaps within an application: shorter than 1 s, and longer than a minute. */
  short_gap_share: 0.73,
  long_gap_share: 0.03,
} as const;
