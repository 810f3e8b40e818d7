/** What can be wrong with a ledger, and with what is asked of it. */
import { type CodeInfo, errorMaker } from '../base/errors.ts';

export const LEDGER_CODES = {
  HP_LEDGER_MISSING: {
    category: 'usage',
    meaning: 'There is no ledger in the folder.',
    next: 'name the folder `ledger` in the state folder of an agent that runs with --ledger.',
  },
  HP_LEDGER_UNREADABLE: {
    category: 'failure',
    meaning: 'A file of the ledger cannot be read, or is of another format.',
    next: 'read it as the user of the agent, with the version of hotplane that wrote it.',
  },
  HP_LEDGER_BROKEN: {
    category: 'failure',
    meaning: 'The ledger is not as it was written: the message names the first bad record.',
    next: 'trust nothing from that record on; compare it with a copy or a head that was kept.',
  },
  HP_LEDGER_TORN: {
    category: 'failure',
    meaning: 'The last line of the ledger is not whole: its writer was killed, or it was cut.',
    next: 'the next agent with this folder cuts it and records that; until then, verify again.',
  },
  HP_LEDGER_HEAD: {
    category: 'usage',
    meaning: 'A published head is not a number and a SHA-256.',
    next: 'give SEQ:HASH, as status and metrics tell it, or a file of such lines.',
  },
  HP_LEDGER_UNKNOWN: {
    category: 'usage',
    meaning: 'The ledgers that were named say nothing of it.',
    next: 'name a region (vm1/r0), operation, instance or request of theirs; who lists them.',
  },
  HP_LEDGER_TIME: {
    category: 'usage',
    meaning: 'The time is none, or is outside of what the ledgers tell of.',
    next: 'give a time as 2026-01-31T12:00:00Z, or milliseconds of the monotonic clock.',
  },
  HP_LEDGER_TOO_LARGE: {
    category: 'usage',
    meaning: 'The ledgers have more records than one question looks at.',
    next: 'copy the segments of the time in question into a folder, and ask that one.',
  },
  HP_LEDGER_PRICES: {
    category: 'usage',
    meaning: 'The price file is not what its format says.',
    next: 'give JSON with prices for a GiB s: guaranteed, above_baseline, pool, boot; and currency.',
  },
  HP_LEDGER_LOST: {
    category: 'failure',
    also: ['unavailable'],
    meaning: 'The agent cannot write its ledger any more; it ends, and its VMs live on.',
    next: 'make the folder of the ledger writable again and start the agent anew.',
  },
} as const satisfies Record<string, CodeInfo>;

/** Makes the error of one code; `message` is one sentence with the values that matter. */
export const ledgerError = errorMaker<keyof typeof LEDGER_CODES>(LEDGER_CODES);
