/**
 * What a store has of the rows that changed since it was last written, as the steps that changed
 * them tell: to look into the table of then would be to go through all of its rows. Pure.
 */
import type { OperationState } from '../model/operations.ts';
import type { FunctionState, VmState } from '../model/state.ts';
import type { Edits } from '../model/table.ts';

type Edited<Row> = Pick<Edits<Row>, 'keys' | 'before'>;

/** Rows that one step changed, with what was there before it. */
export interface EditedRows {
  readonly functions: Edited<FunctionState>;
  readonly vms: Edited<VmState>;
  readonly operations: Edited<OperationState>;
}

export class RowsBefore {
  /** By key; null: there is none. */
  readonly functions = new Map<string, FunctionState | null>();
  readonly vms = new Map<string, VmState | null>();
  readonly operations = new Map<string, OperationState | null>();

  /** To be told of every step, in order. */
  note({ functions, vms, operations }: EditedRows): void {
    noteFirst(this.functions, functions);
    noteFirst(this.vms, vms);
    noteFirst(this.operations, operations);
  }

  /** Everything is written. */
  clear(): void {
    this.functions.clear();
    this.vms.clear();
    this.operations.clear();
  }
}

/** What a later step finds of a row is what an earlier one made of it. */
function noteFirst<Row>(known: Map<string, Row | null>, { keys, before }: Edited<Row>): void {
  for (let place = 0; place < keys.length; place += 1) {
    const key = keys[place] ?? '';
    if (!known.has(key)) known.set(key, before[place] ?? null);
  }
}
