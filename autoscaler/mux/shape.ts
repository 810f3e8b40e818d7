/**
 * The shape of a size: the products of parameters that it rises with, without what stands before
 * them. What is in data or was not followed stands for some number; of a max every part counts.
 * Pure.
 */
import { parseExpression } from '../../agent/expression/expression.ts';
import {
  constant,
  multiply,
  type Polynomial,
  raise,
  symbol,
} from '../../agent/expression/polynomial.ts';

/** Products of parameters, printed as expressions are; the constant is always there, untold. */
export function shapeOf(of: Polynomial, isParameter: (name: string) => boolean): string[] {
  const found = new Set<string>();
  for (const one of productsOf(of, isParameter)) found.add(one.text);
  found.delete(constant(1).text);
  return [...found].toSorted();
}

function productsOf(of: Polynomial, isParameter: (name: string) => boolean): Polynomial[] {
  return of.terms.flatMap(({ factors }) => {
    let products = [constant(1)];
    for (const { atom, power } of factors) {
      const parts = atom.kind === 'symbol' ? [partOf(atom.name, isParameter)] : inner(atom.of);
      products = products.flatMap((one) => parts.map((part) => multiply(one, raise(part, power))));
    }
    return products;
  });

  function inner(all: readonly Polynomial[]): Polynomial[] {
    return all.flatMap((one) => [constant(1), ...productsOf(one, isParameter)]);
  }
}

const partOf = (name: string, isParameter: (name: string) => boolean): Polynomial =>
  isParameter(name) ? symbol(name) : constant(1);

/** The same of a text as `--shape` has it: `n*n + m`. Throws HP_MUX_SYNTAX. */
export function shapeOfText(text: string, names: readonly string[]): string[] {
  const lookup = (name: string): 'count' | null => (names.includes(name) ? 'count' : null);
  return shapeOf(parseExpression(text, lookup), () => true);
}
