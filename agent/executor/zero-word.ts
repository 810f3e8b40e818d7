/**
 * The driver's word that what a guest plugs reads zero, passed on to guests that can do something
 * with it. It is not when the operator withholds it, and then taken back from VMs that have it.
 */
import type { Logger } from 'pino';
import type { Vm } from '../../hypervisor-client/vm.ts';
import { refusalOf } from '../model/failure.ts';
import { MECHANISMS } from '../model/mechanism.ts';
import { knowsReady } from '../model/series.ts';
import type { FunctionSpec } from '../model/spec.ts';
import type { VmFacts } from '../model/state.ts';
import { isBug } from '../observe/fail-stop.ts';
import type { GuestLink } from './guest-link.ts';
import { errOf } from './repeat-log.ts';

interface Parts {
  readonly guest: Pick<GuestLink, 'trust'>;
  readonly vm: Pick<Vm, 'plugged_reads_zero'>;
  readonly spec: FunctionSpec;
  /** The operator withholds it. */
  readonly clear_plugged: boolean;
  readonly log: Logger;
}

/** To a guest that said hello and has nothing plugged yet; one that refuses clears as ever. */
export async function giveZeroWord(parts: Parts, facts: VmFacts): Promise<void> {
  const { guest, vm, spec, clear_plugged, log } = parts;
  if (clear_plugged || !vm.plugged_reads_zero || !knowsReady(spec.mechanism, facts)) return;
  try {
    await guest.trust(true);
    log.info({ vmm: facts.vmm }, 'the guest takes what is plugged for zero, by its driver');
  } catch (error) {
    if (isBug(error)) throw error;
    log.warn({ err: errOf(refusalOf(error)) }, 'the guest clears what is plugged');
  }
}

/** From a guest that an earlier agent may have given it to; older ones never had it. */
export async function takeZeroWord({ guest, vm, spec, clear_plugged, log }: Parts): Promise<void> {
  if (vm.plugged_reads_zero && !clear_plugged) return;
  if (!MECHANISMS.get(spec.mechanism).partitions) return;
  try {
    await guest.trust(false);
    log.info('the guest clears what is plugged from now on');
  } catch (error) {
    if (isBug(error)) throw error;
    log.warn({ err: errOf(refusalOf(error)) }, 'the guest was not told to clear what is plugged');
  }
}
