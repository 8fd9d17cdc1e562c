import { createRequire } from 'node:module';
import protobuf from 'protobufjs';
import { BadSchemaError } from '../core/value-error.ts';

// Two forms of one file: its text, and (as the Python client registers it) the Base64 of its FileDescriptorProto.

export interface AddedFile {
  /** Empty: none. */
  package: string;
  imports: string[];
}

/** What of google/protobuf/descriptor.proto we read ourselves. */
interface FileDescriptor {
  package?: string;
  syntax?: string;
  dependency?: string[];
  messageType?: unknown[];
  enumType?: unknown[];
}

/** protobufjs's reading of descriptors, which comes with the package but not with its main module. */
interface DescriptorExtension {
  FileDescriptorProto: { decode(bytes: Uint8Array): FileDescriptor };
}

interface FromDescriptor {
  fromDescriptor(descriptor: unknown, context: { edition: string; keepCase: boolean }): protobuf.ReflectionObject;
}

const require = createRequire(import.meta.url);
const base64 = /^[A-Za-z0-9+/]{8,}={0,2}$/;

/** Adds the types of a file to a root. Throws what protobufjs throws. */
export function addProtoFile(root: protobuf.Root, text: string): AddedFile {
  const trimmed = text.trim();
  if (base64.test(trimmed)) return addDescriptor(root, Buffer.from(trimmed, 'base64'));
  const parsed = protobuf.parse(text, root, { keepCase: true });
  return { package: parsed.package ?? '', imports: [...(parsed.imports ?? []), ...(parsed.weakImports ?? [])] };
}

function addDescriptor(root: protobuf.Root, bytes: Buffer): AddedFile {
  const extension = require('protobufjs/ext/descriptor') as DescriptorExtension;
  const { Type, Enum } = require('protobufjs') as { Type: FromDescriptor; Enum: FromDescriptor };
  const file = extension.FileDescriptorProto.decode(bytes);
  const edition = file.syntax === 'proto3' ? 'proto3' : 'proto2';
  if (file.syntax === 'editions')
    throw new BadSchemaError('expected the text of a file of editions, came its descriptor');
  const name = file.package ?? '';
  const place = name === '' ? root : root.define(name);
  const context = { edition, keepCase: true };
  for (const message of file.messageType ?? []) place.add(Type.fromDescriptor(message, context));
  for (const one of file.enumType ?? []) place.add(Enum.fromDescriptor(one, context));
  return { package: name, imports: file.dependency ?? [] };
}
