/** A process that tries for a state folder when told to, and gives it back when told to. */
import { lockStateDir } from '../../../agent/store/lock.ts';

const state_dir = process.argv[2] ?? '';
let unlock: (() => Promise<void>) | null = null;

process.on('message', (word) => {
  const answer = async (): Promise<void> => {
    if (word === 'unlock') await unlock?.();
    unlock = word === 'lock' ? await lockStateDir(state_dir).catch(() => null) : null;
    process.send?.(word === 'lock' ? unlock !== null : false);
  };
  void answer();
});
process.send?.('ready');
