/** What results of handlers hold in this Node: a list of programs in, a list of bytes out. */
import crypto from 'node:crypto';
import { text } from 'node:stream/consumers';
import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';
import zlib from 'node:zlib';

setFlagsFromString('--expose-gc');
const collect = runInNewContext('gc');

function held() {
  collect();
  collect();
  const { heapUsed, external } = process.memoryUsage();
  return heapUsed + external;
}

function keptBy({ source, payload }) {
  // oxlint-disable-next-line no-implied-eval
  const handler = new Function('crypto', 'zlib', `${source}; return handler;`)(crypto, zlib);
  // The first calls compile, and fill caches.
  handler(payload);
  handler(payload);
  const before = held();
  const result = handler(payload);
  const kept = held() - before;
  return result === before ? null : kept;
}

const programs = JSON.parse(await text(process.stdin));
console.log(JSON.stringify({ node: process.versions.node, kept: programs.map(keptBy) }));
