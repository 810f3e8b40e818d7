/** One set of behaviours for every hypervisor. */
import type { TestFn } from 'ava';
import { describeDifferences } from './behaviours/differences.ts';
import { describeDisks } from './behaviours/disks.ts';
import { describeEnds } from './behaviours/ends.ts';
import { describeLife } from './behaviours/life.ts';
import { describeNic } from './behaviours/nic.ts';
import { describePartial } from './behaviours/partial.ts';
import { describePartitions } from './behaviours/partitions.ts';
import { describePopulated } from './behaviours/populates.ts';
import { describeResize } from './behaviours/resize.ts';
import { describeZero } from './behaviours/reads-zero.ts';
import type { Target } from './target.ts';
import { Vms } from './vms.ts';

/**
 * Declares the suite in the test file that calls it: `conformance(test, target)`, with ava's
 * `test`, which is given so that nothing here needs ava by itself.
 */
export function conformance(test: TestFn, target: Target): void {
  const vms = new Vms(target);
  test.after.always(`${target.profile.title}: nothing of the suite is left running`, async () => {
    await vms.cleanUp();
  });
  describeResize(test, target, vms);
  describePartial(test, target, vms);
  const { partitions } = target;
  if (partitions !== null) describePartitions(test, { ...target, partitions }, vms);
  describeZero(test, target, vms);
  describePopulated(test, target, vms);
  describeLife(test, target, vms);
  describeEnds(test, target, vms);
  describeDisks(test, target, vms);
  describeNic(test, target, vms);
  describeDifferences(test, target, vms);
}
