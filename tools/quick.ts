/**
 * What `npm run test:quick` leaves out. All other tests need no VM, no root and no Debian package,
 * and take together less than a minute on two idle cores.
 */

/** They need a compiler or another tool of setup/debian-packages.json. */
const NEEDS_TOOLS = [
  'test/guest/hotmem-abi.test.ts',
  'test/guest/json-reader.test.ts',
  'test/guest/regions.test.ts',
  'test/images/arch.test.ts',
  'test/images/build-path.test.ts',
  'test/images/cache.test.ts',
  'test/images/carried.test.ts',
  'test/images/cpio.test.ts',
  'test/images/environment.test.ts',
  'test/images/kernel-build.test.ts',
  'test/images/nested/debian-kernel.test.ts',
  'test/images/rootfs.test.ts',
];

/** They start many processes, or play very much: more than 3 s of CPU time each. */
const SLOW = [
  'test/agent/api/errors-whole.test.ts',
  'test/agent/daemon.test.ts',
  'test/agent/start.test.ts',
  'test/agent/store/lock.test.ts',
  'test/autoscaler/folders.test.ts',
  'test/autoscaler/repeat.test.ts',
  'test/autoscaler/replay.test.ts',
  'test/base/make-folder.test.ts',
  'test/base/plain-file.test.ts',
  'test/bench/agent.test.ts',
  'test/bench/core.test.ts',
  'test/cli/process-end.test.ts',
  'test/cli/system-errors.test.ts',
  'test/end-to-end/bad-input.test.ts',
  'test/hypervisor-client/cloud-hypervisor/driver.test.ts',
  'test/hypervisor-client/cloud-hypervisor/examples.test.ts',
  'test/hypervisor-client/cloud-hypervisor/fake-conformance.test.ts',
  'test/hypervisor-client/cloud-hypervisor/faults.test.ts',
  'test/hypervisor-client/cloud-hypervisor/fuzz.test.ts',
  'test/hypervisor-client/cloud-hypervisor/leftovers.test.ts',
  'test/package/install.test.ts',
  'test/setup/setup.test.ts',
];

export const NOT_QUICK: readonly string[] = [...NEEDS_TOOLS, ...SLOW];

/** Patterns of ava: every test file without a VM that is not left out. */
export const QUICK: readonly string[] = [
  'test/**/*.test.ts',
  '!test/**/*.vm.test.ts',
  ...NOT_QUICK.map((path) => `!${path}`),
];
