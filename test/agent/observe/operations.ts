/** Records of operations to tell. */
import { nothingOf } from '../../../agent/model/fields.ts';
import { type Operation, operationSchema } from '../../../agent/model/records.ts';

/** A plug of which nothing else is known. */
export const operationOf = (id: string, own: Partial<Operation> = {}): Operation => ({
  ...nothingOf(operationSchema),
  mechanism: 'hotmem',
  id,
  kind: 'plug',
  function: 'f',
  vm_id: 'vm1',
  region_id: 'r0',
  outcome: 'done',
  before_bytes: 0,
  requested_bytes: 1,
  plugged_bytes: 1,
  nudges: 0,
  ...own,
});
