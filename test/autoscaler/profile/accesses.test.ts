/** Which counts are those of a call, and what is known of one whose instance is not. */
import test from 'ava';
import { accessesOf, CallAccesses } from '../../../autoscaler/profile/call-accesses.ts';
import type {
  AccessSource,
  RegionsOf,
  VmAccesses,
} from '../../../autoscaler/profile/call-accesses.ts';
import { EMPTY_OPERATION, EMPTY_REPLY } from '../empty-messages.ts';

const cache = { line_bytes: 64, sets: 2_048, ways: 16 };
const at = (counts: number) => ({ loads: counts, stores: 2 * counts, fills: 3 * counts });

/** A VM whose places have these counts. */
const vmOf = (vm_id: string, places: Readonly<Record<string, number>>): VmAccesses => ({
  vm_id,
  vcpus: 1,
  instructions: 1_000 * (places['boot'] ?? 0),
  cache,
  places: new Map(Object.entries(places).map(([id, counts]) => [id, at(counts)])),
});

test('what a call did is the difference, in the region of its instance and in no other', (t) => {
  const before = [vmOf('vm1', { boot: 5, r0: 10, r1: 7 }), vmOf('vm2', { boot: 1, r1: 0 })];
  const after = [vmOf('vm1', { boot: 8, r0: 11, r1: 90 }), vmOf('vm2', { boot: 90, r1: 90 })];
  t.like(accessesOf({ vm_id: 'vm1', region_id: 'r0' }, before, after), {
    instructions: 3_000,
    region: at(1),
    boot: at(3),
  });
});

test('a VM that came with the call had done nothing before; one that is gone is unknown', (t) => {
  const now = [vmOf('vm1', { boot: 8, r0: 11 })];
  t.like(accessesOf({ vm_id: 'vm1', region_id: 'r0' }, [], now), { region: at(11), boot: at(8) });
  t.is(accessesOf({ vm_id: 'vm1', region_id: 'r0' }, now, []), null);
  t.is(accessesOf({ vm_id: 'vm1', region_id: 'r9' }, [], now), null);
});

/** Counts grow by one in each place between two looks. */
function growing(): AccessSource {
  let looks = 0;
  return {
    read: async () => {
      looks += 1;
      return [vmOf('vm1', { boot: looks, r0: looks, r1: 100 * looks })];
    },
  };
}

const answer = async () => ({ ...EMPTY_REPLY, function: 'f', instance_id: 'i1' });

type Regions = Awaited<ReturnType<RegionsOf>>;

function regionsWith(regions: Regions) {
  const asked: string[] = [];
  const regionsOf: RegionsOf = async (name) => {
    asked.push(name);
    return regions;
  };
  return { asked, regionsOf };
}

test('its plug says where an instance is, and a span of it does not', async (t) => {
  const { regionsOf, asked } = regionsWith([]);
  const counts = new CallAccesses(growing(), regionsOf);
  const plug = { ...EMPTY_OPERATION, kind: 'plug', function: 'f', instance_id: 'i1' } as const;
  counts.note({ ...plug, vm_id: 'vm1', region_id: 'r1' });
  counts.note({ ...plug, vm_id: 'vm1', region_id: 'r0', span: 'table' });
  const { counted } = await counts.around('f', answer, new AbortController().signal);
  t.like(counted, { region_id: 'r1', region: at(100) });
  t.deepEqual(asked, []);
});

test('where nothing was plugged the agent is asked; who has no region is unknown, not 0', async (t) => {
  const { signal } = new AbortController();
  const spans = { id: 'r1', vm_id: 'vm1', instance_id: 'i1', span: 'table' };
  const own = { id: 'r0', vm_id: 'vm1', instance_id: 'i1', span: null };
  const there = new CallAccesses(growing(), regionsWith([spans, own]).regionsOf);
  t.like((await there.around('f', answer, signal)).counted, { region_id: 'r0', region: at(1) });
  const gone = new CallAccesses(growing(), regionsWith([spans]).regionsOf);
  t.is((await gone.around('f', answer, signal)).counted, null);
});
