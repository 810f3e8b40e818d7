/** Whose program an instance runs, and what it is given: the part of a spec that says so. Pure. */
import { z } from 'zod';
import { LIMITS } from '../../base/limits.ts';
import { MIB } from '../../base/units.ts';
import { field, message } from './fields.ts';

/** How a program is told of an invocation, and answers it. */
export const INTERFACES = ['lambda', 'http', 'openwhisk'] as const;

/** Words of a command, and variables of an environment. */
const PROGRAM_STRINGS_MAX = 60;
const PROGRAM_STRING_BYTES = 4_096;
export const TMP_BYTES_DEFAULT = 64 * MIB;

/** A content key of images/cache. */
const image_key = z.string().regex(/^[0-9a-f]{24}$/, 'must be 24 hexadecimal digits');
/** C ends a string at a NUL. */
const word = z
  .string()
  .max(PROGRAM_STRING_BYTES)
  .refine((text) => !text.includes('\0'), 'must not hold a NUL');

const variable = word.regex(/^[^=\0]+=/, 'must be NAME=VALUE');
const nameOf = (one: string): string => one.slice(0, one.indexOf('='));

export const functionProgramSchema = message(
  'FunctionProgram',
  {
    function_key: field(1, image_key.nullable(), 'content key of its image; absent: none'),
    base_key: field(2, image_key.nullable(), 'content key of the base runtime below it'),
    interface: field(3, z.enum(INTERFACES), 'how it is told of an invocation, and answers'),
    command: field(
      4,
      z.array(word).min(1).max(PROGRAM_STRINGS_MAX).readonly(),
      'the first word is a path in the image, or looked for in its PATH',
    ),
    environment: field(
      5,
      z
        .array(variable)
        .max(PROGRAM_STRINGS_MAX)
        .refine((list) => new Set(list.map(nameOf)).size === list.length, 'names a variable twice')
        .readonly(),
      'NAME=VALUE each',
    ),
    working_folder: field(
      6,
      word.regex(/^\//, 'must be an absolute path').nullable(),
      'in the image; absent: /',
    ),
    user: field(
      7,
      z
        .string()
        .regex(/^\d{1,9}(:\d{1,9})?$/, 'must be UID or UID:GID')
        .nullable(),
      'UID or UID:GID; absent: one of its own for each instance',
    ),
    tmp_bytes: field(
      8,
      z.number().int().min(MIB).max(LIMITS.function_bytes).nullable(),
      'most that /tmp holds; absent: 64 MiB',
    ),
    timeout_ms: field(
      9,
      z.number().int().min(1).max(LIMITS.invocation_ms).nullable(),
      'longest that one invocation may take; absent: the bound of any',
    ),
  },
  'The program of somebody else that an instance runs.',
);
export type FunctionProgram = Readonly<z.infer<typeof functionProgramSchema>>;

/** Images that a VM has for it: each takes the place of a device. */
export const disksOf = (program: FunctionProgram | null): number =>
  [program?.base_key, program?.function_key].filter((key) => (key ?? null) !== null).length;
