/**
 * The newest record about each thing that lives: what the next record about it comes of. It is
 * taken from the records themselves, so that an agent that goes on with a ledger finds it there.
 */
import type { RecordDraft, RecordFields } from '../../ledger/record.ts';

/** Operations whose end was recorded, and of which the observers may still tell. */
const ENDED_KEPT = 1_024;

type About = Partial<RecordFields> & Pick<RecordDraft, 'kind'>;

export class Anchors {
  readonly functions = new Map<string, number>();
  readonly vms = new Map<string, number>();
  readonly regions = new Map<string, number>();
  readonly instances = new Map<string, number>();
  readonly operations = new Map<string, number>();
  readonly requests = new Map<string, number>();
  /** The last invocation of an instance, and how many it had with it. */
  readonly runs = new Map<string, { readonly seq: number; readonly nth: number }>();
  readonly ended = new Map<string, number>();

  /** Takes note of a record. */
  note(seq: number, about: About): void {
    const { kind, vm_id, region_id, instance_id, operation_id, request_id } = about;
    switch (kind) {
      case 'run':
      case 'done':
        if (request_id) this.requests.delete(request_id);
        if (instance_id) this.instances.set(instance_id, seq);
        if (kind === 'run' && instance_id) this.runs.set(instance_id, { seq, nth: about.nth ?? 0 });
        return;
      case 'request':
        if (request_id) this.requests.set(request_id, seq);
        return;
      case 'deploy':
        if (about.function) this.functions.set(about.function, seq);
        return;
      case 'denied':
        if (request_id) this.requests.delete(request_id);
        return;
      case 'policy':
      case 'resident':
      case 'observed':
        return;
      case 'begin':
        if (about.is_fresh) this.#clear();
        return;
      case 'vm-gone':
        if (vm_id) this.#vmGone(vm_id);
        return;
      case 'permit':
        // Of a VM that is gone permits come back: nothing more comes of them.
        if (about.to_bytes === 0 && vm_id && !this.vms.has(vm_id)) return;
        break;
      case 'resumed':
        if (instance_id) this.#resumed(instance_id, seq, about.nth ?? 0);
        break;
      default:
    }
    if (region_id) this.regions.set(region_id, seq);
    else if (vm_id && !instance_id) this.vms.set(vm_id, seq);
    if (instance_id) this.instances.set(instance_id, seq);
    if (operation_id) this.#operation(operation_id, kind, seq);
  }

  #operation(id: string, kind: RecordDraft['kind'], seq: number): void {
    if (kind === 'plug' || kind === 'unplug' || kind === 'resumed') this.operations.set(id, seq);
    if (kind !== 'populated' && kind !== 'grown' && kind !== 'shrunk' && kind !== 'emptied') return;
    this.operations.delete(id);
    this.ended.set(id, seq);
    const [oldest] = this.ended.keys();
    if (this.ended.size > ENDED_KEPT && oldest !== undefined) this.ended.delete(oldest);
  }

  /** Nothing more comes of an instance that is not there any more. */
  forget(instance_id: string): void {
    this.instances.delete(instance_id);
    this.runs.delete(instance_id);
  }

  /** After the end of an agent: nothing more comes of any other. */
  keepOnly(instance_ids: ReadonlySet<string>): void {
    for (const id of this.instances.keys()) if (!instance_ids.has(id)) this.instances.delete(id);
    for (const id of this.runs.keys()) if (!instance_ids.has(id)) this.runs.delete(id);
  }

  /** Calls that nobody recorded are told once, and stand for what they left in its memory. */
  #resumed(instance_id: string, seq: number, nth: number): void {
    if ((this.runs.get(instance_id)?.nth ?? 0) < nth) this.runs.set(instance_id, { seq, nth });
  }

  #vmGone(vm_id: string): void {
    this.vms.delete(vm_id);
    for (const id of this.regions.keys()) if (id.startsWith(`${vm_id}/`)) this.regions.delete(id);
  }

  #clear(): void {
    const all = [this.functions, this.vms, this.regions, this.instances, this.operations];
    for (const one of [...all, this.requests, this.runs, this.ended]) one.clear();
  }
}
