/** What is called: a function that allocates much, with and without huge pages; real ones. Pure. */

export interface Subject {
  readonly name: string;
  /** Transparent huge pages in its guest. */
  readonly huge: boolean;
  /** The real function that it is, and the size of its input; null: the emulated function. */
  readonly real: { readonly program: string; readonly size: number } | null;
}

export const SUBJECTS: readonly Subject[] = [
  { name: 'touch', huge: false, real: null },
  { name: 'touch-huge', huge: true, real: null },
  { name: 'python', huge: false, real: { program: 'records-python', size: 4_000 } },
  { name: 'node', huge: false, real: { program: 'records-node', size: 20_000 } },
];

/**
 * What a call finds: a region that stands plugged for nobody, in which its instance starts; or an
 * instance that was started ahead, and serves its first call.
 */
export const STARTS = ['plugged', 'warm'] as const;
export type StartKind = (typeof STARTS)[number];
