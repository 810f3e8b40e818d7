/** One set of behaviours for every hypervisor. A test file calls it with its target. */
import test from 'ava';
import { describeDifferences } from './behaviours/differences.ts';
import { describeEnds } from './behaviours/ends.ts';
import { describeLife } from './behaviours/life.ts';
import { describePartial } from './behaviours/partial.ts';
import { describePartitions } from './behaviours/partitions.ts';
import { describeResize } from './behaviours/resize.ts';
import type { Target } from './target.ts';
import { Vms } from './vms.ts';

export function conformance(target: Target): void {
  const vms = new Vms(target);
  test.after.always(`${target.profile.title}: nothing of the suite is left running`, async () => {
    await vms.cleanUp();
  });
  describeResize(target, vms);
  describePartial(target, vms);
  describePartitions(target, vms);
  describeLife(target, vms);
  describeEnds(target, vms);
  describeDifferences(target, vms);
}
