/** A world that never comes to rest says so, soon, and with what it did last. */
import test from 'ava';
import { GIB } from '../../../base/units.ts';
import { StepBudget } from './step-budget.ts';
import { World } from './world.ts';

test('ten thousand steps are enough, and one more is an error that tells the last ten', (t) => {
  const budget = new StepBudget();
  for (let count = 1; count <= 10_000; count += 1) budget.spend(`step ${count}`);
  t.throws(() => budget.spend('one more'), {
    message: /not quiet after 10000 steps: step 9992, .*step 10000, one more$/,
  });
});

/** As if the core asked to be woken for what is over, again and again. */
class Busy extends World {
  is_busy = false;

  override send(...given: Parameters<World['send']>): ReturnType<World['send']> {
    const actions = super.send(...given);
    if (this.is_busy) this.wake_ms = this.now_ms;
    return actions;
  }
}

for (const [name, rests] of [
  ['comes to rest', (world: World) => world.quiesce()],
  ['lets time pass', (world: World) => world.advance(1)],
] as const) {
  test(`a busy loop of wakes is an error for a world that ${name}`, (t) => {
    const world = new Busy(4 * GIB);
    world.deploy('f');
    world.quiesce();
    world.invoke('f');
    while (world.pending.length > 0) world.complete(0);
    world.is_busy = true;
    world.send({ type: 'tick' });
    t.throws(() => rests(world), { message: /not quiet .*: (woken for \d+ ms(, )?){10}$/ });
  });
}
