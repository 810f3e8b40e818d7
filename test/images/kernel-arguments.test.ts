import test from 'ava';
import { guestKernelArguments } from '../../images/index.ts';

const OFF = { init_on_alloc: false, guest_huge_pages: false } as const;

function named(partitions: readonly string[]): readonly string[] {
  return guestKernelArguments({ partitions, ...OFF });
}

test('plugged memory goes online in the movable zone, with partitions and without', (t) => {
  for (const [partitions, said] of [
    ['none', []],
    ['all', ['hotmem=all']],
  ] as const) {
    const args = guestKernelArguments({ partitions, ...OFF });
    t.true(args.includes('memhp_default_state=online_movable'));
    t.deepEqual(
      args.filter((arg) => arg.startsWith('hotmem=')),
      said,
    );
  }
});

test('zeroing and huge pages are said, on or off, so that a result never depends on a default', (t) => {
  const off = guestKernelArguments({ partitions: 'none', ...OFF });
  t.true(off.includes('init_on_alloc=0') && off.includes('transparent_hugepage=madvise'));
  const on = guestKernelArguments({
    partitions: 'none',
    init_on_alloc: true,
    guest_huge_pages: true,
  });
  t.true(on.includes('init_on_alloc=1') && on.includes('transparent_hugepage=always'));
});

test('partitions are named by PCI address; other names are refused', (t) => {
  t.is(named(['0000:00:08.0', '0000:00:08.1']).at(-1), 'hotmem=0000:00:08.0,0000:00:08.1');
  t.is(named(['0000:00:08.0/64']).at(-1), 'hotmem=0000:00:08.0/64');
  t.throws(() => named(['0000:00:08.0/65']));
  t.throws(() => named([]));
  t.throws(() => named(['virtio0']));
  t.throws(() => named(['0000:00:08.0 init=/bin/sh']));
});
