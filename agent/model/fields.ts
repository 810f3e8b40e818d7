/**
 * What fields of records and messages are made of. A schema says what a value may be; `field` adds
 * its number on the wire and its meaning. Everything else is written from that: the types, the
 * proto, the code that encodes it, the formats of the result files. Pure.
 */
import { z } from 'zod';

/** No run and no host lasts 30 years; what is beyond is damage, and would overflow sums. */
const LONGEST_MS = 1e12;
/** Of any text in a record: four times what a guest or a VMM may say in one. */
const LONGEST_TEXT = 4_096;

export const bytes = z.number().int().nonnegative().max(Number.MAX_SAFE_INTEGER);
export const count = bytes;
/**
 * A moment of the host's CLOCK_MONOTONIC; in result files since the run's start, so below 0 too.
 */
export const moment_ms = z.number().min(-LONGEST_MS).max(LONGEST_MS);
/** A moment that may never be reached: null then. */
export const stamp_ms = moment_ms.nullable();
export const duration_ms = z.number().nonnegative().max(LONGEST_MS);
export const text = z.string().max(LONGEST_TEXT);
/** Bytes of any kind. */
export const octets = z.custom<Uint8Array>((value) => value instanceof Uint8Array);
/** Null: there is none. */
export const optional_text = text.nullable();

/** A field that older result folders do not have: null there, and where it is not known. */
export function known<T extends z.ZodType>(schema: T): z.ZodDefault<z.ZodNullable<T>> {
  return schema.nullable().default(null);
}

/**
 * One field of a message. `number` is its place on the wire: never changed, never used again for
 * another. Null travels as absent.
 */
export function field<T extends z.ZodType>(number: number, schema: T, description?: string): T {
  // Said also where there is none: a message would else bring its own.
  return schema.meta({ number, description });
}

/** A whole message, by its name on the wire. */
export function message<T extends z.ZodRawShape>(
  name: string,
  shape: T,
  description?: string,
): z.ZodObject<T, z.core.$strict> {
  return z.strictObject(shape).meta({ message: name, description });
}

/** Null in every field of a message that may be null: what is told where nothing is known. */
export function nothingOf<T extends z.ZodRawShape>(schema: z.ZodObject<T>): NothingOf<T>;
export function nothingOf(schema: z.ZodObject): Readonly<Record<string, null>> {
  const names = Object.keys(schema.shape);
  const may_be_null = names.filter((name) => z.safeParse(schema.shape[name], null).success);
  return Object.fromEntries(may_be_null.map((name) => [name, null]));
}

type NothingOf<T extends z.ZodRawShape> = {
  readonly [Name in keyof T as null extends z.output<T[Name]> ? Name : never]: null;
};
