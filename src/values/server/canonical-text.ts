import type { SchemaType } from '../registry/registered-schema.ts';

/**
 * The text of a schema without what does not count: white space between the tokens of JSON, comments and the layout of .proto files.
 * Two schemas are the same when their canonical texts are.
 */
export function canonicalText(type: SchemaType, text: string): string {
  if (type !== 'PROTOBUF')
    return text.replace(/("(?:[^"\\]|\\.)*")|\s+/gs, (_, quoted: string | undefined) => quoted ?? '');
  return text
    .replace(
      /("(?:[^"\\]|\\.)*"|'(?:[^'\\]|\\.)*')|\/\*.*?\*\/|\/\/[^\n]*/gs,
      (_, quoted: string | undefined) => quoted ?? ' ',
    )
    .replace(/("(?:[^"\\]|\\.)*"|'(?:[^'\\]|\\.)*')|\s+/gs, (_, quoted: string | undefined) => quoted ?? ' ')
    .replace(/ ?([{}()[\];=,<>]) ?/g, '$1')
    .trim();
}
