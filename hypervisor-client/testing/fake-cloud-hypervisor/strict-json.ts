/**
 * JSON as the server reads it (serde_json): a number with a point or an exponent is no integer,
 * even when it is whole, and a field given twice is an error. JSON.parse tells neither. Pure.
 */

/** Stands where a number was that is no integer; no schema of integers takes it. */
class NotAnInteger {
  readonly source: string;

  constructor(source: string) {
    this.source = source;
  }
}

/** Throws a SyntaxError for what is no JSON. */
export function parseStrict(text: string): unknown {
  return JSON.parse(text, (_key, value: unknown, context?: { readonly source?: string }) => {
    if (typeof value !== 'number') return value;
    const source = context?.source ?? String(value);
    return /^-?\d+$/.test(source) && Number.isSafeInteger(value) ? value : new NotAnInteger(source);
  });
}

const TOKENS = /"(?:[^"\\]|\\.)*"|[{}[\],:]/g;

/** Names that one object has twice, in text that is JSON. */
export function repeatedNames(text: string): string[] {
  const repeated: string[] = [];
  /** Names so far of each object that is open; null for an array. */
  const open: (Set<string> | null)[] = [];
  let last = '';
  for (const [token] of text.matchAll(TOKENS)) {
    if (token === '{') open.push(new Set());
    else if (token === '[') open.push(null);
    else if (token === '}' || token === ']') open.pop();
    else if (token === ':') {
      const name = String(JSON.parse(last));
      const names = open.at(-1);
      if (names?.has(name)) repeated.push(name);
      names?.add(name);
    }
    last = token;
  }
  return repeated;
}
