/** Statements of a program, as far as memory goes: both branches, each loop twice. Pure. */
import { unreachable } from '../../base/assert.ts';
import { elementOf, evaluateAll, evaluateValue, memberOf } from './expressions.ts';
import { type Machine } from './machine.ts';
import { printedLength } from './printed.ts';
import {
  add,
  constant,
  multiply,
  NOTHING,
  type Polynomial,
} from '../../agent/expression/polynomial.ts';
import type { Expression, Statement } from './tree.ts';
import { literal, NO_VALUE, number, object, unknown, type Value } from './values.ts';
import { branches } from './branches.ts';
import { operate } from './operations.ts';
import { appendAll, lengthenKey, store, withRoom } from './containers.ts';
import { importedModule } from './imports.ts';
import { blurNumbers, whileCount, whileEnd } from './loops.ts';

/** Runs a block; true when its end is not reached: return, break, raise. */
export function execute(machine: Machine, block: readonly Statement[]): boolean {
  for (const statement of block) {
    machine.step(statement.line);
    const has_left = executeOne(machine, statement);
    machine.settle();
    if (has_left) return true;
  }
  return false;
}

function executeOne(machine: Machine, tree: Statement): boolean {
  const { line } = tree;
  switch (tree.kind) {
    case 'assign':
      assignStatement(machine, tree);
      return false;
    case 'expression':
      evaluateValue(machine, tree.value);
      return false;
    case 'for': {
      const over = evaluateValue(machine, tree.over);
      machine.held.push(over);
      blurNumbers(machine, tree.body);
      runRounds(machine, over, tree.target, line, () => execute(machine, tree.body));
      machine.held.pop();
      return false;
    }
    case 'while':
      runWhile(machine, tree);
      return false;
    case 'if':
      return ifStatement(machine, tree);
    case 'return': {
      const value = tree.value ? evaluateValue(machine, tree.value) : NO_VALUE;
      machine.scope.results.push(machine.boxed(value, line, 'result'));
      return true;
    }
    case 'try':
      return tryStatement(machine, tree);
    case 'with':
      for (const { value, target } of tree.items) {
        const held = evaluateValue(machine, value);
        if (target) assignTo(machine, target, held, line);
      }
      return execute(machine, tree.body);
    case 'define':
      define(machine, tree.definition.name, functionValue(machine, tree.definition));
      return false;
    case 'class':
      define(machine, tree.name, {
        kind: 'class',
        name: tree.name,
        methods: tree.methods,
        scope: machine.scopes.length === 0 ? null : machine.scope,
        site: null,
        holds: [],
      });
      return false;
    case 'import':
      define(machine, tree.name, importedModule(machine, tree));
      return false;
    case 'global':
      for (const name of tree.names) machine.scope.globals.add(name);
      return false;
    case 'delete':
      for (const target of tree.targets) {
        if (target.kind === 'name') machine.scope.names.delete(target.name);
      }
      return false;
    case 'leave':
      return true;
    case 'unread':
      machine.remark(line, `${tree.what} is not followed`, 'fitted');
      return false;
    default:
      return unreachable(tree);
  }
}

type NameTree = Extract<Expression, { kind: 'name' }>;
type Of<Kind extends Statement['kind']> = Extract<Statement, { kind: Kind }>;

function define(machine: Machine, name: string, value: Value): void {
  machine.scope.names.set(name, value);
}

function functionValue(machine: Machine, definition: Of<'define'>['definition']): Value {
  const scope = machine.scopes.length === 0 ? null : machine.scope;
  return { kind: 'function', definition, self: null, scope, site: null, holds: [] };
}

function assignStatement(machine: Machine, tree: Of<'assign'>): void {
  const [target] = tree.targets;
  if (tree.sign !== null && target) {
    augment(machine, target, tree.sign, tree.value, tree.line);
    return;
  }
  if (target?.kind === 'name' && machine.depth > 0 && isGrown(machine, target, tree.value)) {
    return;
  }
  const value = evaluateValue(machine, tree.value);
  machine.held.push(value);
  for (const one of tree.targets) assignTo(machine, one, value, tree.line);
  machine.held.pop();
}

/** `text = text + more` in a loop: as `text += more`. True when it was that. */
function isGrown(machine: Machine, target: NameTree, value: Expression): boolean {
  const more: Expression[] = [];
  let first = value;
  while (first.kind === 'operation' && first.sign === '+') {
    more.unshift(first.right);
    first = first.left;
  }
  if (first.kind !== 'name' || first.name !== target.name || more.length === 0) return false;
  const { kind } = machine.lookup(target.name) ?? NO_VALUE;
  if (kind !== 'text' && kind !== 'list') return false;
  for (const one of more) augment(machine, target, '+', one, one.line);
  const now = machine.lookup(target.name);
  // A list that is added to another is a new one beside the old, and so is a text of three parts,
  // of which the first two are put together before.
  if (now?.kind === 'list') machine.heap.touch(machine.cost('list', now.length));
  if (now?.kind === 'text' && more.length > 1) {
    machine.heap.touch(multiply(constant(2), machine.cost('text', now.length)));
  }
  return true;
}

/** `target sign= value`: in place where the language does so. */
function augment(
  machine: Machine,
  target: Expression,
  sign: string,
  tree: Expression,
  line: number,
): void {
  const [old = NO_VALUE, value = NO_VALUE] = evaluateAll(machine, [target, tree]);
  if (old.kind === 'array') return;
  if (old === value && old.kind !== 'number' && machine.depth > 0) {
    machine.remark(line, 'what a loop adds to itself is not followed', 'fitted');
  }
  if (old.kind === 'list' && sign === '+') {
    appendAll(machine, old, value, line);
    return;
  }
  // Only what is there already can be added to under its key.
  if (target.kind === 'element' && old.kind !== 'text') return;
  machine.held.push(old, value);
  const name = target.kind === 'name' ? target.name : null;
  if (old.kind === 'text' && sign === '+') {
    const depth = (name === null ? null : machine.scope.depths.get(name)) ?? machine.depth;
    const is_repeat = machine.heap.isRepeatSince(depth);
    const times = is_repeat ? NOTHING : machine.heap.timesSince(depth);
    const added = multiply(printedLength(machine, value, line), times);
    const grown = machine.text(add(old.length, added), old.is_bytes, line, old.label);
    const joins = multiply(machine.cost('text_join'), times);
    if (grown.site && joins !== NOTHING && !is_repeat) {
      machine.heap.resize(grown.site, add(grown.site.bytes, joins));
    }
    // The old one is copied, but by CPython, which lengthens a text in its place.
    if (old.is_bytes) machine.heap.touch(machine.cost('bytes', add(old.length, added)));
    if (old.kind === 'text' && old.has_room && grown.kind === 'text') withRoom(machine, grown);
    if (grown.site) machine.heap.lift(grown.site, depth);
    if (name === null) assignTo(machine, target, grown, line);
    else machine.scope.names.set(name, grown);
  } else {
    const changed = operate(machine, sign, old, value, line);
    const blurred =
      machine.depth > 0 && changed.kind === 'number' ? number(null, changed.is_float) : changed;
    assignTo(machine, target, blurred, line);
  }
  machine.held.length -= 2;
}

/** Gives a target its value: a name, several, a field, an element. */
export function assignTo(machine: Machine, target: Expression, value: Value, line: number): void {
  switch (target.kind) {
    case 'name':
      machine.bind(target.name, value, line);
      return;
    case 'sequence':
      for (const [index, one] of target.items.entries()) {
        const at = number(constant(index), false);
        assignTo(machine, one, value.kind === 'none' ? value : elementOf(value, at), line);
      }
      return;
    case 'record':
      for (const { key, value: inner } of target.entries) {
        const name = key?.kind === 'text' ? (key.value ?? '') : '';
        const found =
          value.kind === 'payload'
            ? elementOf(value, literal(name, false))
            : memberOf(machine, value, name, line);
        assignTo(machine, inner, found, line);
      }
      return;
    case 'member': {
      const of = evaluateValue(machine, target.of);
      if (of.kind === 'module') exported(machine, of.name, target.name, value);
      else store(machine, of, target.name, value, line);
      return;
    }
    case 'element': {
      const [of = NO_VALUE, index = NO_VALUE] = evaluateAll(machine, [target.of, target.index]);
      const key = index.kind === 'text' ? index.value : null;
      if (key === null && of.kind === 'record')
        lengthenKey(of, printedLength(machine, index, line));
      store(machine, of, key, value, line);
      return;
    }
    default:
      return;
  }
}

/** `exports.handler = ...`, `module.exports = { handler }`. */
function exported(machine: Machine, module: string, name: string, value: Value): void {
  if (name === 'exports' && value.kind === 'record') {
    for (const [key, one] of value.entries) machine.moduleNames.set(key, one);
  } else if (module === 'exports' || module === 'module.exports') {
    machine.moduleNames.set(name, value);
  }
}

/** A body for each of `over`: once for what is new, once more for what it replaces. */
export function runRounds(
  machine: Machine,
  over: Value,
  target: Expression,
  line: number,
  body: () => unknown,
): void {
  const count = countOf(machine, over, line);
  const element = itemOf(machine, over, line);
  rounds(machine, count, () => {
    assignTo(machine, target, element, line);
    machine.settle();
    body();
  });
}

function rounds(machine: Machine, count: Polynomial, body: () => unknown): void {
  for (const is_repeat of [false, true]) {
    machine.heap.rounds.push({ count, is_repeat });
    body();
    machine.heap.rounds.pop();
  }
}

function countOf(machine: Machine, over: Value, line: number): Polynomial {
  const known = machine.lengthOf(over, line);
  return known ?? machine.unknownSymbol('rounds', line, 'how often a loop runs');
}

export function itemOf(machine: Machine, over: Value, line: number): Value {
  if (over.kind === 'range') return number(over.high, false);
  if (over.kind === 'record') return [...over.entries.values()].at(-1) ?? NO_VALUE;
  if (over.kind === 'list') return anyOf(over.element ?? unknown('an item'));
  if (over.kind === 'object' && over.type === 'file') {
    return machine.text(
      machine.unknownSymbol('length', line, 'how long a line is'),
      false,
      line,
      null,
    );
  }
  return elementOf(over, NO_VALUE);
}

/** One of several of a kind: as large, and not that very one. */
function anyOf(value: Value): Value {
  if (value.kind === 'text') return { ...value, value: null };
  return value.kind === 'number' ? { ...value, amount: null } : value;
}

function runWhile(machine: Machine, tree: Of<'while'>): void {
  const count = whileCount(machine, tree);
  const end = whileEnd(machine, tree);
  evaluateValue(machine, tree.test);
  blurNumbers(machine, tree.body);
  rounds(
    machine,
    count ?? machine.unknownSymbol('rounds', tree.line, 'how often a loop runs'),
    () => {
      evaluateValue(machine, tree.test);
      execute(machine, tree.body);
    },
  );
  if (count && whileEnd(machine, tree)?.text !== end?.text) {
    machine.remark(tree.line, 'a loop up to an end that it moves is not followed', 'fitted');
  }
}

function ifStatement(machine: Machine, tree: Of<'if'>): boolean {
  const truth = truthOf(machine, tree.test);
  const test = evaluateValue(machine, tree.test);
  machine.settle(test);
  if (truth !== null) return execute(machine, truth ? tree.if_true : tree.otherwise);
  return branches(machine, tree.line, [
    () => execute(machine, tree.if_true),
    () => execute(machine, tree.otherwise),
  ]);
}

/** What is known of a test: whether something that is cached is there. */
function truthOf(machine: Machine, tree: Expression): boolean | null {
  if (tree.kind === 'unary' && /^(not|!)$/.test(tree.sign)) {
    const inner = truthOf(machine, tree.of);
    return inner === null ? null : !inner;
  }
  if (tree.kind === 'operation' && /^(is|is not|==|!=|===|!==)$/.test(tree.sign)) {
    const is_none = tree.right.kind === 'constant' && tree.right.value === 'none';
    if (!is_none || tree.left.kind !== 'name') return null;
    const there = truthOf(machine, tree.left);
    return there === null ? null : /not|!/.test(tree.sign) ? there : !there;
  }
  if (tree.kind === 'constant') return tree.value === 'true';
  if (tree.kind !== 'name') return null;
  const value = machine.lookup(tree.name);
  if (value?.kind === 'none') return false;
  return value && ['object', 'array', 'function', 'module'].includes(value.kind) ? true : null;
}

function tryStatement(machine: Machine, tree: Of<'try'>): boolean {
  const has_left = execute(machine, tree.body);
  const handled = tree.handlers.map(({ name, body }) => (): boolean => {
    if (name !== null) {
      // An exception keeps its frames, and so all that they named.
      const holds = [...machine.scope.names.values()];
      machine.scope.names.set(name, { ...object('exception', null), holds });
    }
    return execute(machine, body);
  });
  const left =
    handled.length === 0 ? has_left : branches(machine, tree.line, [() => has_left, ...handled]);
  for (const { name } of tree.handlers) if (name !== null) machine.scope.names.delete(name);
  return execute(machine, tree.after) || left;
}
