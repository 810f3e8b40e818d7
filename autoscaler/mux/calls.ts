/** Calls: functions of the program itself are followed, those of libraries looked up. Pure. */
import { elementOf, evaluateAll, evaluateValue, memberOf } from './expressions.ts';
import { constant } from '../../agent/expression/polynomial.ts';
import { importedModule } from './imports.ts';
import { MUX_LIMITS } from './limits.ts';
import { either, type Machine } from './machine.ts';
import { append, appendAll, appendBytes, lengthenKey, store } from './containers.ts';
import { eachCall, reduced } from './iterators.ts';
import { printedLength } from './printed.ts';
import { execute } from './statements.ts';
import { summaryOf } from './summaries.ts';
import type { Expression } from './tree.ts';
import {
  type ListValue,
  literal,
  newScope,
  NO_VALUE,
  number,
  type Scope,
  unknown,
  type Value,
} from './values.ts';
import { applied, type LibraryCall } from './library.ts';

type CallTree = Extract<Expression, { kind: 'call' }>;

export function evaluateCall(machine: Machine, tree: CallTree): Value {
  const { line } = tree;
  const callee =
    tree.callee.kind === 'member'
      ? calledMember(machine, evaluateValue(machine, tree.callee.of), tree.callee.name, line)
      : evaluateValue(machine, tree.callee);
  machine.held.push(callee);
  const trees = [...tree.args, ...tree.named.map(({ value }) => value)];
  const values = evaluateAll(machine, trees);
  machine.held.push(...values);
  const spread: Value[] = [];
  const args = tree.args.flatMap((one, at) => {
    const value = values[at] ?? NO_VALUE;
    return one.kind === 'spread' ? spreadArguments(value, spread) : [value];
  });
  const named = new Map(
    tree.named.map(({ name }, at) => [name, values[tree.args.length + at] ?? NO_VALUE]),
  );
  const result = called(machine, callee, { name: '', self: null, args, named, spread, line });
  machine.held.length -= values.length + 1;
  return result;
}

/** In their places where they are known; else the value stands for all of its items. */
function spreadArguments(value: Value, spread: Value[]): readonly Value[] {
  if (value.kind === 'list' && value.items) return value.items;
  if (value.kind === 'text' && value.value !== null) {
    return Array.from(value.value, (one) => literal(one, value.is_bytes));
  }
  spread.push(value);
  return [value];
}

/** Which of its parameters get what, nobody can say. */
function unspread(machine: Machine, call: LibraryCall): LibraryCall {
  if (call.spread.length === 0) return call;
  machine.remark(call.line, 'arguments in a list are not followed', 'fitted');
  const args = call.args.map((one) =>
    call.spread.includes(one) ? { ...unknown('arguments'), holds: [one] } : one,
  );
  return { ...call, args, spread: [] };
}

/** A method of what the payload holds is one of a text, unless it looks further into it. */
function calledMember(machine: Machine, of: Value, name: string, line: number): Value {
  return of.kind === 'payload'
    ? { kind: 'method', of, name, site: null, holds: [of] }
    : memberOf(machine, of, name, line);
}

function called(machine: Machine, callee: Value, call: LibraryCall): Value {
  switch (callee.kind) {
    case 'function':
      return callFunction(machine, callee, unspread(machine, call));
    case 'class': {
      const record = machine.record(call.line, callee.methods, callee.scope);
      const start = callee.methods.find(({ name }) => name === '__init__');
      if (start) {
        machine.held.push(record);
        const given = unspread(machine, call);
        callFunction(machine, functionOf(start, record, callee.scope), given);
        machine.held.pop();
      }
      return record;
    }
    case 'module':
      return moduleCall(machine, { ...call, name: callee.name });
    case 'method':
      return methodCall(machine, callee.of, {
        ...unspread(machine, call),
        name: callee.name,
        self: callee.of,
      });
    default:
      return { ...unknown('a call of what is not known'), holds: [...call.args] };
  }
}

function functionOf(
  definition: Extract<Value, { kind: 'function' }>['definition'],
  self: Value,
  scope: Scope | null,
): Extract<Value, { kind: 'function' }> {
  return { kind: 'function', definition, self, scope, site: null, holds: [] };
}

/** Follows a function of the program: its own names, gone when it returns. */
export function callFunction(
  machine: Machine,
  { definition, self, scope: outer }: Extract<Value, { kind: 'function' }>,
  { args, named, line }: Pick<LibraryCall, 'args' | 'named' | 'line'>,
): Value {
  // A function that is given one which calls it again runs inside itself, and does not recur.
  const inside = machine.running.filter((one) => one === definition).length;
  if (inside >= MUX_LIMITS.inside_itself) {
    machine.remark(line, `${definition.name} calls itself`, 'refused');
    return unknown('recursion');
  }
  if (machine.scopes.length >= MUX_LIMITS.call_depth) {
    const most = MUX_LIMITS.call_depth;
    machine.remark(line, `calls deeper than ${most} are not followed`, 'refused');
    return unknown('too deep');
  }
  if (definition.is_generator) {
    machine.remark(line, `${definition.name} makes its values one at a time`, 'fitted');
  }
  const scope = newScope(outer);
  const given = self ? [self, ...args] : args;
  for (const [index, { name, otherwise }] of definition.parameters.entries()) {
    const missing = otherwise ? evaluateValue(machine, otherwise) : NO_VALUE;
    scope.names.set(name, given[index] ?? named.get(name) ?? missing);
    scope.depths.set(name, machine.depth);
  }
  machine.scopes.push(scope);
  machine.running.push(definition);
  execute(machine, definition.body);
  machine.running.pop();
  machine.scopes.pop();
  const [first = NO_VALUE, ...rest] = scope.results;
  return rest.reduce(either, first);
}

function moduleCall(machine: Machine, call: LibraryCall): Value {
  const { name, args, line } = call;
  if (name === 'require' && args[0]?.kind === 'text') {
    const file = args[0].value ?? '';
    const module = file
      .replace(/^node:/, '')
      .replaceAll('/', '.')
      .replace('..', '.');
    return importedModule(machine, { module, file, member: null });
  }
  if (name === 'Promise') return promised(machine, call);
  const summary = summaryOf(machine.model.language, name);
  if (!summary) {
    machine.remark(line, `call of ${name} is not followed`, 'fitted');
    return { ...unknown(name), holds: [...args] };
  }
  return applied(machine, summary, call);
}

/** What a promise is resolved with is what its function is given. */
function promised(machine: Machine, { args, line }: LibraryCall): Value {
  const [work] = args;
  if (work?.kind !== 'function') return unknown('a promise');
  const resolved = machine.list('generator', [], line);
  const resolve: Value = { kind: 'method', of: resolved, name: 'push', site: null, holds: [] };
  machine.held.push(resolved);
  callFunction(machine, work, { args: [resolve, NO_VALUE], named: new Map(), line });
  machine.held.pop();
  machine.remark(line, 'what a promise waits for is followed as if it ran at once', 'exact');
  return resolved.element ?? NO_VALUE;
}

function methodCall(machine: Machine, self: Value, call: LibraryCall): Value {
  const own = self.kind === 'record' ? self.methods.find(({ name }) => name === call.name) : null;
  if (self.kind === 'record') {
    if (own) return callFunction(machine, functionOf(own, self, self.scope), call);
    const field = self.entries.get(call.name);
    if (field) return called(machine, field, call);
  }
  const built_in = builtInMethod(machine, self, call);
  if (built_in) return built_in;
  if (self.kind === 'unknown') return { ...unknown(self.why), holds: [self] };
  const name = `${typeOf(self)}.${call.name}`;
  const summary = summaryOf(machine.model.language, name);
  if (summary) return applied(machine, summary, { ...call, name });
  machine.remark(call.line, `call of ${name} is not followed`, 'fitted');
  return { ...unknown(name), holds: [self, ...call.args] };
}

function typeOf(value: Value): string {
  switch (value.kind) {
    case 'text':
      return value.is_bytes ? 'bytes' : 'str';
    case 'payload':
      return 'str';
    case 'array':
      return 'numpy.ndarray';
    case 'record':
      return 'dict';
    case 'object':
      return value.type;
    case 'method':
      return `${typeOf(value.of)}.${value.name}`;
    default:
      return value.kind;
  }
}

const EACH = /^(then|map|forEach|filter|reduce|some|every|find|findIndex)$/;

/** Methods that change what they are of, or look into it. */
function builtInMethod(machine: Machine, self: Value, call: LibraryCall): Value | null {
  const { name, args, line } = call;
  const [first = NO_VALUE] = args;
  if (name === 'get' && (self.kind === 'payload' || self.kind === 'record')) {
    return elementOf(self, first);
  }
  if (first.kind === 'function' && EACH.test(name)) return eachCalled(machine, self, first, call);
  if (name === 'setdefault' && self.kind === 'record') {
    const added = args[1] ?? NO_VALUE;
    if (first.kind === 'text' && first.value !== null) {
      const known = self.entries.get(first.value);
      if (known) return known;
      store(machine, self, first.value, added, line);
    } else {
      lengthenKey(self, printedLength(machine, first, line));
      store(machine, self, null, added, line);
    }
    return added;
  }
  if (name === 'at' && (self.kind === 'list' || self.kind === 'array')) {
    return elementOf(self, first);
  }
  if (self.kind === 'list') return listMethod(machine, self, call);
  if (self.kind === 'text' && self.is_bytes && /^(append|extend)$/.test(name)) {
    const length = name === 'append' ? constant(1) : machine.lengthOf(first, line);
    const why = 'how many bytes are added';
    appendBytes(machine, self, length ?? machine.unknownSymbol('length', line, why));
    return NO_VALUE;
  }
  if (self.kind === 'record' && /^(keys|values|items)$/.test(name)) {
    const list = machine.list('generator', [], line);
    const [last = NO_VALUE] = [...self.entries.values()].toReversed();
    return Object.assign(list, { length: self.count, element: last, items: null, holds: [self] });
  }
  if (self.kind === 'record' && name === 'set') {
    if (first.kind !== 'text' || first.value === null) {
      store(machine, self, null, args[1] ?? NO_VALUE, line);
    } else store(machine, self, first.value, args[1] ?? NO_VALUE, line);
    return self;
  }
  if (self.kind === 'record' && name === 'update') {
    store(machine, self, null, first, line);
    return NO_VALUE;
  }
  return null;
}

function listMethod(
  machine: Machine,
  self: ListValue & Value,
  { name, args, line }: LibraryCall,
): Value | null {
  const [first = NO_VALUE] = args;
  switch (name) {
    case 'append':
    case 'appendleft':
    case 'push':
    case 'unshift':
    case 'add':
      for (const one of args.length > 0 ? args : [NO_VALUE]) append(machine, self, one, line);
      return NO_VALUE;
    case 'insert':
      append(machine, self, args[1] ?? NO_VALUE, line);
      return NO_VALUE;
    case 'extend':
    case 'update':
      appendAll(machine, self, first, line);
      return NO_VALUE;
    case 'fill':
      Object.assign(self, { element: first, items: null });
      self.holds.push(first);
      return self;
    case 'pop':
    case 'popleft':
    case 'shift':
      return self.element ?? NO_VALUE;
    default:
      return null;
  }
}

/** Methods that call a function for each item: `list.map(f)`. */
function eachCalled(
  machine: Machine,
  self: Value,
  work: Extract<Value, { kind: 'function' }>,
  call: LibraryCall,
): Value {
  const { name, line } = call;
  switch (name) {
    case 'then':
      return callFunction(machine, work, { args: [self], named: new Map(), line });
    case 'reduce':
      return reduced(machine, self, work, call);
    case 'map':
    case 'filter':
      if (self.kind === 'array') return mappedArray(machine, self, work, call);
      break;
    default: {
      let found: Value = NO_VALUE;
      eachCall(machine, self, work, line, (_, item) => {
        found = name === 'find' ? item : name === 'forEach' ? NO_VALUE : number(null, false);
      });
      return found;
    }
  }
  const list = machine.list('list', [], line);
  machine.held.push(list);
  eachCall(machine, self, work, line, (value, item) => {
    append(machine, list, name === 'filter' ? item : value, line);
  });
  machine.held.pop();
  return list;
}

/** Of a typed array another one, as long at the most: `filter` gathers what stays in a list. */
function mappedArray(
  machine: Machine,
  self: Extract<Value, { kind: 'array' }>,
  work: Extract<Value, { kind: 'function' }>,
  { name, line }: LibraryCall,
): Value {
  const source = `${name} of a typed array: as long as it at the most (ECMA-262, 23.2.3)`;
  const array = machine.array(self.shape, self.item, line, source, name);
  machine.held.push(array);
  if (name === 'filter') {
    machine.heap.touch(machine.cost('list_grown', machine.lengthOf(self, line) ?? undefined));
  }
  eachCall(machine, self, work, line, () => {});
  machine.held.pop();
  return array;
}
