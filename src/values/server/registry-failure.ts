import { SluiceError } from '../../shared/index.ts';

/**
 * An answer of the registry that is no success, in the shape of Confluent's REST API: `{"error_code": 40401, "message": ...}`. The
 * first three digits of the code are the HTTP status.
 */
export class RegistryFailure extends SluiceError {
  readonly errorCode: number;

  constructor(errorCode: number, message: string) {
    super('registry-failure', message);
    this.errorCode = errorCode;
  }

  get status(): number {
    return this.errorCode >= 10_000 ? Math.floor(this.errorCode / 100) : this.errorCode;
  }
}

export const failures = {
  subjectNotFound: (subject: string) => new RegistryFailure(40401, `Subject '${subject}' not found.`),
  versionNotFound: (version: number | string) => new RegistryFailure(40402, `Version ${version} not found.`),
  schemaNotFound: (id?: number) =>
    new RegistryFailure(40403, id === undefined ? 'Schema not found' : `Schema ${id} not found`),
  subjectNotDeleted: (subject: string) =>
    new RegistryFailure(40405, `Subject '${subject}' was not deleted first before being permanently deleted`),
  subjectSoftDeleted: (subject: string) =>
    new RegistryFailure(40404, `Subject '${subject}' was soft deleted. Set permanent=true to delete permanently`),
  versionSoftDeleted: (subject: string, version: number) =>
    new RegistryFailure(
      40406,
      `Subject '${subject}' Version ${version} was soft deleted. Set permanent=true to delete permanently`,
    ),
  versionNotDeleted: (subject: string, version: number) =>
    new RegistryFailure(
      40407,
      `Subject '${subject}' Version ${version} was not deleted first before being permanently deleted`,
    ),
  noOwnLevel: (subject: string) =>
    new RegistryFailure(40408, `Subject '${subject}' does not have subject-level compatibility configured`),
  noOwnMode: (subject: string) =>
    new RegistryFailure(40409, `Subject '${subject}' does not have subject-level mode configured`),
  incompatible: (subject: string, problems: readonly string[]) =>
    new RegistryFailure(
      409,
      `Schema being registered is incompatible with an earlier schema for subject "${subject}", details: [${problems.join('; ')}]`,
    ),
  invalidSchema: (why: string) => new RegistryFailure(42201, `Invalid schema: ${why}`),
  invalidVersion: (version: string) =>
    new RegistryFailure(
      42202,
      `The specified version '${version}' is not a valid version id. Allowed values are between [1, 2^31-1] and the string "latest"`,
    ),
  invalidLevel: () =>
    new RegistryFailure(
      42203,
      'Invalid compatibility level. Valid values are none, backward, forward, full, backward_transitive, forward_transitive, and full_transitive',
    ),
  invalidMode: () => new RegistryFailure(42204, 'Invalid mode. Valid values are READWRITE, READONLY and IMPORT.'),
  notPermitted: (why: string) => new RegistryFailure(42205, why),
  referenced: (subject: string, version: number) =>
    new RegistryFailure(42206, `One or more references exist to the schema {subject=${subject},version=${version}}.`),
  unprocessable: (why: string) => new RegistryFailure(422, why),
  store: (why: string) => new RegistryFailure(50001, `Error while accessing the topic of schemas: ${why}`),
} as const;
