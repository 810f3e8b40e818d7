/** The API as a proto file, for clients in other languages. Pure. */
import type { WireField, WireMessage, WireType } from './model.ts';

const INDENT = '  ';
const LINE_CHARS = 100;

export interface WireMethod {
  readonly name: string;
  readonly request: string;
  readonly response: string;
  readonly is_stream: boolean;
  readonly text: string;
}

export interface WireApi {
  readonly text: string;
  readonly package: string;
  readonly service: string;
  readonly methods: readonly WireMethod[];
  readonly messages: readonly WireMessage[];
}

export function protoText(api: WireApi): string {
  const methods = api.methods.flatMap(({ name, request, response, is_stream, text }) => [
    ...commentOf(text),
    `rpc ${name}(${request}) returns (${is_stream ? 'stream ' : ''}${response});`,
  ]);
  return [
    ...commentOf(api.text),
    'syntax = "proto3";',
    '',
    `package ${api.package};`,
    '',
    ...block(`service ${api.service}`, methods),
    ...api.messages.flatMap((message) => ['', ...messageLines(message)]),
    '',
  ].join('\n');
}

function messageLines({ name, text, fields, oneof }: WireMessage): string[] {
  const lines = fields.flatMap((field) => fieldLines(field, oneof !== null));
  const body = oneof === null ? lines : block(`oneof ${oneof}`, lines);
  return [...(text === null ? [] : commentOf(text)), ...block(`message ${name}`, body)];
}

function fieldLines({ name, number, label, type, text }: WireField, in_oneof: boolean): string[] {
  const word = label === 'required' || in_oneof ? '' : `${label} `;
  const line = `${word}${typeName(type)} ${name} = ${number};`;
  const before =
    type.kind === 'enum'
      ? block(
          `enum ${type.name}`,
          type.values.map((value, at) => `${value} = ${at};`),
        )
      : [];
  if (text === null) return [...before, line];
  const whole = `${line} // ${text}`;
  const fits = whole.length + 2 * INDENT.length <= LINE_CHARS;
  return fits ? [...before, whole] : [...before, ...commentOf(text), line];
}

function typeName(type: WireType): string {
  switch (type.kind) {
    case 'scalar':
      return type.scalar;
    case 'message':
      return type.message;
    case 'enum':
      return type.name;
    default:
      return `map<string, ${type.scalar}>`;
  }
}

function block(head: string, lines: readonly string[]): string[] {
  return [`${head} {`, ...lines.map((line) => (line === '' ? '' : INDENT + line)), '}'];
}

/** Wrapped, so that it fits also where it is indented. */
function commentOf(text: string): string[] {
  const lines: string[] = [];
  let line = '//';
  for (const word of text.split(/\s+/)) {
    if (line.length + 1 + word.length + 2 * INDENT.length > LINE_CHARS) {
      lines.push(line);
      line = '//';
    }
    line += ` ${word}`;
  }
  return [...lines, line];
}
