/** Error codes of memory expressions, of a definition or a call. */
import { type CodeInfo, errorMaker } from '../../base/errors.ts';

export const EXPRESSION_CODES = {
  HP_MUX_SYNTAX: {
    category: 'usage',
    meaning: 'An expression of memory is not one: the message names the character where it ends.',
    next: 'write it with numbers, declared names, + - * / ^, max, min, ceil and floor.',
  },
  HP_MUX_UNIT: {
    category: 'usage',
    meaning: 'An expression mixes units: bytes times bytes, or something that is no bytes at all.',
    next: 'multiply counts by bytes, and bytes by counts alone.',
  },
  HP_MUX_OVERFLOW: {
    category: 'usage',
    meaning: 'A size or a coefficient of an expression is beyond what is counted with.',
    next: 'declare a smaller range of the parameters, or a simpler expression.',
  },
  HP_MUX_INTERFACE: {
    category: 'usage',
    meaning: 'A memory expression of a function is not of the form that is asked for.',
    next: 'give parameters by JSON pointer, and at least peak.',
  },
  HP_MUX_PARAMETER: {
    category: 'usage',
    meaning: 'A payload has not what an expression asks for: missing, no number, or out of range.',
    next: 'send a payload within the declared ranges, or size this call without the expression.',
  },
  HP_MUX_UNBOUNDED: {
    category: 'usage',
    meaning: 'The worst case was asked for, and a parameter has no declared range.',
    next: 'declare min and max of every parameter and attribute that the expression uses.',
  },
} as const satisfies Record<string, CodeInfo>;

/** Makes the error of one code; `message` is one sentence with the values that matter. */
export const expressionError = errorMaker<keyof typeof EXPRESSION_CODES>(EXPRESSION_CODES);
