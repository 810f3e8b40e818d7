/**
 * The memory interface of a function: what a call consumes, frees and holds at most, as expressions
 * in parameters of its payload. Evaluated for a payload to size its instance; bounded over declared
 * ranges for admission. A payload is the word of a stranger: whatever it says, an answer lies
 * within the bounds or there is none. Pure.
 */
import { z } from 'zod';
import { isObject } from '../../base/json.ts';
import { parseBytes } from '../../base/units.ts';
import { type Attribute, attributeOf, attributeSchema, attributeUnit } from './attributes.ts';
import { intervalOf, evaluate, type Interval } from './bounds.ts';
import { expressionError } from './errors.ts';
import { parseExpression, sizeofValues, UNIT_BYTES } from './expression.ts';
import { EXPRESSION_LIMITS } from './limits.ts';
import { add, NOTHING, type Polynomial, symbolsOf } from './polynomial.ts';
import {
  ceilRational,
  compareOf,
  numberOfRational,
  printRational,
  type Rational,
  rational,
  rationalOf,
  timesOf,
} from './rational.ts';

const pointer = z.string().regex(/^(\/([^~]|~[01])*)?$/, 'a JSON pointer (RFC 6901): /n, /a/b');
const bound = z.number().refine(Number.isFinite, 'a finite number');

const parameterSchema = z.strictObject({
  pointer,
  /** The number that is there, or how long the text or list is. */
  measure: z.enum(['value', 'length']).default('value'),
  /** What one of the number is; without it the number counts things. */
  unit: z.enum(['B', 'KiB', 'MiB', 'GiB']).optional(),
  min: bound.optional(),
  max: bound.optional(),
});

const expressionsSchema = z.strictObject({
  consumed: z.string().optional(),
  freed: z.string().optional(),
  peak: z.string(),
});

/** `memory.expression` of a function's definition. */
export const memoryExpressionSchema = expressionsSchema.extend({
  /** By name: a JSON pointer into the payload, or more about it. */
  parameters: z.record(z.string(), z.union([pointer, parameterSchema])).default({}),
  /** Sizes that the platform knows and the payload does not: `size(object.key)`. */
  attributes: z.record(z.string(), attributeSchema).default({}),
  /** What is there without a call: runtime and libraries; bytes or `34MiB`. */
  base: z.union([z.number(), z.string()]).default(0),
  /** A call of a warm instance, where it differs from the first. */
  warm: expressionsSchema.optional(),
  /** Share of the measured peak by which a call may differ before history is gone by. */
  tolerance: z.number().min(0).max(10).optional(),
});

export type CallPhase = 'cold' | 'warm';

interface Expressions {
  readonly consumed: Polynomial;
  readonly freed: Polynomial;
  readonly peak: Polynomial;
}

interface Parameter {
  readonly pointer: string;
  readonly measure: 'value' | 'length';
  readonly unit_bytes: number | null;
  readonly range: Interval | null;
}

/** A memory interface that was read and checked. */
export interface MemoryInterface {
  readonly parameters: ReadonlyMap<string, Parameter>;
  /** Attributes with their ranges, where they are declared. */
  readonly attributes: ReadonlyMap<string, Interval | null>;
  readonly base_bytes: number;
  readonly cold: Expressions;
  readonly warm: Expressions;
}

/** Whole bytes, rounded up; `peak_bytes` has the base in it. */
export interface MemorySizes {
  readonly consumed_bytes: number;
  readonly freed_bytes: number;
  readonly peak_bytes: number;
}

/** Throws HP_MUX_INTERFACE, HP_MUX_SYNTAX, HP_MUX_UNIT, HP_MUX_OVERFLOW. */
export function readInterface(block: unknown): MemoryInterface {
  const read = memoryExpressionSchema.safeParse(block);
  if (!read.success) {
    const [issue] = read.error.issues;
    const where = issue?.path.join('.') ?? '';
    throw notOne(`memory.expression${where ? ` at ${where}` : ''}: ${issue?.message}.`);
  }
  const { data } = read;
  const parameters = new Map<string, Parameter>();
  for (const [name, given] of Object.entries(data.parameters)) {
    parameters.set(name, parameterOf(name, given));
  }
  const attributes = new Map<string, Interval | null>();
  for (const [name, given] of Object.entries(data.attributes)) {
    const one = attributeOf(name, given);
    if (one.kind === 'payload') {
      const { pointer: at, min, max } = one;
      const range = rangeOf(name, min, max, 1);
      const unit_bytes = attributeUnit(name) === 'bytes' ? 1 : null;
      parameters.set(name, { pointer: at, measure: 'value', unit_bytes, range });
    } else attributes.set(name, rangeOfAttribute(name, one));
  }
  const count = parameters.size + attributes.size;
  if (count > EXPRESSION_LIMITS.symbols) {
    throw notOne(
      `An interface has ${count} parameters; ${EXPRESSION_LIMITS.symbols} are the most.`,
    );
  }
  const base_bytes = typeof data.base === 'string' ? parseBytes(data.base) : data.base;
  if (base_bytes === null || !Number.isSafeInteger(base_bytes) || base_bytes < 0) {
    throw notOne(`base is ${data.base}, which is no size like 34MiB.`);
  }
  const cold = expressionsOf(data, parameters, attributes);
  const warm = data.warm ? expressionsOf(data.warm, parameters, attributes) : cold;
  return { parameters, attributes, base_bytes, cold, warm };
}

/**
 * Sizes of one call. Throws HP_MUX_PARAMETER for a payload without what is asked for or outside a
 * declared range, HP_MUX_OVERFLOW for a size below 0 or beyond what is counted with.
 */
export function sizesFor(
  of: MemoryInterface,
  payload: unknown,
  attributes: Readonly<Record<string, number>> = {},
  phase: CallPhase = 'cold',
): MemorySizes {
  const values = new Map([...sizeofValues(), ...inputsOf(of, payload, phase)]);
  const used = usedSymbols(of[phase]);
  for (const [name, range] of of.attributes) {
    if (!used.has(name)) continue;
    const given = Object.hasOwn(attributes, name)
      ? rationalOf(attributes[name] ?? NaN)
      : range && compareOf(range.low, range.high) === 0
        ? range.high
        : null;
    if (!given) throw parameterError(name, 'the platform did not supply it');
    values.set(name, within(name, given, range));
  }
  const bytesOf = (one: Polynomial): number => bytesOfRational(evaluate(one, values));
  return sizesOf(of, phase, bytesOf);
}

/** What a payload has for the parameters of one phase. Throws HP_MUX_PARAMETER. */
export function inputsOf(
  of: MemoryInterface,
  payload: unknown,
  phase: CallPhase = 'cold',
): Map<string, Rational> {
  const values = new Map<string, Rational>();
  const used = usedSymbols(of[phase]);
  for (const [name, parameter] of of.parameters) {
    if (used.has(name)) values.set(name, parameterValue(name, parameter, payload));
  }
  return values;
}

/**
 * The most that a call within the declared ranges can take: what admission goes by. Throws
 * HP_MUX_UNBOUNDED where a range is missing, HP_MUX_OVERFLOW.
 */
export function worstCase(of: MemoryInterface, phase: CallPhase = 'cold'): MemorySizes {
  const ranges = new Map<string, Interval>();
  for (const [name, one] of sizeofValues()) ranges.set(name, { low: one, high: one });
  for (const [name, { range }] of of.parameters) if (range) ranges.set(name, range);
  for (const [name, range] of of.attributes) if (range) ranges.set(name, range);
  return sizesOf(of, phase, (one) => bytesOfRational(intervalOf(one, ranges).high));
}

function sizesOf(
  of: MemoryInterface,
  phase: CallPhase,
  bytesOf: (one: Polynomial) => number,
): MemorySizes {
  const { consumed, freed, peak } = of[phase];
  return {
    consumed_bytes: bytesOf(consumed),
    freed_bytes: bytesOf(freed),
    peak_bytes: bytesOf(add(peak, parseExpression(`${of.base_bytes}`))),
  };
}

function expressionsOf(
  { consumed, freed, peak }: z.infer<typeof expressionsSchema>,
  parameters: ReadonlyMap<string, Parameter>,
  attributes: ReadonlyMap<string, Interval | null>,
): Expressions {
  const unitOf = (name: string): 'bytes' | 'count' | null => {
    if (attributes.has(name)) return attributeUnit(name);
    const parameter = parameters.get(name);
    return parameter ? (parameter.unit_bytes === null ? 'count' : 'bytes') : null;
  };
  const held = parseExpression(peak, unitOf);
  return {
    peak: held,
    consumed: consumed === undefined ? held : parseExpression(consumed, unitOf),
    freed: freed === undefined ? NOTHING : parseExpression(freed, unitOf),
  };
}

function rangeOfAttribute(
  name: string,
  one: Exclude<Attribute, { kind: 'payload' }>,
): Interval | null {
  if (one.kind === 'open') return null;
  const { min, max } = one.kind === 'value' ? { min: one.value, max: one.value } : one;
  return rangeOf(name, min, max, 1);
}

function usedSymbols({ consumed, freed, peak }: Expressions): ReadonlySet<string> {
  return new Set([consumed, freed, peak].flatMap((one) => [...symbolsOf(one)]));
}

function parameterOf(name: string, given: string | z.infer<typeof parameterSchema>): Parameter {
  const one = typeof given === 'string' ? parameterSchema.parse({ pointer: given }) : given;
  const unit_bytes = one.unit === undefined ? null : (UNIT_BYTES[one.unit] ?? null);
  const range = rangeOf(name, one.min, one.max, unit_bytes ?? 1);
  return { pointer: one.pointer, measure: one.measure, unit_bytes, range };
}

/** In bytes where the parameter has a unit. A range with one end alone bounds nothing. */
function rangeOf(
  name: string,
  min: number | undefined,
  max: number | undefined,
  unit: number,
): Interval | null {
  if (max === undefined) return null;
  const low = rationalOf(min ?? 0);
  const high = rationalOf(max);
  if (!low || !high || compareOf(low, high) > 0) {
    throw notOne(`'${name}' is declared from ${min ?? 0} to ${max}, which is no range.`);
  }
  const factor = rational(BigInt(unit));
  return { low: timesOf(low, factor), high: timesOf(high, factor) };
}

function parameterValue(name: string, parameter: Parameter, payload: unknown): Rational {
  const found = atPointer(payload, parameter.pointer);
  const where = parameter.pointer || 'the root';
  const number = parameter.measure === 'length' ? lengthOf(found) : numberOf(found);
  const value = number === null ? null : rationalOf(number);
  if (!value) {
    const wanted = parameter.measure === 'length' ? 'neither text nor list' : 'no finite number';
    throw parameterError(name, `${where} of the payload is ${wanted}`);
  }
  const scaled = timesOf(value, rational(BigInt(parameter.unit_bytes ?? 1)));
  return within(name, scaled, parameter.range);
}

/** A number, or the text of one, as senders of integers write them (`{"n": "100"}`). */
function numberOf(value: unknown): number | null {
  if (typeof value === 'number') return value;
  return typeof value === 'string' && /^-?\d{1,15}$/.test(value) ? Number(value) : null;
}

function lengthOf(value: unknown): number | null {
  if (Array.isArray(value)) return value.length;
  return typeof value === 'string' ? Buffer.byteLength(value) : null;
}

/** What lies at a JSON pointer (RFC 6901); undefined where nothing does. */
function atPointer(payload: unknown, path: string): unknown {
  let at: unknown = payload;
  for (const part of path.split('/').slice(1)) {
    const key = part.replaceAll('~1', '/').replaceAll('~0', '~');
    if (Array.isArray(at)) at = /^\d{1,15}$/.test(key) ? at[Number(key)] : undefined;
    else at = isObject(at) && Object.hasOwn(at, key) ? at[key] : undefined;
  }
  return at;
}

function within(name: string, value: Rational, range: Interval | null): Rational {
  const { low, high } = range ?? { low: rational(0n), high: value };
  if (compareOf(value, low) >= 0 && compareOf(value, high) <= 0) return value;
  const most = range ? ` to ${printRational(high)}` : ' on';
  throw parameterError(
    name,
    `it is ${printRational(value)}, and declared from ${printRational(low)}${most}`,
  );
}

function bytesOfRational(value: Rational): number {
  const bytes = numberOfRational(ceilRational(value));
  if (Number.isSafeInteger(bytes) && bytes >= 0) return bytes;
  const message = `A size comes to ${bytes} bytes, which is below 0 or beyond 2^53.`;
  throw expressionError('HP_MUX_OVERFLOW', message);
}

function parameterError(name: string, why: string): Error {
  return expressionError('HP_MUX_PARAMETER', `'${name}': ${why}.`, { details: { name } });
}

function notOne(message: string): Error {
  return expressionError('HP_MUX_INTERFACE', message);
}
