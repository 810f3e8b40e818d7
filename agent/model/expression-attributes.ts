/**
 * Attributes of a memory expression when its function is deployed: those of a fixed size, or of one
 * that is bounded, stand in its expressions as the most that they may be; those that the payload
 * has become parameters. Pure.
 */
import { type Attribute, attributeUnit } from '../expression/attributes.ts';
import { expressionError } from '../expression/errors.ts';
import type { MemoryInterface } from '../expression/interface.ts';
import { constant, type Polynomial, substitute } from '../expression/polynomial.ts';

type Attributes = ReadonlyMap<string, Attribute>;

/** Throws HP_MUX_INTERFACE for one of which nothing is said. */
export function fixedAmounts(attributes: Attributes): ReadonlyMap<string, Polynomial> {
  const fixed = new Map<string, Polynomial>();
  for (const [name, one] of attributes) {
    if (one.kind === 'payload') continue;
    if (one.kind === 'open') {
      const why = `Nothing is said of the attribute ${name} of memory.expression.`;
      const next = `say under attributes what ${name} is, its max, or where the payload has it.`;
      throw expressionError('HP_MUX_INTERFACE', why, { next });
    }
    fixed.set(name, constant(one.kind === 'value' ? one.value : one.max));
  }
  return fixed;
}

export function sentAttributes(attributes: Attributes) {
  return [...attributes].flatMap(([name, one]) => {
    if (one.kind !== 'payload') return [];
    const { pointer, min = null, max = null } = one;
    const unit = attributeUnit(name) === 'bytes' ? 'B' : null;
    return [{ name, pointer, measure: 'value' as const, unit, min, max }];
  });
}

/** Throws HP_MUX_INTERFACE where an expression falls with one: its most is not the worst then. */
export function withAmounts(
  { peak, consumed, freed }: MemoryInterface['cold'],
  fixed: ReadonlyMap<string, Polynomial>,
): { peak: string; consumed: string; freed: string } {
  const filled = (of: Polynomial): string => {
    const falls = of.terms.find(
      ({ coefficient, text: term }) =>
        coefficient.over < 0n && [...fixed.keys()].some((name) => term.includes(name)),
    );
    if (falls) {
      const why = `An expression falls with ${falls.text}, so that its most is not the worst.`;
      throw expressionError('HP_MUX_INTERFACE', why);
    }
    return substitute(of, (name) => fixed.get(name) ?? null).text;
  };
  return { peak: filled(peak), consumed: filled(consumed), freed: filled(freed) };
}
