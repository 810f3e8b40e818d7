/** A function with a memory expression in a World: calls by payload, and peaks as the test says. */
import { memoryOfCall } from '../../../agent/model/call-memory.ts';
import type { MemoryExpression } from '../../../agent/model/expression-spec.ts';
import { expressionOfBlock } from '../../../agent/model/expression-spec.ts';
import { memoryExpressionSchema } from '../../../agent/expression/interface.ts';
import type { MechanismName } from '../../../agent/model/mechanism.ts';
import type { FunctionSpec, MemorySpec } from '../../../agent/model/spec.ts';
import { HISTORY_POLICY } from '../../../autoscaler/policy/history.ts';
import { GIB, MIB } from '../../../base/units.ts';
import { World } from './world.ts';

/** Three matrices, two of them dead at the end, beside a runtime of 34 MiB. */
export const MATMUL = {
  parameters: { n: { pointer: '/n', min: 0, max: 4000 } },
  consumed: '3 * sizeof(float) * n * n + 56',
  freed: '2 * sizeof(float) * n * n + 56',
  peak: '3 * sizeof(float) * n * n + 56',
  base: '34MiB',
};

export const expressionOf = (block: object = MATMUL): MemoryExpression =>
  expressionOfBlock(memoryExpressionSchema.parse(block));

/** `memory` of a definition with this block, and nothing else said. */
export const sizedBy = (block: object = MATMUL): MemorySpec => ({
  baseline_bytes: null,
  increment_bytes: null,
  history: false,
  grow_wait_ms: null,
  expression: expressionOf(block),
});

/** The bytes that MATMUL says. */
export const matmulBytes = (n: number): number => 34 * MIB + 24 * n * n + 56;

const RESULT = {
  first_byte_at_ms: 0,
  finished_at_ms: 0,
  guest_wall_ms: 1,
  guest_cpu_ms: 1,
  guest_touch_cpu_ms: null,
  minor_faults: 0,
  anonymous_bytes: 0,
  function_error: null,
};

export class SizedWorld extends World {
  constructor(memory: MemorySpec = sizedBy(), mechanism: MechanismName = 'hotmem') {
    super(16 * GIB);
    this.context = { policy: HISTORY_POLICY, recording: true };
    const part: Partial<FunctionSpec> = { limit_bytes: GIB, memory, keep_alive_ms: 1e9 };
    this.deploy('f', mechanism, { ...part, concurrency: 1 });
    this.settleAll();
  }

  /** Completes all but the work itself. */
  settleAll(): void {
    for (let count = 0; count < 100; count += 1) {
      const index = this.pendingTypes().findIndex((type) => type !== 'invoke-instance');
      if (index === -1) return;
      this.complete(index);
    }
    throw new Error(`pending: ${this.pendingTypes().join(', ')}`);
  }

  /** A call that has come. */
  begin(payload: object): void {
    const about = { request_id: this.request(), function: 'f', invocation_id: 'x' };
    const bytes = Buffer.from(JSON.stringify(payload));
    const memory = memoryOfCall(this.state.functions.get('f'), { payload: bytes });
    this.send({ type: 'invoke', ...about, timeout_ms: null, ...memory });
  }

  /** A call that is at work, with what was plugged for it. */
  call(payload: object): void {
    this.begin(payload);
    this.settleAll();
  }

  /** It ends; `peak_bytes`: the instance's, as its guest counts; null: not told. */
  finish(peak_bytes: number | null): void {
    const index = this.pendingTypes().indexOf('invoke-instance');
    const [action] = this.pending.splice(index, 1);
    if (action?.type !== 'invoke-instance') throw new Error('nothing is at work');
    const { vm_id, instance_id, request_id } = action;
    const result = { ...RESULT, peak_bytes };
    this.send({ type: 'invocation-finished', vm_id, instance_id, request_id, result });
    this.settleAll();
  }

  /** The guest's word of what is in use. */
  tell(used_bytes: number): void {
    const { vm, region } = this;
    const { plugged_bytes, holder } = region;
    const free_tail_bytes = plugged_bytes - used_bytes;
    const use = { region_id: region.id, used_bytes, plugged_bytes, free_tail_bytes, want_bytes: 0 };
    const regions = [{ ...use, ...(holder === null ? {} : { instance_id: holder }) }];
    this.send({ type: 'usage', vm_id: vm.id, regions });
    this.settleAll();
  }

  /** It ends, and the next call starts an instance anew. */
  endInstance(): void {
    this.drain('f');
    this.settleAll();
  }

  get vm() {
    const [vm] = this.vmsOf('f');
    if (!vm) throw new Error('the function has its VM');
    return vm;
  }

  get region() {
    const [region] = this.vm.regions;
    if (!region) throw new Error('the VM has its region');
    return region;
  }

  get pluggedMib(): number {
    return this.region.plugged_bytes / MIB;
  }

  get because(): string {
    return this.region.span?.because ?? '';
  }

  get ledger() {
    const ledger = this.state.functions.get('f')?.expression;
    if (!ledger) throw new Error('the function has an expression');
    return ledger;
  }
}
