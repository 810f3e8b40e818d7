/** Helpers to read Lezer's tree of Python. Pure. */
import type { SyntaxNode } from '@lezer/common';
import type { Expression, Statement } from './tree.ts';

/** What an import binds: names, and the modules or members that they mean. */
export function importsOf(
  parts: readonly SyntaxNode[],
  line: number,
  textOf: (node: SyntaxNode) => string,
): Statement[] {
  const words = parts.map((one) =>
    one.name === 'VariableName' || one.name === '*' ? textOf(one) : one.name,
  );
  const at = words.indexOf('import');
  const from = words[0] === 'from' ? words.slice(1, at).join('') : '';
  const names = words.slice(at + 1).filter((one) => one !== '(' && one !== ')');
  const imports: Statement[] = [];
  for (const group of splitAt(names, ',')) {
    const as = group.indexOf('as');
    const path = (as < 0 ? group : group.slice(0, as)).join('');
    if (path === '' || path === '*') continue;
    const module = from === '' ? path : `${from.replace(/^\.+/, '.')}.${path}`.replace('..', '.');
    const name = as < 0 ? (from === '' ? (path.split('.')[0] ?? '') : path) : (group[as + 1] ?? '');
    const bound = as < 0 && from === '' ? name : module;
    imports.push({ kind: 'import', name, module: bound, line });
  }
  return imports;
}

/** Signs and comments that stand between what is read. */
export const IGNORED: ReadonlySet<string> = new Set([
  'Comment',
  ':',
  ',',
  '(',
  ')',
  '[',
  ']',
  '{',
  '}',
  ';',
]);

export function childrenOf(node: SyntaxNode): SyntaxNode[] {
  const all: SyntaxNode[] = [];
  for (let one = node.firstChild; one; one = one.nextSibling) all.push(one);
  return all;
}

export function hasYield(node: SyntaxNode): boolean {
  let found = false;
  node.cursor().iterate((one) => {
    if (one.name === 'YieldExpression' || one.name === 'YieldStatement') found = true;
    return one.name !== 'FunctionDefinition';
  });
  return found;
}

/** Without its quotes; escapes stand as one character each, so that its length is right. */
function unquoted(text: string): string {
  const inner = text.replace(/^[a-z]*('''|"""|'|")/i, '').replace(/('''|"""|'|")$/, '');
  return /^[a-z]*r/i.test(text)
    ? inner
    : inner.replaceAll(/\\(x[\da-f]{2}|u[\da-f]{4}|[\s\S])/gi, '\\');
}

/** What a text that is put together has besides its parts, and as much as they may be widened. */
export function formatOwn(text: string, pieces: readonly string[]): string {
  const widths = pieces.flatMap((one) => (/:[^:]*$/.exec(one)?.[0] ?? '').match(/\d+/g) ?? []);
  const wider = widths.reduce((sum, one) => sum + Math.min(Number(one), 65_536), 0);
  const own = pieces.reduce((rest, one) => rest.replace(one, () => ''), text);
  return unquoted(own) + ' '.repeat(wider);
}

export function splitAt<One>(
  all: readonly One[],
  sign: string,
  nameOf: (one: One) => unknown = (one) => one,
): One[][] {
  const groups: One[][] = [[]];
  for (const one of all) {
    if (nameOf(one) === sign) groups.push([]);
    else groups.at(-1)?.push(one);
  }
  return groups.filter((group) => group.length > 0);
}

/** Lines of a text by the places of their characters. */
export class LineIndex {
  readonly #starts: readonly number[];

  constructor(source: string) {
    const starts = [0];
    for (let at = source.indexOf('\n'); at !== -1; at = source.indexOf('\n', at + 1)) {
      starts.push(at + 1);
    }
    this.#starts = starts;
  }

  /** From 1. */
  line(from: number): number {
    let [low, high] = [0, this.#starts.length];
    while (high - low > 1) {
      const middle = (low + high) >> 1;
      if ((this.#starts[middle] ?? 0) <= from) low = middle;
      else high = middle;
    }
    return low + 1;
  }
}

/** What `[...]`, `{...}` or `(...)` with a `for` in it makes. */
export function comprehensionKind(name: string): 'list' | 'set' | 'record' | 'generator' {
  if (name.startsWith('A')) return 'list';
  if (name.startsWith('S')) return 'set';
  return name.startsWith('D') ? 'record' : 'generator';
}

/** Names, numbers and texts; null for what has parts. */
export function leafOf(
  node: SyntaxNode,
  parts: readonly SyntaxNode[],
  line: number,
  textOf: (node: SyntaxNode) => string,
): Expression | null {
  const text = textOf(node);
  switch (node.name) {
    case 'VariableName':
      return { kind: 'name', name: text, line };
    case 'Number':
      return { kind: 'number', text, is_float: /[.e]/i.test(text) && !/^0x/i.test(text), line };
    case 'Boolean':
      return { kind: 'constant', value: text === 'True' ? 'true' : 'false', line };
    case 'None':
      return { kind: 'constant', value: 'none', line };
    case 'String': {
      const is_bytes = /^[a-z]*b/i.test(text);
      return { kind: 'text', value: unquoted(text), parts: [], is_bytes, line };
    }
    case 'ContinuedString': {
      const value = parts.map((one) => unquoted(textOf(one))).join('');
      return { kind: 'text', value, parts: [], is_bytes: /^[a-z]*b/i.test(text), line };
    }
    default:
      return null;
  }
}
