/**
 * An agent that runs ahead of its VMs. What it does at a guest's word takes a part of a
 * millisecond; behind guests that fill the CPUs its turn alone may take longer than all the rest.
 */
import { messageOf } from '../../base/errors.ts';
import { errnoOf } from '../../base/system-error.ts';
import { hasAutogroups, leadsSession, setAutogroupNice } from './autogroup.ts';

/** Nine times the weight of a session at 0: it goes first, and cannot take a CPU to itself. */
const AHEAD_NICE = -10;

/**
 * Has this process, and its children that begin no session, go ahead of other sessions. Returns
 * why it does not, for people; null: it does. VMMs have sessions of their own, at 0.
 */
export function goAhead(pid = process.pid, proc = '/proc'): string | null {
  if (!hasAutogroups(proc)) return 'the kernel has no autogroups, or they are off';
  if (!leadsSession(pid, proc)) return 'others are in its session, and would go ahead with it';
  try {
    setAutogroupNice(pid, AHEAD_NICE, proc);
    return null;
  } catch (error) {
    return errnoOf(error) === 'EPERM' ? 'that needs CAP_SYS_NICE' : messageOf(error);
  }
}
