/**
 * `npm run generate`: writes agent.proto and the code that encodes its messages from the schemas of
 * the agent. Both are committed; a test compares.
 */
import { mkdir, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { execa } from 'execa';
import { create, fromBinary, toBinary } from '@bufbuild/protobuf';
import { CodeGeneratorRequestSchema, CodeGeneratorResponseSchema } from '@bufbuild/protobuf/wkt';
import { assert } from '../../base/assert.ts';
import { PROJECT_ROOT } from '../../base/paths.ts';
import { API } from './api.ts';
import { fileDescriptor } from './descriptor.ts';
import { protoText } from './proto.ts';

/** Plain data on both sides: names as they are, numbers, words for enums, null for absent. */
const OPTIONS = [
  'snakeToCamel=false',
  'forceLong=number',
  'useNullAsOptional=true',
  'useReadonlyTypes=true',
  'stringEnums=true',
  'enumsAsLiterals=true',
  'unrecognizedEnum=false',
  'outputJsonMethods=false',
  'outputPartialMethods=false',
  'outputServices=grpc-js',
  'outputClientImpl=false',
  'esModuleInterop=true',
  'importSuffix=.ts',
];

/** A field that may be absent is always there, as null: whoever makes a message must say so. */
const MAY_BE_LEFT_OUT = /^( {2}readonly \w+)\?: (.+ \| null) \| undefined;$/gm;

/** Path below the project -> what the file holds. */
export async function generated(): Promise<ReadonlyMap<string, string>> {
  const file = fileDescriptor('agent.proto', API);
  const request = create(CodeGeneratorRequestSchema, {
    fileToGenerate: [file.name],
    parameter: OPTIONS.join(','),
    protoFile: [file],
  });
  const plugin = join(PROJECT_ROOT, 'node_modules/.bin/protoc-gen-ts_proto');
  const { stdout } = await execa(plugin, {
    input: toBinary(CodeGeneratorRequestSchema, request),
    encoding: 'buffer',
    stripFinalNewline: false,
    timeout: 60_000,
  });
  const { error, file: files } = fromBinary(CodeGeneratorResponseSchema, stdout);
  const [code] = files;
  assert(error === '' && code, `ts-proto writes the code: ${error}`);
  return new Map([
    ['agent/api/agent.proto', protoText(API)],
    ['agent/api/generated/agent.ts', code.content.replaceAll(MAY_BE_LEFT_OUT, '$1: $2;')],
  ]);
}

if (process.argv[1] === fileURLToPath(import.meta.url)) {
  for (const [path, text] of await generated()) {
    await mkdir(dirname(join(PROJECT_ROOT, path)), { recursive: true });
    await writeFile(join(PROJECT_ROOT, path), text);
  }
}
