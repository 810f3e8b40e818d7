import test from 'ava';
import { MemoryAccount } from '../../autoscaler/results/memory-account.ts';
import { GIB } from '../../base/units.ts';
import { seededRandom } from '../../base/random.ts';

test('the parts of a window add up to the integral, wherever its changes lie', (t) => {
  for (let seed = 1; seed <= 200; seed += 1) {
    const random = seededRandom(seed);
    // Hundredths of such a window are no numbers of a double: ends of parts are rounded.
    const window_ms = Math.ceil(random() * 3_000_000) + 1;
    const account = new MemoryAccount(window_ms);
    let [at_ms, bytes, sum] = [0, 0, 0];
    while (at_ms < window_ms) {
      const more = Math.floor(random() * 3 - 1) * GIB;
      const change = Math.max(-bytes, more);
      account.add(at_ms, change);
      bytes += change;
      const next_ms = at_ms + random() * window_ms * (random() < 0.2 ? 0.5 : 0.01);
      sum += bytes * (Math.min(next_ms, window_ms) - at_ms);
      at_ms = next_ms;
    }
    const parts = account.finish();
    const told = parts.reduce((all, part) => all + part, 0);
    const exact = sum / GIB / 1000;
    t.true(Math.abs(told - exact) <= 1e-9 * (1 + exact), `seed ${seed}: ${told}, not ${exact}`);
  }
});
