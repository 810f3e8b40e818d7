/** A program in a guest, and what the console of the guest says while it runs. */
import { hostClock } from '../../base/clock.ts';
import { waitFor } from '../../base/wait.ts';
import { PROTOCOL } from '../../guest/protocol/constants.ts';
import { MendedLines } from './mended-lines.ts';

/** From the last line of a program until it is gone. */
const EXIT_MS = 10_000;
/** What a program wrote may still be on its way through the port when it is gone. */
const CONSOLE_MS = 5_000;

export interface GuestWithConsole {
  readonly agent: {
    start(
      instance: string,
      changes: {
        readonly argv: readonly string[];
        readonly env: Readonly<Record<string, string>>;
      },
    ): Promise<unknown>;
    readonly exits: readonly { readonly instance: string }[];
  };
  /** All whole lines of the console so far. */
  lines(): Promise<readonly string[]>;
}

/**
 * Starts a program in the guest, and hands every line of the console from then on to `onLine`, in
 * order and mended, until that says it has seen the end, or the program is gone, or the deadline
 * has passed: false then.
 */
export async function runInGuest(
  guest: GuestWithConsole,
  program: {
    readonly argv: readonly string[];
    readonly env?: Readonly<Record<string, string>>;
    readonly deadline_ms: number;
    readonly signal?: AbortSignal;
  },
  onLine: (line: string) => Promise<boolean> | boolean,
): Promise<boolean> {
  const { agent } = guest;
  let seen = (await guest.lines()).length;
  const instance = `program-at-line-${seen}`;
  await agent.start(instance, {
    argv: program.argv,
    env: {
      [PROTOCOL.ready_variable]: PROTOCOL.ready_exec,
      [PROTOCOL.user_variable]: PROTOCOL.user_root,
      ...program.env,
    },
  });
  let ended = false;
  const mended = new MendedLines();
  const isGone = (): true | null =>
    agent.exits.some((event) => event.instance === instance) || null;
  const look = async (): Promise<true | null> => {
    const lines = await guest.lines();
    for (const line of lines.slice(seen).flatMap((one) => mended.add(one))) {
      ended = (await onLine(line)) || ended;
    }
    seen = lines.length;
    return ended || null;
  };
  const clock = hostClock;
  const signal = program.signal ? { signal: program.signal } : {};
  const until = { clock, deadline_ms: program.deadline_ms, longest_pause_ms: 10, ...signal };
  await waitFor(async () => (await look()) ?? isGone(), until);
  await waitFor(look, { clock, deadline_ms: isGone() ? CONSOLE_MS : 0 });
  await waitFor(isGone, { clock, deadline_ms: ended ? EXIT_MS : 0 });
  return ended;
}
