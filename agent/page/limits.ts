/** Limits of the page, in a browser that may be open for weeks. Pure. */
export const PAGE_LIMITS = {
  /** Operations, reports and kinds of refusals that are kept. */
  operations: 400,
  reports: 50,
  refusals: 100,
  /** A sample of memory each so often, how many are kept, and functions of one by name. */
  sample_ms: 1_000,
  samples: 600,
  sample_functions: 24,
  /** Functions with a colour of their own; all others share one. */
  colours: 7,
  /** Rows of the table of functions; VMs of the map; operations hop by hop. */
  function_rows: 16,
  vms: 512,
  hop_rows: 16,
  /** Holders of the chosen region; how often they are asked for. */
  tenures: 12,
  lineage_ms: 2_000,
  /** Width of the timeline. */
  timeline_ms: 60_000,
} as const;
