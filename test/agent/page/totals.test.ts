/** Sums of the page: each of its own figure, and unknown where one VM tells none. */
import test from 'ava';
import type { LiveRegion } from '../../../agent/model/live.ts';
import { PageModel } from '../../../agent/page/model.ts';
import { residentOf, totalOf, totalsByFunction } from '../../../agent/page/totals.ts';

const REGION: LiveRegion = {
  index: 0,
  id: 'r0',
  target_bytes: 1,
  plugged_bytes: 20,
  permit_bytes: 300,
  used_bytes: 5,
  instance_id: 'i1',
  span: null,
  instance_phase: 'busy',
  operation_id: null,
  ready: false,
  unplug_attempts: 0,
};

function model(): PageModel {
  const made = new PageModel();
  for (const id of ['vm1', 'vm2']) {
    const stuck = { index: 1, id: 'r1', instance_id: null, instance_phase: null };
    made.vms.set(id, {
      id,
      function: id === 'vm1' ? 'f' : 'g',
      phase: 'running',
      boot_bytes: 4_000,
      overhead_bytes: 7,
      region_count: 2,
      regions: [REGION, { ...REGION, ...stuck, unplug_attempts: 1 }],
    });
  }
  return made;
}

test('an instance with a span open is one instance, with the memory of both', (t) => {
  const made = new PageModel();
  const spanned = { ...REGION, index: 1, id: 'r1', span: 'data' };
  const about = { phase: 'running', boot_bytes: 0, overhead_bytes: 0, region_count: 2 } as const;
  made.vms.set('vm1', { id: 'vm1', function: 'f', ...about, regions: [REGION, spanned] });
  const { instances, plugged_bytes } = totalOf(totalsByFunction(made).values());
  t.like({ busy: instances.busy, plugged_bytes }, { busy: 1, plugged_bytes: 40 });
});

test('permits, plugged and committed memory are told apart, of a function and of all', (t) => {
  const totals = totalsByFunction(model());
  const own = {
    vms: 1,
    permits_bytes: 600,
    plugged_bytes: 4_040,
    committed_bytes: 4_600,
    stuck: 1,
  };
  t.like(totals.get('f'), { ...own, instances: { starting: 0, busy: 1, idle: 0, stopping: 0 } });
  const twice = Object.fromEntries(Object.entries(own).map(([key, value]) => [key, 2 * value]));
  t.like(totalOf(totals.values()), { ...twice, resident_unknown: 2 });
});

test('what the host holds of a function is not known where a VM of it does not tell', (t) => {
  const told = totalsByFunction(model()).get('f');
  t.is(told && residentOf(told), null);
  t.is(told && residentOf({ ...told, resident_bytes: 9, resident_unknown: 0 }), 9);
});
