/** Limits of what is read from source. Pure. */

export const MUX_LIMITS = {
  /** Of a source file: the largest of FunctionBench and SeBS has 12,000 characters. */
  source_chars: 1024 * 1024,
  /** Blocks and expressions inside each other. */
  source_depth: 100,
  /** Expressions and statements that are followed in one file; matmul takes 120. */
  steps: 10_000,
  /** Places that take memory, in all rounds. */
  sites: 600,
  /** Functions of the program that call each other. */
  call_depth: 16,
  /** Of those, how often one may be there: `times(n, () => times(n, f))` has two. */
  inside_itself: 3,
  /** Names in a template that is filled in. */
  substitutions: 100,
  /** Lists in each other that an array is made of. */
  dimensions: 8,
  /** Source files in the folder of one, whose imports are followed. */
  files_beside: 200,
  /** Source files that are classified at a time, and folders inside each other. */
  files: 5_000,
  folder_depth: 16,
  /** Measured calls that one fit is made from. */
  points: 10_000,
  /** Products of parameters that are fitted at a time: more cannot be told apart by measuring. */
  products: 8,
} as const;
