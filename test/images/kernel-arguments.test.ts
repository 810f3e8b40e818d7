import test from 'ava';
import { guestKernelArguments } from '../../images/index.ts';

const OFF = { init_on_alloc: false, guest_huge_pages: false } as const;

function named(hotmem_devices: readonly string[]): readonly string[] {
  return guestKernelArguments({ mechanism: 'hotmem', ...OFF, hotmem_devices });
}

test('every mechanism puts plugged memory online in the movable zone', (t) => {
  for (const mechanism of ['hotmem', 'numa', 'virtio-mem', 'balloon', 'static'] as const) {
    const args = guestKernelArguments({ mechanism, ...OFF });
    t.true(args.includes('memhp_default_state=online_movable'));
    t.is(
      args.some((arg) => arg.startsWith('hotmem=')),
      mechanism === 'hotmem',
    );
  }
});

test('zeroing and huge pages are said, on or off, so that a result never depends on a default', (t) => {
  const off = guestKernelArguments({ mechanism: 'static', ...OFF });
  t.true(off.includes('init_on_alloc=0') && off.includes('transparent_hugepage=madvise'));
  const on = guestKernelArguments({
    mechanism: 'static',
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
