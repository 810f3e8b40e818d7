/** The kernel modules the nested machine loads before it has a root file system. Pure. */
import { basename } from 'node:path';
import { assert } from '../../base/assert.ts';

/**
 * What the machine needs: its bus, its root file system, KVM on AMD SVM, and what TAP devices on a
 * bridge between network namespaces take.
 */
export const NEEDED_MODULES = [
  'virtio_pci',
  '9pnet_virtio',
  '9p',
  'overlay',
  'kvm',
  'kvm-amd',
  'tun',
  'bridge',
  'veth',
  'sch_ingress',
  'cls_bpf',
] as const;

/** `kernel/arch/x86/kvm/kvm-amd.ko.xz` -> `kvm-amd`. */
export function moduleName(path: string): string {
  return basename(path).replace(/\.ko(\.\w+)?$/, '');
}

/** Module path -> paths it needs, as depmod(8) writes them into modules.dep. */
export type ModuleDependencies = ReadonlyMap<string, readonly string[]>;

/** Reads modules.dep: one `path: dependency dependency` a line. */
export function parseModulesDep(text: string): ModuleDependencies {
  const dependencies = new Map<string, readonly string[]>();
  for (const line of text.split('\n')) {
    const colon = line.indexOf(':');
    if (colon < 0) continue;
    dependencies.set(
      line.slice(0, colon),
      line
        .slice(colon + 1)
        .split(' ')
        .filter(Boolean),
    );
  }
  return dependencies;
}

/**
 * The paths to load, each after all it needs. A name with no path is built into the kernel and left
 * out.
 */
export function loadOrder(
  dependencies: ModuleDependencies,
  names: readonly string[],
): readonly string[] {
  const byName = new Map([...dependencies.keys()].map((path) => [moduleName(path), path]));
  const order: string[] = [];
  const visit = (path: string, depth: number): void => {
    assert(depth < 32, `modules.dep has a cycle at ${path}`);
    if (order.includes(path)) return;
    for (const needed of dependencies.get(path) ?? []) visit(needed, depth + 1);
    if (!order.includes(path)) order.push(path);
  };
  for (const name of names) {
    const path = byName.get(name);
    if (path !== undefined) visit(path, 0);
  }
  return order;
}
