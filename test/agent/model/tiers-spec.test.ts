/** Shares of near memory as bytes, and as the turns by which a guest takes pages of both parts. */
import test from 'ava';
import fc from 'fast-check';
import { largestParts, splitBytes, weightsOf } from '../../../agent/model/tiers-spec.ts';
import { GIB, MEMORY_BLOCK_BYTES, MIB } from '../../../base/units.ts';
import { holds } from '../../seed.ts';

test('parts are whole memory blocks, and no less is near than was asked for', (t) => {
  for (const [bytes, share, near] of [
    [GIB, 0, 0],
    [GIB, 1, GIB],
    [GIB, 0.25, 256 * MIB],
    [GIB, 0.3, 384 * MIB],
    [384 * MIB, 1 / 3, 128 * MIB],
    [1280 * MIB, 0.1, 128 * MIB],
    [128 * MIB, 0.5, 128 * MIB],
  ] as const) {
    t.deepEqual(splitBytes(bytes, share), { near_bytes: near, far_bytes: bytes - near });
  }
});

test('the largest parts are those of the shares that can be chosen', (t) => {
  const rows = [0.25, 0.5].map((share) => ({ share, latency_ms: 1 }));
  const table = { slo_ms: 1, source: 'measured', note: '', rows } as const;
  const parts = largestParts(GIB, { far_node: 1, share: null, table });
  t.deepEqual(parts, { near_bytes: 512 * MIB, far_bytes: 768 * MIB });
});

const turnsOf = (near: number, far: number) =>
  weightsOf({ near_bytes: near * MEMORY_BLOCK_BYTES, far_bytes: far * MEMORY_BLOCK_BYTES });

test('turns use both parts up alike, as far as the kernel can count', async (t) => {
  t.deepEqual(turnsOf(2, 6), { near_weight: 1, far_weight: 3 });
  t.deepEqual(turnsOf(5, 3), { near_weight: 5, far_weight: 3 });
  t.deepEqual(turnsOf(4, 4), { near_weight: 1, far_weight: 1 });
  const blocks = fc.integer({ min: 1, max: 4_096 });
  const property = fc.property(blocks, blocks, (near, far) => {
    const { near_weight, far_weight } = turnsOf(near, far);
    for (const weight of [near_weight, far_weight]) {
      if (!Number.isInteger(weight) || weight < 1 || weight > 255) throw new Error(`${weight}`);
    }
    const off = near_weight / (near_weight + far_weight) - near / (near + far);
    if (Math.abs(off) > 0.005) throw new Error(`${near}:${far} is off by ${off}`);
  });
  await holds(t, property);
});
