/**
 * guest/common/protocol_constants.h, written from guest/protocol/constants.ts:
 *
 *   node tools/guest-protocol-header.ts
 */
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { assert } from '../base/assert.ts';
import { PROJECT_ROOT } from '../base/paths.ts';
import { PROTOCOL } from '../guest/protocol/constants.ts';

export const HEADER_PATH = join(PROJECT_ROOT, 'guest', 'common', 'protocol_constants.h');

export const WRITE = 'node tools/guest-protocol-header.ts';

/** The whole header, a definition for each constant. Pure. */
export function renderHeader(constants: Readonly<Record<string, number | string>>): string {
  return [
    '/* SPDX-License-Identifier: Apache-2.0 */',
    `/* Written by \`${WRITE}\`: change guest/protocol/constants.ts, which tells what each means. */`,
    '#ifndef HOTPLANE_PROTOCOL_CONSTANTS_H',
    '#define HOTPLANE_PROTOCOL_CONSTANTS_H',
    '',
    ...Object.entries(constants).map(
      ([name, value]) => `#define PROTOCOL_${name.toUpperCase()} ${literal(value)}`,
    ),
    '',
    '/* A number of them as text, for a message. */',
    '#define PROTOCOL_TEXT(number) PROTOCOL_TEXT_OF(number)',
    '#define PROTOCOL_TEXT_OF(number) #number',
    '',
    '#endif',
    '',
  ].join('\n');
}

function literal(value: number | string): string {
  if (typeof value === 'number') {
    assert(Number.isSafeInteger(value) && Math.abs(value) < 2 ** 31, `${value} is no int of C`);
    return `${value}`;
  }
  assert(/^[\w.-]+$/.test(value), `'${value}' needs quotes of C`);
  return `"${value}"`;
}

if (import.meta.main) await writeFile(HEADER_PATH, renderHeader(PROTOCOL));
