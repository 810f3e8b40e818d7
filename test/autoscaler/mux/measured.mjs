/**
 * What results of handlers hold in this Node: a list of programs in, for each a list of bytes out,
 * one figure a round. Node itself lets go of things whenever it likes, such as the last chunk of
 * its input, so that one round may be told too little or too much; the caller takes the median.
 */
import crypto from 'node:crypto';
import { text } from 'node:stream/consumers';
import { setImmediate as turn } from 'node:timers/promises';
import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';
import zlib from 'node:zlib';

/** Rounds; the others are for those that do not agree. */
const ROUNDS = 3;
const ROUNDS_MAX = 5;
/** Collections after which a reading is taken as it is. */
const SETTLES_MAX = 6;
/** Two readings that are so close agree: what a turn of the loop itself leaves. */
const AGREE_BYTES = 512;

setFlagsFromString('--expose-gc');
const collect = runInNewContext('gc');

/** Where results are: a local of a function that awaits may outlive its use. */
const slot = { result: undefined };

function read() {
  collect();
  const { heapUsed, external } = process.memoryUsage();
  return heapUsed + external;
}

/** Bytes that are held once two collections in a row, a turn of the loop between, agree. */
async function held() {
  let before = read();
  for (let count = 1; count < SETTLES_MAX; count += 1) {
    await turn();
    const now = read();
    if (Math.abs(now - before) <= AGREE_BYTES) return now;
    before = now;
  }
  return before;
}

async function roundsOf({ source, payload }) {
  // oxlint-disable-next-line no-implied-eval
  const handler = new Function('crypto', 'zlib', `${source}; return handler;`)(crypto, zlib);
  // The first calls compile, and fill caches.
  handler(payload);
  handler(payload);
  const rounds = [];
  const agree = () => Math.max(...rounds) - Math.min(...rounds) <= AGREE_BYTES;
  while (rounds.length < ROUNDS || (rounds.length < ROUNDS_MAX && !agree())) {
    const before = await held();
    slot.result = handler(payload);
    rounds.push((await held()) - before);
    slot.result = undefined;
  }
  return rounds;
}

const programs = JSON.parse(await text(process.stdin));
const kept = [];
for (const program of programs) kept.push(await roundsOf(program));
console.log(JSON.stringify({ node: process.versions.node, kept }));
