/**
 * Goal: each region's memory lies on the node of the host that it is bound to, and the share of
 * each node is what was asked for within 1 %. Method: a nested machine with two nodes, in which a
 * guest under KVM uses all of its regions; its kernel is asked by numa_maps. Four minutes a driver,
 * so only where HOTPLANE_NESTED_NODES is set; Cloud Hypervisor where CLOUD_HYPERVISOR names it.
 */
import test from 'ava';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { z } from 'zod';
import { cacheDir, PROJECT_ROOT } from '../../../base/paths.ts';
import { MIB } from '../../../base/units.ts';
import { runInNestedMachine, shellQuote } from '../../../images/nested/machine.ts';
import { BINARY } from '../../hypervisor-client/cloud-hypervisor/binary.ts';
import { conformanceImage } from '../../hypervisor-client/conformance/guest-image.ts';

const DEADLINE_MS = 900_000;
const withNodes = process.env['HOTPLANE_NESTED_NODES'] ? test.serial : test.serial.skip;

const nodeSchema = z.object({ node: z.number(), bytes: z.number() });
const seenSchema = z.object({
  refused: z.string().nullable(),
  outcomes: z.array(z.string()),
  nodes: z.array(z.object({ node: z.number() })),
  regions: z.array(
    z.object({ id: z.string(), resident_bytes: z.number(), node_bytes: z.array(nodeSchema) }),
  ),
});

for (const driver of ['qemu', ...(BINARY === '' ? [] : ['cloud-hypervisor'])]) {
  withNodes(`${driver}: a region lies on its node of the host alone`, async (t) => {
    t.timeout(DEADLINE_MS + 60_000);
    const run_dir = await mkdtemp(join(tmpdir(), 'hotplane-nested-'));
    t.teardown(async () => await rm(run_dir, { recursive: true, force: true }));
    const { kernel_path, initrd_path, kernel_arguments } = await conformanceImage();
    const words = [
      'env',
      `CLOUD_HYPERVISOR=${BINARY}`,
      join(PROJECT_ROOT, 'node_modules/.bin/node'),
      'test/images/nested/region-nodes-under-kvm.ts',
      driver,
      kernel_path,
      initrd_path,
      ...kernel_arguments,
    ];
    const result = await runInNestedMachine({
      command: words.map(shellQuote).join(' '),
      working_dir: PROJECT_ROOT,
      run_dir,
      cache_dir: cacheDir(),
      nodes: 2,
      deadline_ms: DEADLINE_MS,
    });
    t.is(result.exit_code, 0, result.output);
    const line = result.output.split('\n').find((candidate) => candidate.startsWith('{'));
    const seen = seenSchema.parse(JSON.parse(line ?? '{}'));
    t.log(`${result.kernel}: ${line}`);
    t.deepEqual(
      seen.nodes.map(({ node }) => node),
      [0, 1],
    );
    t.is(seen.refused, 'HP_VMM_NO_HOST_NODE', 'a node that is not there');
    t.deepEqual(seen.outcomes, ['done', 'done']);
    const bytesOn = (node: number): number =>
      seen.regions
        .flatMap(({ node_bytes }) => node_bytes)
        .reduce((sum, one) => sum + (one.node === node ? one.bytes : 0), 0);
    for (const [index, { id, node_bytes, resident_bytes }] of seen.regions.entries()) {
      t.deepEqual(
        node_bytes.map(({ node }) => node),
        [index],
        `${id} is on node ${index} alone`,
      );
      t.is(node_bytes[0]?.bytes, resident_bytes, `${id}: both of the kernel's words agree`);
    }
    const near = bytesOn(0) / (bytesOn(0) + bytesOn(1));
    t.true(bytesOn(0) > 100 * MIB, 'the guest uses its regions');
    t.true(Math.abs(near - 1 / 3) < 0.01, `the share of node 0 is ${near}`);
  });
}
