/** Looking into JSON that came from outside, and writing it for people. Pure. */

export type JsonObject = Record<string, unknown>;

/** True for what JSON calls an object: neither null nor a list. */
export function isObject(value: unknown): value is JsonObject {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

/** The value a text holds; undefined, which JSON has not, when it is no JSON. */
export function parseJson(text: string): unknown {
  try {
    return JSON.parse(text) as unknown;
  } catch {
    return undefined;
  }
}

/** A document as people read it: indented, with a newline at its end. */
export function jsonDocument(value: object): string {
  return `${JSON.stringify(value, null, 2)}\n`;
}
