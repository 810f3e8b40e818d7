/** `hotplane mux fit`: coefficients of a shape, from what was measured. */
import { parseExpression } from '../../agent/expression/expression.ts';
import type { Polynomial } from '../../agent/expression/polynomial.ts';
import { muxError } from './errors.ts';
import { fitShape, type MeasuredCall } from './fit.ts';
import { fitJson, renderFit } from './fit-report.ts';
import { MUX_LIMITS } from './limits.ts';
import { shapeOf, shapeOfText } from './shape.ts';
import { type ExtractOptions, extractSource } from './source.ts';

/** Products of parameters, and where each parameter lies in the payload. */
export interface Shape {
  readonly products: readonly string[];
  readonly pointers: ReadonlyMap<string, string>;
}

/** Throws HP_MUX_SOURCE, HP_MUX_ENTRY, HP_MUX_SHAPE. */
export function shapeOfSource(path: string, source: string, options: ExtractOptions): Shape {
  const { cold, symbols } = extractSource(path, source, options);
  const pointers = new Map(
    symbols.flatMap(({ name, meaning }) =>
      meaning.kind === 'parameter' ? [[name, meaning.pointer] as const] : [],
    ),
  );
  return shapeFrom(cold.peak, pointers);
}

/** Of an expression that is deployed. Throws HP_MUX_SYNTAX, HP_MUX_SHAPE. */
export function shapeOfExpression(peak: string, pointers: ReadonlyMap<string, string>): Shape {
  return shapeFrom(parseExpression(peak), pointers);
}

/** As it was written; a parameter lies under its name. Throws HP_MUX_SYNTAX, HP_MUX_SHAPE. */
export function shapeAsWritten(
  text: string,
  points: readonly MeasuredCall[],
  pointers: ReadonlyMap<string, string> = new Map(),
): Shape {
  const names = Object.keys(points[0]?.inputs ?? {});
  const products = shapeOfText(text, names);
  const used = names.filter((name) => products.some((one) => namesIn(one).includes(name)));
  const where = used.map((name) => [name, pointers.get(name) ?? `/${name}`] as const);
  return checked({ products, pointers: new Map(where) });
}

function shapeFrom(of: Polynomial, pointers: ReadonlyMap<string, string>): Shape {
  const products = shapeOf(of, (name) => pointers.has(name));
  const isUsed = (name: string): boolean => products.some((one) => namesIn(one).includes(name));
  return checked({ products, pointers: new Map([...pointers].filter(([name]) => isUsed(name))) });
}

const namesIn = (product: string): string[] =>
  product.split('*').map((one) => one.replace(/\^\d+$/, ''));

function checked(shape: Shape): Shape {
  const count = shape.products.length;
  if (count === 0) throw muxError('HP_MUX_SHAPE', 'No parameter of the payload is in the size.');
  if (count <= MUX_LIMITS.products) return shape;
  const message = `The shape has ${count} products; ${MUX_LIMITS.products} are the most.`;
  throw muxError('HP_MUX_SHAPE', message);
}

export interface FitCommandInput {
  /** A file or a function, for people. */
  readonly of: string;
  readonly shape: Shape;
  readonly points: readonly MeasuredCall[];
  readonly json: boolean;
  readonly stdout: { write(text: string): unknown };
}

/** Throws HP_MUX_POINTS. */
export function runFitCommand({ of, shape, points, json, stdout }: FitCommandInput): void {
  const { products, pointers } = shape;
  const fit = fitShape(products, points);
  const fitted = { of, shape: products, pointers, points, fit };
  stdout.write(json ? fitJson(fitted) : renderFit(fitted));
}
