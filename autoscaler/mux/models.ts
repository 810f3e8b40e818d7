/** What values of a language take, as data; each with its source. Sizes in bytes. Pure. */

export const COST_MODELS = {
  /** The published example: a scalar has 28 bytes, an array its payload, all else nothing. */
  poster: {
    language: 'python',
    source: 'the published example of memory interfaces (MUX)',
    int: '28',
    float: '28',
    text: '0',
    text_join: '0',
    bytes: '0',
    list: '0',
    list_grown: '0',
    tuple: '0',
    set: '0',
    record: '0',
    record_grown: '0',
    function: '0',
    array: '0',
    array_dimension: '0',
    array_items: { float64: 'sizeof(float)', float32: '4', int64: '8', int32: '4', uint8: '1' },
    has_temporaries: false,
    // It is printed without its imports, and with C's name of print.
    assumed_imports: { np: 'numpy', time: 'time.time', printf: 'print' },
  },
  /**
   * CPython 3.11 on 64 bits, NumPy 1.24. Names: `n`, the length. A list, set or dictionary that
   * grows has room for more: taken is the most that its growth leaves. Numbers are taken as what
   * the allocator gives them, multiples of 16 bytes (ALIGNMENT in Objects/obmalloc.c).
   */
  'cpython-3.11': {
    language: 'python',
    source:
      'CPython 3.11 and NumPy 1.24 on 64 bits, as test/autoscaler/mux/measured.test.ts counts',
    int: '32',
    float: '32',
    text: '49 + n',
    text_join: '0',
    bytes: '33 + n',
    list: '120 + 9 * n',
    list_grown: '120 + 9 * n',
    tuple: '40 + 8 * n',
    set: '216 + 107 * n',
    record: '184 + 120 * n',
    record_grown: '184 + 120 * n',
    function: '152',
    array: '96',
    array_dimension: '16',
    array_items: { float64: '8', float32: '4', int64: '8', int32: '4', uint8: '1' },
    has_temporaries: true,
    assumed_imports: {},
  },
  /**
   * Node 24 (V8 13.6) on 64 bits without compressed pointers. A text that is put together keeps its
   * parts, 32 bytes each, until it is read; a list that grows has up to half more, and a dictionary
   * three places of 24 bytes an entry. A text with a character beyond Latin-1 takes twice as much,
   * and a fraction beside what is no number 16 bytes: neither is to be seen in the source.
   */
  'node-24': {
    language: 'javascript',
    source: 'V8 13.6 of Node 24 on 64 bits, as test/autoscaler/mux/measured-node.test.ts counts',
    int: '0',
    float: '0',
    text: '48 + n',
    text_join: '32',
    bytes: '200 + n',
    list: '48 + 8 * n',
    list_grown: '176 + 12 * n',
    tuple: '48 + 8 * n',
    set: '200 + 40 * n',
    record: '56 + 8 * n',
    record_grown: '56 + 96 * n',
    function: '64',
    array: '200',
    array_dimension: '0',
    array_items: { float64: '8', float32: '4', int64: '8', int32: '4', uint8: '1' },
    has_temporaries: true,
    assumed_imports: {},
  },
} as const;

export type CostModelName = keyof typeof COST_MODELS;
export type ItemType = 'float64' | 'float32' | 'int64' | 'int32' | 'uint8';

/** What values take; expressions in `n`, the length. */
export interface CostModel {
  readonly language: 'python' | 'javascript';
  readonly source: string;
  readonly int: string;
  readonly float: string;
  readonly text: string;
  /** Of each part, of a text that is put together of several in turn. */
  readonly text_join: string;
  readonly bytes: string;
  readonly list: string;
  /** One that was appended to. */
  readonly list_grown: string;
  readonly tuple: string;
  readonly set: string;
  readonly record: string;
  /** One that got entries under keys that only the run knows. */
  readonly record_grown: string;
  readonly function: string;
  readonly array: string;
  readonly array_dimension: string;
  readonly array_items: Readonly<Record<ItemType, string>>;
  /** Whether library calls hold working copies. */
  readonly has_temporaries: boolean;
  /** What names mean that a program has from nowhere. */
  readonly assumed_imports: Readonly<Record<string, string>>;
}

export const COST_MODEL_NAMES = [
  'cpython-3.11',
  'node-24',
  'poster',
] as const satisfies readonly CostModelName[];
