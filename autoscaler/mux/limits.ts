/** Limits of memory interfaces. Pure. */

export const MUX_LIMITS = {
  /** Text of one expression; the longest that was extracted so far has 210 characters. */
  expression_chars: 4_096,
  /** Parentheses and calls inside each other. */
  expression_depth: 32,
  /** Monomials of one polynomial: more is no interface anybody could read. */
  terms: 256,
  /** Factors of one monomial. */
  degree: 16,
  /** Of a numerator or denominator: nearly ten times the 53 bits of a size in bytes. */
  coefficient_bits: 512,
  /** Parameters and attributes of one interface. */
  symbols: 64,
  /** Of a source file: the largest of FunctionBench and SeBS has 12,000 characters. */
  source_chars: 1024 * 1024,
  /** Blocks and expressions inside each other. */
  source_depth: 100,
  /** Expressions and statements that are followed in one file; matmul takes 120. */
  steps: 10_000,
  /** Places that take memory, in all rounds. */
  sites: 600,
  /** Functions of the program that call each other. */
  call_depth: 8,
} as const;
