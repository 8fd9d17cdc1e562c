import { createRequire } from 'node:module';
import protobuf from 'protobufjs';

// Files that .proto files import without their authors shipping them: those of protobuf itself, and Confluent's.

const require = createRequire(import.meta.url);

const confluent: Readonly<Record<string, string>> = {
  'confluent/meta.proto': `
    syntax = "proto3";
    package confluent;
    message Meta { string doc = 1; map<string, string> params = 2; repeated string tags = 3; }`,
  'confluent/type/decimal.proto': `
    syntax = "proto3";
    package confluent.type;
    message Decimal { bytes value = 1; uint32 precision = 2; int32 scale = 3; }`,
  'google/type/date.proto': `
    syntax = "proto3";
    package google.type;
    message Date { int32 year = 1; int32 month = 2; int32 day = 3; }`,
};

const shipped: readonly string[] = ['api', 'descriptor', 'source_context', 'type'];

/** Adds a file that everybody has to a root (null: only says whether it is one); false when it is none of them. */
export function addCommonProto(root: protobuf.Root | null, name: string): boolean {
  const own = confluent[name];
  if (own !== undefined) {
    if (root) protobuf.parse(own, root, { keepCase: true });
    return true;
  }
  const json = protobuf.common.get(name) ?? shippedJson(name);
  if (!json?.nested) return false;
  root?.addJSON(json.nested);
  return true;
}

function shippedJson(name: string): protobuf.INamespace | null {
  const match = /^google\/protobuf\/(\w+)\.proto$/.exec(name);
  if (!match || !shipped.includes(match[1]!)) return null;
  return require(`protobufjs/google/protobuf/${match[1]}.json`) as protobuf.INamespace;
}
