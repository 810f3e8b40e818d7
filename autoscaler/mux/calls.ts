/** Calls: functions of the program itself are followed, those of libraries looked up. Pure. */
import { elementOf, evaluateAll, evaluateValue, memberOf } from './expressions.ts';
import { importedModule } from './imports.ts';
import { MUX_LIMITS } from './limits.ts';
import { either, type Machine } from './machine.ts';
import { append, store } from './containers.ts';
import { execute, runRounds } from './statements.ts';
import { summaryOf } from './summaries.ts';
import type { Expression } from './tree.ts';
import {
  type ListValue,
  literal,
  newScope,
  NO_VALUE,
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
  const args = tree.args.flatMap((one, at) => {
    const value = values[at] ?? NO_VALUE;
    return one.kind === 'spread' ? spreadArguments(machine, value, line) : [value];
  });
  const named = new Map(
    tree.named.map(({ name }, at) => [name, values[tree.args.length + at] ?? NO_VALUE]),
  );
  const result = called(machine, callee, { name: '', self: null, args, named, line });
  machine.held.length -= values.length + 1;
  return result;
}

function spreadArguments(machine: Machine, value: Value, line: number): readonly Value[] {
  if (value.kind === 'list' && value.items) return value.items;
  if (value.kind === 'text' && value.value !== null) {
    return Array.from(value.value, (one) => literal(one, value.is_bytes));
  }
  machine.remark(line, 'arguments in a list are not followed', 'fitted');
  return [{ ...unknown('arguments'), holds: [value] }];
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
      return callFunction(machine, callee, call);
    case 'class': {
      const record = machine.record(call.line, callee.methods, callee.scope);
      const start = callee.methods.find(({ name }) => name === '__init__');
      if (start) {
        machine.held.push(record);
        callFunction(machine, functionOf(start, record, callee.scope), call);
        machine.held.pop();
      }
      return record;
    }
    case 'module':
      return moduleCall(machine, { ...call, name: callee.name });
    case 'method':
      return methodCall(machine, callee.of, { ...call, name: callee.name, self: callee.of });
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
  if (machine.running.includes(definition)) {
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

/** Methods that change what they are of, or look into it. */
function builtInMethod(machine: Machine, self: Value, call: LibraryCall): Value | null {
  const { name, args, line } = call;
  const [first = NO_VALUE] = args;
  if (name === 'get' && (self.kind === 'payload' || self.kind === 'record')) {
    return elementOf(self, first);
  }
  if (name === 'then' || name === 'map' || name === 'forEach' || name === 'filter') {
    if (first.kind === 'function') return eachCalled(machine, self, first, call);
  }
  if (self.kind === 'list') return listMethod(machine, self, call);
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
    case 'push':
    case 'add':
      append(machine, self, first, line);
      return NO_VALUE;
    case 'insert':
      append(machine, self, args[1] ?? NO_VALUE, line);
      return NO_VALUE;
    case 'extend':
    case 'update': {
      const length = machine.lengthOf(first, line);
      const each = length ?? machine.unknownSymbol('length', line, 'a list that is added');
      append(
        machine,
        self,
        first.kind === 'list' ? (first.element ?? NO_VALUE) : first,
        line,
        each,
      );
      self.holds.push(first);
      return NO_VALUE;
    }
    case 'fill':
      Object.assign(self, { element: first, items: null });
      self.holds.push(first);
      return self;
    case 'pop':
    case 'shift':
      return self.element ?? NO_VALUE;
    default:
      return null;
  }
}

/** `list.map(f)`: a round for each item. */
function eachCalled(
  machine: Machine,
  self: Value,
  work: Extract<Value, { kind: 'function' }>,
  { name, line }: LibraryCall,
): Value {
  if (name === 'then') return callFunction(machine, work, { args: [self], named: new Map(), line });
  const list = machine.list('list', [], line);
  machine.held.push(list);
  const target: Expression = { kind: 'name', name: '(item)', line };
  runRounds(machine, self, target, line, () => {
    const item = machine.lookup('(item)') ?? NO_VALUE;
    const value = callFunction(machine, work, { args: [item], named: new Map(), line });
    if (name !== 'forEach') append(machine, list, name === 'filter' ? item : value, line);
  });
  machine.held.pop();
  return name === 'forEach' ? NO_VALUE : list;
}
