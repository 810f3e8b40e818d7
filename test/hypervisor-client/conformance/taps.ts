/** TAP devices for the suite, where this host lets us make them: no packet goes through any. */
import { access, constants } from 'node:fs/promises';
import type { TestFn } from 'ava';
import { execa } from 'execa';

/** Null: this host does not let us. They are gone when the file's tests are over. */
export async function tapMaker(test: TestFn): Promise<(() => Promise<string>) | null> {
  const made: string[] = [];
  test.after.always('no TAP device of the suite is left', async () => {
    for (const name of made) await execa('ip', ['link', 'delete', name]);
  });
  const make = async (): Promise<string> => {
    const name = `hpc${process.pid.toString(36)}n${made.length}`;
    // It stays down, so that nothing goes through it.
    await execa('ip', ['tuntap', 'add', 'dev', name, 'mode', 'tap']);
    made.push(name);
    return name;
  };
  try {
    await access('/dev/net/tun', constants.R_OK | constants.W_OK);
    await make();
    return make;
  } catch {
    console.log('skipped: no right to make TAP devices here');
    return null;
  }
}
