/**
 * YAML that people write: read with the place of everything in it, so that what is wrong is told
 * with line and column, and a key nobody knows with the one that was meant. YAML 1.2 (core schema);
 * a key twice, a second document and a text that unfolds to much more than it is are refused.
 */
import { isAlias, isMap, isNode, isPair, isScalar, LineCounter, parseDocument } from 'yaml';
import type { Document } from 'yaml';
import { z } from 'zod';
import { baseError } from './codes.ts';
import type { HotplaneError } from './errors.ts';
import { nearest } from './nearest.ts';
import { openPlainFile } from './plain-file.ts';
import { printable } from './printable.ts';

/** Of one file that people write by hand. */
const TEXT_BYTES_MAX = 256 * 1024;
/** Uses of anchors: enough to share a few blocks, too few to unfold into a bomb. */
const ALIASES_MAX = 16;
/** Problems told of one file. */
const PROBLEMS_MAX = 8;
/** Characters of a key or a value in a message. */
const QUOTED_CHARS = 64;

/** Counted from 1, as editors do. */
export interface YamlPosition {
  readonly line: number;
  readonly column: number;
}

/** One thing that is wrong, and where. */
export interface YamlProblem extends YamlPosition {
  /** Keys down to it, with dots; empty for the document. */
  readonly key: string;
  /** The end of a sentence about it. */
  readonly problem: string;
}

type Path = readonly (string | number)[];

/** A text that was read, what it holds, and where each part of it stands. */
export class YamlText {
  readonly path: string;
  /** Null for an empty text. */
  readonly value: unknown;
  readonly #document: Document.Parsed;
  readonly #lines: LineCounter;

  /** Throws HP_YAML for a text that is no YAML. `path` is named in messages. */
  constructor(text: string, path: string) {
    this.path = path;
    this.#lines = new LineCounter();
    this.#document = parseDocument(text, { lineCounter: this.#lines, prettyErrors: false });
    const [trouble] = [...this.#document.errors, ...this.#document.warnings];
    if (trouble) throw this.error([this.#problem(trouble.pos[0], [], trouble.message)]);
    try {
      this.value = this.#document.toJS({ maxAliasCount: ALIASES_MAX });
    } catch (cause) {
      const why = cause instanceof Error ? cause.message : String(cause);
      throw this.error([this.#problem(0, [], why)]);
    }
  }

  /** Where the value of `keys` stands, or the nearest thing around it. */
  positionOf(keys: Path): YamlPosition {
    const { line, col } = this.#lines.linePos(this.#offsetOf(keys));
    return { line: Math.max(1, line), column: Math.max(1, col) };
  }

  /** The value of `keys` as it was written; null where it is none that stands on its own. */
  sourceOf(keys: Path): string | null {
    const node = this.#document.getIn(keys, true);
    return isScalar(node) ? (node.source ?? null) : null;
  }

  /** What `problem` is about: the value of `keys`, or one key of that mapping. */
  problemAt(keys: Path, problem: string, unknown_key?: string): YamlProblem {
    const whole = unknown_key === undefined ? keys : [...keys, unknown_key];
    const at = unknown_key === undefined ? this.#offsetOf(keys) : this.#keyOffset(keys, whole);
    return this.#problem(at, whole, problem);
  }

  /** HP_YAML with the first problem as its message, and all in its details. */
  error(problems: readonly YamlProblem[]): HotplaneError {
    const [first] = problems;
    const { line = 1, column = 1, key = '', problem = '' } = first ?? {};
    const about = key === '' ? '' : `${key}: `;
    const more = problems.length > 1 ? ` (and ${problems.length - 1} more)` : '';
    const text = `${problem}${more}`;
    const end = text.endsWith('?') ? '' : '.';
    const message = `${this.path}:${line}:${column}: ${about}${text}${end}`;
    const told = problems.slice(0, PROBLEMS_MAX);
    return baseError('HP_YAML', message, { details: { path: this.path, problems: told } });
  }

  #problem(offset: number, keys: Path, problem: string): YamlProblem {
    const { line, col } = this.#lines.linePos(offset);
    const key = keys.map((one) => quoted(String(one))).join('.');
    const text = printable(problem.replace(/\.$/, ''), 512);
    return { line: Math.max(1, line), column: Math.max(1, col), key, problem: text };
  }

  #offsetOf(keys: Path): number {
    for (let depth = keys.length; depth >= 0; depth -= 1) {
      const found = this.#document.getIn(keys.slice(0, depth), true);
      const node = isAlias(found) ? found : isNode(found) ? found : null;
      if (node?.range) return node.range[0];
    }
    return 0;
  }

  #keyOffset(keys: Path, whole: Path): number {
    const map = keys.length === 0 ? this.#document.contents : this.#document.getIn(keys, true);
    const key = whole.at(-1);
    const pair = isMap(map)
      ? map.items.find((item) => isPair(item) && isScalar(item.key) && String(item.key) === key)
      : undefined;
    const node = pair && isNode(pair.key) ? pair.key : null;
    return node?.range?.[0] ?? this.#offsetOf(keys);
  }
}

/** Reads a file. Throws HP_YAML, HP_FILE_NOT_PLAIN, or the system's error. */
export async function readYaml(path: string): Promise<YamlText> {
  await using file = await openPlainFile(path);
  const { size } = await file.stat();
  if (size > TEXT_BYTES_MAX) {
    throw baseError('HP_YAML', `${path} has ${size} bytes; at most ${TEXT_BYTES_MAX} are read.`);
  }
  return new YamlText(await file.readFile('utf8'), path);
}

/**
 * The value of a text as `schema` has it. Throws HP_YAML with the place of each problem; a strict
 * object tells of keys it does not know, and which it has that are nearest.
 */
export function checkYaml<Schema extends z.ZodType>(
  text: YamlText,
  schema: Schema,
): z.output<Schema> {
  const found = schema.safeParse(text.value ?? {});
  if (found.success) return found.data;
  const problems = found.error.issues.flatMap((issue) => {
    const keys = issue.path.map((one) => (typeof one === 'symbol' ? String(one) : one));
    if (issue.code !== 'unrecognized_keys') return [text.problemAt(keys, issue.message)];
    const known = keysOf(schema, keys);
    return issue.keys.map((key) => text.problemAt(keys, notKnown(key, known), key));
  });
  throw text.error(problems.toSorted((a, b) => a.line - b.line || a.column - b.column));
}

/** For a key that is not one of `known`: the end of a sentence about it. Pure. */
function notKnown(key: string, known: readonly string[]): string {
  const near = nearest(key, known);
  if (near !== null) return `there is no such key; did you mean '${near}'?`;
  return `there is no such key here; there are ${known.join(', ')}`;
}

/** The keys that a schema has at a place; none where it is no object. */
function keysOf(schema: z.core.$ZodType, keys: Path): readonly string[] {
  if (schema instanceof z.ZodOptional || schema instanceof z.ZodNullable)
    return keysOf(schema.unwrap(), keys);
  if (schema instanceof z.ZodDefault) return keysOf(schema.unwrap(), keys);
  if (schema instanceof z.ZodPipe) {
    // What is done before a check has no keys; what is checked then has.
    return keysOf(schema.in instanceof z.ZodTransform ? schema.out : schema.in, keys);
  }
  if (schema instanceof z.ZodUnion) return schema.options.flatMap((one) => keysOf(one, keys));
  const [first, ...rest] = keys;
  if (schema instanceof z.ZodArray && first !== undefined) return keysOf(schema.element, rest);
  if (schema instanceof z.ZodRecord && first !== undefined) return keysOf(schema.valueType, rest);
  if (!(schema instanceof z.ZodObject)) return [];
  const shape: Readonly<Record<string, z.core.$ZodType>> = schema.shape;
  if (first === undefined) return Object.keys(shape);
  const inner = shape[String(first)];
  return inner ? keysOf(inner, rest) : [];
}

const quoted = (text: string): string => printable(text, QUOTED_CHARS);
