import test from 'ava';
import { loadOrder, moduleName, parseModulesDep } from '../../../images/nested/modules.ts';

const DEP = [
  'kernel/fs/9p/9p.ko: kernel/net/9p/9pnet.ko kernel/fs/netfs/netfs.ko',
  'kernel/net/9p/9pnet.ko:',
  'kernel/fs/netfs/netfs.ko:',
  'kernel/net/9p/9pnet_virtio.ko: kernel/net/9p/9pnet.ko kernel/drivers/virtio/virtio.ko',
  'kernel/drivers/virtio/virtio.ko:',
  '',
].join('\n');

test('a module is loaded once, and after all it needs', (t) => {
  t.deepEqual(loadOrder(parseModulesDep(DEP), ['9pnet_virtio', '9p']), [
    'kernel/net/9p/9pnet.ko',
    'kernel/drivers/virtio/virtio.ko',
    'kernel/net/9p/9pnet_virtio.ko',
    'kernel/fs/netfs/netfs.ko',
    'kernel/fs/9p/9p.ko',
  ]);
});

test('a name without a module is built into the kernel and left out', (t) => {
  t.deepEqual(loadOrder(parseModulesDep(DEP), ['virtio_pci', '9pnet']), ['kernel/net/9p/9pnet.ko']);
});

test('compressed modules go by the same names', (t) => {
  const text = 'kernel/a/kvm-amd.ko.xz: kernel/a/kvm.ko.xz\nkernel/a/kvm.ko.xz:\n';
  t.deepEqual(loadOrder(parseModulesDep(text), ['kvm-amd']), [
    'kernel/a/kvm.ko.xz',
    'kernel/a/kvm-amd.ko.xz',
  ]);
  t.is(moduleName('kernel/net/9p/9pnet.ko'), '9pnet');
});

test('a cycle in modules.dep is a broken package, not an endless loop', (t) => {
  const cyclic = parseModulesDep('a.ko: b.ko\nb.ko: a.ko\n');
  t.throws(() => loadOrder(cyclic, ['a']), { message: /cycle/ });
});
