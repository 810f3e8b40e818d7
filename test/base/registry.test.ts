import test from 'ava';
import { Registry } from '../../base/registry.ts';

const one = { name: 'one', value: 1 };
const two = { name: 'two', value: 2 };

test('entries are found by name and listed in the order they came', (t) => {
  const registry = new Registry('thing', [two, one]);
  t.deepEqual(registry.names, ['two', 'one']);
  t.deepEqual(registry.all, [two, one]);
  t.is(registry.find('one'), one);
  t.is(registry.get('two'), two);
});

test('a name is given once, and free again when its entry was taken away', (t) => {
  const registry = new Registry<{ name: string }>('thing', [one]);
  t.throws(() => registry.add({ name: 'one' }), { message: /one thing of the name one/ });
  const remove = registry.add(two);
  remove();
  t.is(registry.find('two'), undefined);
  t.notThrows(() => registry.add(two));
});

test('a name that is nobody is undefined to who asks, and a bug to who is sure', (t) => {
  const registry = new Registry('thing', [one]);
  t.is(registry.find('toString'), undefined);
  t.throws(() => registry.get('toString'), { message: /a thing of the name toString/ });
});
