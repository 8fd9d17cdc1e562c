import { WireError } from '../wire-error.ts';

export type CompressionType = 'none' | 'gzip' | 'snappy' | 'lz4' | 'zstd';

/** By the id in a batch's attributes. */
const typesById: readonly CompressionType[] = ['none', 'gzip', 'snappy', 'lz4', 'zstd'];

export function compressionTypeOf(id: number): CompressionType {
  const type = typesById[id];
  if (!type) throw new WireError('unsupported-compression', `expected a compression id from 0 to 4, got ${id}`);
  return type;
}

export function compressionId(type: CompressionType): number {
  const id = typesById.indexOf(type);
  if (id < 0) throw new WireError('unsupported-compression', `expected one of ${typesById.join(', ')}, got ${type}`);
  return id;
}
