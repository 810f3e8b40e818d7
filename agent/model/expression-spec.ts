/**
 * The memory expression of a function as the API and the agent's state have it, and back into the
 * interface it is evaluated by. Pure.
 */
import { z } from 'zod';
import {
  type MemoryInterface,
  memoryExpressionSchema,
  readInterface,
  worstCase,
} from '../expression/interface.ts';
import { attributeOf } from '../expression/attributes.ts';
import { EXPRESSION_LIMITS } from '../expression/limits.ts';
import { fixedAmounts, sentAttributes, withAmounts } from './expression-attributes.ts';
import { bytes, field, known, message, optional_text, text } from './fields.ts';

const expression_text = z.string().min(1).max(EXPRESSION_LIMITS.expression_chars);
const optional_expression = expression_text.nullable();

const memoryParameterSchema = message(
  'MemoryParameter',
  {
    name: field(1, text),
    pointer: field(2, text, 'JSON pointer into the payload: /n'),
    measure: field(3, z.enum(['value', 'length']), 'the number there, or how long text or list is'),
    unit: field(4, optional_text, 'B, KiB, MiB or GiB; absent: it counts things'),
    min: field(5, known(z.number()), 'lowest value that is taken; absent: 0'),
    max: field(6, known(z.number()), 'highest value that is taken'),
  },
  'What a memory expression takes from the payload.',
);

const warmExpressionSchema = message('WarmExpression', {
  peak: field(1, expression_text),
  consumed: field(2, optional_expression, 'absent: as peak'),
  freed: field(3, optional_expression, 'absent: nothing'),
});

export const expressionSpecSchema = message(
  'MemoryExpression',
  {
    parameters: field(1, z.array(memoryParameterSchema).max(EXPRESSION_LIMITS.symbols).readonly()),
    peak: field(2, expression_text, 'the most that one call holds'),
    consumed: field(3, optional_expression, 'all that it takes; absent: as peak'),
    freed: field(4, optional_expression, 'what of it is dead at its end; absent: nothing'),
    base_bytes: field(5, bytes, 'what is there without a call: runtime and libraries'),
    warm: field(6, known(warmExpressionSchema), 'a call of a warm instance; absent: as the first'),
    tolerance: field(
      7,
      z.number().min(0).max(10),
      'share of the measured peak by which it may be wrong before history is gone by',
    ),
  },
  'What a call takes of memory, as expressions in its payload.',
);
export type MemoryExpression = Readonly<z.infer<typeof expressionSpecSchema>>;

/** Beyond what allocators and pages add, and below what would be noticed as a wrong size. */
const DEFAULT_TOLERANCE = 0.1;

type Block = z.output<typeof memoryExpressionSchema>;

/**
 * What a definition says, as the API has it: attributes of a fixed size, or of one that is bounded,
 * stand in its expressions as the most that they may be, those that the payload has are parameters.
 * Throws what `readInterface` does, and HP_MUX_INTERFACE for an attribute of which nothing is said.
 */
export function expressionOfBlock(block: Block): MemoryExpression {
  const { base_bytes, cold, warm } = readInterface(block);
  const attributes = new Map(
    Object.entries(block.attributes).map(([name, one]) => [name, attributeOf(name, one)]),
  );
  const fixed = fixedAmounts(attributes);
  return {
    parameters: [
      ...Object.entries(block.parameters).map(([name, given]) => {
        if (typeof given === 'string') return { name, pointer: given, ...COUNTED };
        const { pointer, measure, unit = null, min = null, max = null } = given;
        return { name, pointer, measure, unit, min, max };
      }),
      ...sentAttributes(attributes),
    ],
    ...(fixed.size === 0 ? textsOf(block) : withAmounts(cold, fixed)),
    base_bytes,
    warm: block.warm ? (fixed.size === 0 ? textsOf(block.warm) : withAmounts(warm, fixed)) : null,
    tolerance: block.tolerance ?? DEFAULT_TOLERANCE,
  };
}

const COUNTED = { measure: 'value', unit: null, min: null, max: null } as const;

function textsOf(of: NonNullable<Block['warm']>): z.output<typeof warmExpressionSchema> {
  return { peak: of.peak, consumed: of.consumed ?? null, freed: of.freed ?? null };
}

/** Read once: a spec is the same object as long as it is in force. */
const READ = new WeakMap<MemoryExpression, MemoryInterface>();

/** Throws what `readInterface` does. */
export function interfaceOf(expression: MemoryExpression): MemoryInterface {
  const there = READ.get(expression);
  if (there) return there;
  const { parameters, base_bytes, warm } = expression;
  const read = readInterface({
    parameters: Object.fromEntries(parameters.map(parameterOf)),
    base: base_bytes,
    ...written(expression),
    ...(warm ? { warm: written(warm) } : {}),
  });
  READ.set(expression, read);
  return read;
}

function parameterOf({
  name,
  pointer,
  measure,
  unit,
  min,
  max,
}: MemoryExpression['parameters'][number]) {
  const range = { ...(min === null ? {} : { min }), ...(max === null ? {} : { max }) };
  return [name, { pointer, measure, ...(unit === null ? {} : { unit }), ...range }] as const;
}

function written({ peak, consumed, freed }: z.output<typeof warmExpressionSchema>) {
  return { peak, ...(consumed === null ? {} : { consumed }), ...(freed === null ? {} : { freed }) };
}

/** The most that any call within the declared ranges takes, cold or warm. Throws HP_MUX_*. */
export function worstOf(expression: MemoryExpression): number {
  const of = interfaceOf(expression);
  const peaks = (['cold', 'warm'] as const).map((phase) => worstCase(of, phase).peak_bytes);
  return Math.max(...peaks);
}
