/** What is to be seen of a loop before it is followed. Pure. */
import { evaluateAll, evaluateValue } from './expressions.ts';
import { type Machine } from './machine.ts';
import { add, constant, type Polynomial, subtract } from '../../agent/expression/polynomial.ts';
import type { Statement } from './tree.ts';
import { NO_VALUE } from './values.ts';

/** Numbers that a loop changes are not known inside it and after it. */
export function blurNumbers(machine: Machine, body: readonly Statement[]): void {
  for (const name of assignedNames(body)) {
    const value = machine.scope.names.get(name);
    if (value?.kind === 'number') machine.scope.names.set(name, { ...value, amount: null });
  }
}

function assignedNames(body: readonly Statement[]): string[] {
  return body.flatMap((one) => {
    switch (one.kind) {
      case 'assign':
        return one.targets.flatMap((target) => (target.kind === 'name' ? [target.name] : []));
      case 'for':
      case 'while':
      case 'with':
        return assignedNames(one.body);
      case 'if':
        return assignedNames([...one.if_true, ...one.otherwise]);
      case 'try':
        return assignedNames([
          ...one.body,
          ...one.handlers.flatMap((each) => each.body),
          ...one.after,
        ]);
      default:
        return [];
    }
  });
}

/** `while i < limit` with `i += 1` in it; null for every other. */
export function whileCount(
  machine: Machine,
  { test, body, line }: Extract<Statement, { kind: 'while' }>,
): Polynomial | null {
  if (test.kind !== 'operation') return null;
  const [left = NO_VALUE, right = NO_VALUE] = evaluateAll(machine, [test.left, test.right]);
  if (/^!==?$/.test(test.sign)) {
    const texts = [left, right].filter((one) => one.kind === 'text');
    if (texts.length === 2 && texts[0]?.is_bytes !== texts[1]?.is_bytes) {
      machine.remark(line, 'bytes never equal a text in Python 3: the loop does not end', 'exact');
    }
  }
  if (!/^<=?$/.test(test.sign) || test.left.kind !== 'name') return null;
  const { name } = test.left;
  const steps = body.filter(
    (one) =>
      one.kind === 'assign' &&
      one.sign === '+' &&
      one.targets[0]?.kind === 'name' &&
      one.targets[0].name === name,
  );
  const from = machine.amountOf(left, line);
  const to = machine.amountOf(right, line);
  if (steps.length === 0 || !from || !to) return null;
  const by_one = steps.every(
    (one) => one.kind === 'assign' && one.value.kind === 'number' && one.value.text === '1',
  );
  if (!by_one) return null;
  return add(subtract(to, from), constant(test.sign === '<' ? 0 : 1));
}

/** What such a loop goes up to, as far as that is known now. */
export function whileEnd(
  machine: Machine,
  { test, line }: Extract<Statement, { kind: 'while' }>,
): Polynomial | null {
  if (test.kind !== 'operation') return null;
  return machine.amountOf(evaluateValue(machine, test.right), line);
}
