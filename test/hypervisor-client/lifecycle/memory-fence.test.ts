/** The limit of the host around a VMM follows what is plugged, and is never below it. */
import test, { type ExecutionContext } from 'ava';
import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { hostClock } from '../../../base/clock.ts';
import { MIB } from '../../../base/units.ts';
import { waitFor } from '../../../base/wait.ts';
import { MemoryCgroup } from '../../../hypervisor-client/host/memory-cgroup.ts';
import { FencedRegions, MemoryFence } from '../../../hypervisor-client/lifecycle/memory-fence.ts';
import type { Outcome, ResizeResult } from '../../../hypervisor-client/vm.ts';

const REGION = 128 * MIB;
const BOOT = 256 * MIB;
const SLACK = 64 * MIB;
const regions = ['r0', 'r1'].map((id) => ({ id, max_bytes: REGION, initial_bytes: 0 }));
const devices = regions.map((region) => {
  return { id: region.id, guest_node: null, regions: [region] };
});

const resultOf = (outcome: Outcome, plugged_bytes: number): ResizeResult => ({
  region_id: 'r0',
  outcome,
  before_bytes: 0,
  requested_bytes: REGION,
  plugged_bytes,
  resident_before_bytes: null,
  resident_bytes: null,
  requested_at_ms: 1,
  waited_ms: 0,
  accepted_at_ms: 2,
  plugged_at_ms: null,
  resident_at_ms: null,
  nudges: 0,
  error_code: null,
  reason: null,
});

/** A folder in the place of a cgroup: this shows what is written, not what a kernel makes of it. */
async function fenced(t: ExecutionContext, told: string[] = []) {
  const root = await mkdtemp(join(tmpdir(), 'hp-fence-'));
  t.teardown(async () => await rm(root, { recursive: true, force: true }));
  const cgroup = await MemoryCgroup.create(root, 'vm1', process.pid);
  const parts = {
    boot_bytes: BOOT,
    slack_bytes: SLACK,
    onTrouble: (text: string) => told.push(text),
  };
  const book = new FencedRegions({ devices }, true);
  const fence = new MemoryFence({ cgroup, regions: book, ...parts });
  const path = join(root, 'hotplane-vm1', 'memory.max');
  const limit = async (): Promise<number> => Number(await readFile(path, 'utf8'));
  const becomes = async (bytes: number): Promise<boolean> => {
    const is_so = async () => ((await limit()) === bytes ? true : null);
    return (await waitFor(is_so, { clock: hostClock, deadline_ms: 60_000 })) ?? false;
  };
  return { fence, limit, becomes, root };
}

test('there is room before a region grows, and none after it shrank', async (t) => {
  const { fence, limit, becomes } = await fenced(t);
  const seen: number[] = [];
  const grow = async (): Promise<ResizeResult> => {
    seen.push(await limit());
    return resultOf('done', REGION);
  };
  await Promise.all([fence.around('r0', REGION, grow), fence.around('r1', REGION, grow)]);
  t.true(seen.every((bytes) => bytes >= BOOT + REGION + SLACK));
  t.true(await becomes(BOOT + 2 * REGION + SLACK));
  await fence.around('r0', 0, async () => {
    t.is(await limit(), BOOT + 2 * REGION + SLACK, 'not before it is done');
    return resultOf('done', 0);
  });
  t.true(await becomes(BOOT + REGION + SLACK));
});

for (const [what, from, to, result, most] of [
  ['a plug that was reached in part may still go on', 0, REGION, resultOf('partial', 1), REGION],
  ['of a refused plug the target may stand', 0, REGION, resultOf('refused', 0), REGION],
  ['an unplug in part gives nothing up yet', REGION, 0, resultOf('partial', MIB), REGION],
  ['a resize that broke leaves all possible', REGION, 0, null, REGION],
  ['a finished unplug leaves nothing', REGION, 0, resultOf('done', 0), 0],
  ['a finished growth leaves what is plugged', 0, 2 * MIB, resultOf('done', 2 * MIB), 2 * MIB],
] as const) {
  test(what, (t) => {
    const book = new FencedRegions({ devices }, true);
    book.begin('r0', from);
    book.end('r0', from, resultOf('done', from));
    book.begin('r0', to);
    t.is(book.bytes, Math.max(from, to), 'under way');
    book.end('r0', to, result);
    t.is(book.bytes, most);
  });
}

test('of a VM that was taken up each region counts whole until it moved', (t) => {
  const book = new FencedRegions({ devices }, false);
  t.is(book.bytes, 2 * REGION);
  book.begin('r0', 0);
  book.end('r0', 0, resultOf('done', 0));
  t.is(book.bytes, REGION);
});

test('no region counts more than it can have, and one that is not there nothing', (t) => {
  const book = new FencedRegions({ devices }, true);
  book.begin('r0', 5 * REGION);
  book.begin('r7', REGION);
  book.end('r7', REGION, null);
  t.is(book.bytes, REGION);
});

test('a limit that cannot be set is told once, and stops no resize', async (t) => {
  const told: string[] = [];
  const { fence, root } = await fenced(t, told);
  await rm(root, { recursive: true });
  for (const bytes of [REGION, 0, REGION]) {
    t.is((await fence.around('r0', bytes, async () => resultOf('done', bytes))).outcome, 'done');
  }
  t.is(told.length, 1);
  t.regex(told[0] ?? '', /memory.max/);
});
