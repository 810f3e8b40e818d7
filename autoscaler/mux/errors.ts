/** Error codes of memory interfaces that are read from source, or fitted. */
import { type CodeInfo, errorMaker } from '../../base/errors.ts';

export const MUX_CODES = {
  HP_MUX_SOURCE: {
    category: 'usage',
    meaning: 'A file is no source that memory can be read from: unknown ending, syntax or size.',
    next: 'give one file of Python, JavaScript or TypeScript that its own runtime accepts.',
  },
  HP_MUX_ENTRY: {
    category: 'usage',
    meaning: 'The source has no function that a platform would call.',
    next: 'name the function with --entry.',
  },
  HP_MUX_POINTS: {
    category: 'usage',
    meaning: 'A fit has too few points, such as do not tell its terms apart, or no table of them.',
    next: 'measure more calls, with inputs that differ, and give a table like n,peak_bytes.',
  },
  HP_MUX_SHAPE: {
    category: 'usage',
    meaning: 'There is nothing to fit: no parameter in the shape of the size, or too many terms.',
    next: 'name the shape with --shape, like n*n + n.',
  },
  HP_MUX_TOO_LARGE: {
    category: 'usage',
    meaning: 'A program has more steps than are followed; its interface is refused.',
    next: 'declare the memory of the function, or fit it.',
  },
} as const satisfies Record<string, CodeInfo>;

/** Makes the error of one code; `message` is one sentence with the values that matter. */
export const muxError = errorMaker<keyof typeof MUX_CODES>(MUX_CODES);
