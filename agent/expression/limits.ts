/** Limits of memory expressions. Pure. */

export const EXPRESSION_LIMITS = {
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
  /** Of a payload that is looked into for one: parsing it holds up everybody else. */
  payload_bytes: 256 * 1024,
} as const;
