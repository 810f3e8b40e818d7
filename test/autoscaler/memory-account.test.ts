import test from 'ava';
import { MemoryAccount } from '../../autoscaler/results/memory-account.ts';
import { GIB } from '../../base/units.ts';
import { seededRandom } from '../../base/random.ts';

/** Whatever holds from `from_ms` on until `to_ms`, one after the other. */
interface Stretch {
  readonly from_ms: number;
  readonly to_ms: number;
  readonly bytes: number;
}

function partOf(stretches: readonly Stretch[], from_ms: number, to_ms: number): number {
  return stretches.reduce((sum, one) => {
    const shared_ms = Math.min(to_ms, one.to_ms) - Math.max(from_ms, one.from_ms);
    return sum + (Math.max(0, shared_ms) * one.bytes) / GIB / 1000;
  }, 0);
}

test('each hundredth of a window has what was there in its time; after the window nothing counts', (t) => {
  for (let seed = 1; seed <= 20; seed += 1) {
    const random = seededRandom(seed);
    const window_ms = Math.ceil(random() * 3_000_000) + 1;
    const account = new MemoryAccount(window_ms);
    const stretches: Stretch[] = [];
    let [at_ms, bytes] = [0, 0];
    while (at_ms < 1.2 * window_ms) {
      const change = bytes === 0 ? GIB : Math.floor(random() * 3 - 1) * GIB;
      account.add(at_ms, change);
      bytes += change;
      const to_ms = at_ms + random() * window_ms * 0.1;
      stretches.push({ from_ms: at_ms, to_ms, bytes });
      at_ms = to_ms;
    }
    for (const [index, part] of account.finish().entries()) {
      const [from_ms, to_ms] = [index, index + 1].map((one) => (one * window_ms) / 100);
      const exact = partOf(stretches, from_ms ?? 0, to_ms ?? 0);
      t.true(Math.abs(part - exact) <= 1e-9 * (1 + exact), `seed ${seed}, ${index}: ${part}`);
    }
  }
});

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

test('the sum is the same to its last bit, however the same levels are told', (t) => {
  for (let seed = 1; seed <= 200; seed += 1) {
    const random = seededRandom(seed);
    const [plain, chatty] = [new MemoryAccount(1_000), new MemoryAccount(1_000)];
    for (let at_ms = random() * 20; at_ms < 1_200; at_ms += random() * 20) {
      const change = Math.floor(random() * 3) * GIB;
      if (change > 0) plain.add(at_ms, change);
      // One goes as another comes, and what comes does so in parts.
      for (const part of [-GIB, change, GIB]) chatty.add(at_ms, part);
    }
    t.deepEqual(chatty.finish(), plain.finish(), `seed ${seed}`);
  }
});
