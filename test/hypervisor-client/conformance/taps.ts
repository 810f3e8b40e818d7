/** TAP devices for the suite, where this host lets us make them: no packet goes through any. */
import type { TestFn } from 'ava';
import { execa } from 'execa';
import { tapTroubles } from '../../../hypervisor-client/host/tap.ts';

/** Why this host lets us make none; empty: it does. */
const WHY_NO_TAPS = (await tapTroubles()).join('; ');

/** Null: this host lets us make none. They are gone when the file's tests are over. */
export function tapMaker(test: TestFn): (() => Promise<string>) | null {
  if (WHY_NO_TAPS !== '') {
    console.log(`skipped: no TAP devices here: ${WHY_NO_TAPS}`);
    return null;
  }
  const made: string[] = [];
  test.after.always('no TAP device of the suite is left', async () => {
    for (const name of made) await execa('ip', ['link', 'delete', name]);
  });
  return async () => {
    const name = `hpc${process.pid.toString(36)}n${made.length}`;
    // It stays down, so that nothing goes through it.
    await execa('ip', ['tuntap', 'add', 'dev', name, 'mode', 'tap']);
    made.push(name);
    return name;
  };
}
