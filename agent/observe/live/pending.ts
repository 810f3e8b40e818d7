/** What is to be told with the next change of the live stream, gathered as it happens. */
import { AGENT_LIMITS } from '../../limits.ts';
import type { LiveNews, LiveRefusal } from '../../model/live.ts';
import type {
  AgentRecord,
  MemoryStep,
  Operation,
  RecordKind,
  Report,
} from '../../model/records.ts';
import type { StateChange } from '../change-feed.ts';

export class PendingNews {
  readonly functions = new Set<string>();
  readonly vms = new Set<string>();
  readonly operations = new Set<string>();
  #ended: Operation[] = [];
  #reports: Report[] = [];
  /** The newest of each VM. */
  readonly #memory = new Map<string, MemoryStep>();
  readonly #refusals = new Map<string, LiveRefusal>();
  #done = 0;
  #dropped = 0;

  addChange({ changed }: StateChange): void {
    for (const name of changed.functions) this.functions.add(name);
    for (const id of changed.vms) this.vms.add(id);
    for (const id of changed.operations) this.operations.add(id);
  }

  /** False: there is nothing in it that is told. */
  addRecord<Kind extends RecordKind>(kind: Kind, record: NonNullable<AgentRecord[Kind]>): boolean {
    const { operation, memory, report, invocation }: AgentRecord = { [kind]: record };
    if (operation) this.#keep(this.#ended, operation);
    if (report) this.#keep(this.#reports, report);
    if (memory) this.#memory.set(memory.vm_id, memory);
    if (invocation?.outcome === 'done') this.#done += 1;
    else if (invocation) {
      this.#refused(invocation.function, invocation.outcome, invocation.error_code ?? 'unknown');
    }
    return kind !== 'decision';
  }

  /** What happened since the last call. */
  takeNews(): LiveNews {
    const news: LiveNews = {
      operations: this.#ended,
      memory: [...this.#memory.values()],
      reports: this.#reports,
      refusals: [...this.#refusals.values()],
      invocations_done: this.#done,
      dropped: this.#dropped,
    };
    this.#ended = [];
    this.#reports = [];
    this.#memory.clear();
    this.#refusals.clear();
    this.#done = 0;
    this.#dropped = 0;
    return news;
  }

  /** Nothing is to be told any more. */
  clear(): void {
    this.takeNews();
    for (const keys of [this.functions, this.vms, this.operations]) keys.clear();
  }

  #keep<Row>(rows: Row[], row: Row): void {
    if (rows.length < AGENT_LIMITS.live_records) rows.push(row);
    else this.#dropped += 1;
  }

  #refused(name: string, outcome: 'refused' | 'failed', code: string): void {
    const key = `${name} ${outcome} ${code}`;
    const known = this.#refusals.get(key);
    if (!known && this.#refusals.size >= AGENT_LIMITS.live_records) {
      this.#dropped += 1;
      return;
    }
    this.#refusals.set(key, { function: name, outcome, code, count: (known?.count ?? 0) + 1 });
  }
}
