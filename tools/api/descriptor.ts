/** The API as the descriptor that a generator of code takes. Pure. */
import { create } from '@bufbuild/protobuf';
import {
  type DescriptorProto,
  DescriptorProtoSchema,
  FieldDescriptorProto_Label as Label,
  FieldDescriptorProto_Type as Type,
  type FieldDescriptorProto,
  FieldDescriptorProtoSchema,
  type FileDescriptorProto,
  FileDescriptorProtoSchema,
} from '@bufbuild/protobuf/wkt';
import type { Scalar, WireField, WireMessage, WireType } from './model.ts';
import type { WireApi } from './proto.ts';

const SCALARS: Readonly<Record<Scalar, Type>> = {
  string: Type.STRING,
  bool: Type.BOOL,
  bytes: Type.BYTES,
  uint64: Type.UINT64,
  double: Type.DOUBLE,
};

export function fileDescriptor(file_name: string, api: WireApi): FileDescriptorProto {
  const scope = `.${api.package}`;
  const method = api.methods.map(({ name, request, response, is_stream }) => ({
    name,
    inputType: `${scope}.${request}`,
    outputType: `${scope}.${response}`,
    serverStreaming: is_stream,
  }));
  return create(FileDescriptorProtoSchema, {
    name: file_name,
    package: api.package,
    syntax: 'proto3',
    messageType: api.messages.map((message) => messageDescriptor(message, scope)),
    service: [{ name: api.service, method }],
  });
}

function messageDescriptor(message: WireMessage, scope: string): DescriptorProto {
  const { name, fields, oneof } = message;
  const own_scope = `${scope}.${name}`;
  // What may be absent is, by the rules of proto3, the only member of a oneof of its own.
  const alone = oneof === null ? fields.filter(({ label }) => label === 'optional') : [];
  return create(DescriptorProtoSchema, {
    name,
    field: fields.map((field) => {
      const descriptor = fieldDescriptor(field, own_scope, scope);
      if (oneof !== null) descriptor.oneofIndex = 0;
      if (!alone.includes(field)) return descriptor;
      descriptor.oneofIndex = alone.indexOf(field);
      descriptor.proto3Optional = true;
      return descriptor;
    }),
    oneofDecl: oneof === null ? alone.map((one) => ({ name: `_${one.name}` })) : [{ name: oneof }],
    enumType: fields.flatMap(({ type }) =>
      type.kind === 'enum'
        ? { name: type.name, value: type.values.map((value, number) => ({ name: value, number })) }
        : [],
    ),
    nestedType: fields.flatMap((field) => mapEntries(field)),
  });
}

function fieldDescriptor(
  { name, number, label, type }: WireField,
  own_scope: string,
  scope: string,
): FieldDescriptorProto {
  const is_many = label === 'repeated' || type.kind === 'map';
  const base = { name, number, label: is_many ? Label.REPEATED : Label.OPTIONAL };
  return create(FieldDescriptorProtoSchema, { ...base, ...typeDescriptor(type, own_scope, scope) });
}

function typeDescriptor(
  type: WireType,
  own_scope: string,
  scope: string,
): { readonly type: Type; readonly typeName?: string } {
  switch (type.kind) {
    case 'scalar':
      return { type: SCALARS[type.scalar] };
    case 'message':
      return { type: Type.MESSAGE, typeName: `${scope}.${type.message}` };
    case 'enum':
      return { type: Type.ENUM, typeName: `${own_scope}.${type.name}` };
    default:
      return { type: Type.MESSAGE, typeName: `${own_scope}.${type.name}` };
  }
}

function mapEntries({ type }: WireField): DescriptorProto[] {
  if (type.kind !== 'map') return [];
  const label = Label.OPTIONAL;
  return [
    create(DescriptorProtoSchema, {
      name: type.name,
      options: { mapEntry: true },
      field: [
        { name: 'key', number: 1, label, type: Type.STRING },
        { name: 'value', number: 2, label, type: SCALARS[type.scalar] },
      ],
    }),
  ];
}
