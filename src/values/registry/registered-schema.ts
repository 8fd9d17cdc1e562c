export type SchemaType = 'AVRO' | 'JSON' | 'PROTOBUF';

/** A schema that another one needs: under which name that one knows it, and where the registry keeps it. */
export interface SchemaReference {
  name: string;
  subject: string;
  version: number;
}

/** A schema with the texts of all that it refers to, those that others need first. */
export interface RegisteredSchema {
  id: number;
  type: SchemaType;
  text: string;
  references: { name: string; text: string }[];
}
