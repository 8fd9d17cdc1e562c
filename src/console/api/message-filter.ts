/** What is looked for: words that key or value must hold, and `name=value` for fields of a JSON value. All of them must fit. */
export type MessageFilter = (key: string, value: string) => boolean;

/** `purchase game=hh user.country=DE "two words"`; letters may be of either case, except in fields. Null: everything fits. */
export function parseFilter(text: string): MessageFilter | null {
  const terms = [...text.matchAll(/(?:([\w.$-]+)=)?(?:"([^"]*)"|(\S+))/g)].map(([, field, quoted, plain]) => {
    return { field: field ?? null, wanted: quoted ?? plain ?? '' };
  });
  if (terms.length === 0) return null;
  const words = terms.filter(({ field }) => field === null).map(({ wanted }) => wanted.toLowerCase());
  const fields = terms.flatMap(({ field, wanted }) => (field === null ? [] : [{ path: field.split('.'), wanted }]));
  return (key, value) => {
    if (words.length > 0) {
      const text = `${key}\n${value}`.toLowerCase();
      if (!words.every((word) => text.includes(word))) return false;
    }
    // A value without the text of the wanted one cannot have it in a field: most are not parsed.
    if (!fields.every(({ wanted }) => value.includes(JSON.stringify(wanted).slice(1, -1)))) return false;
    if (fields.length === 0) return true;
    const json = parseJson(value);
    return fields.every(({ path, wanted }) => String(fieldOf(json, path)) === wanted);
  };
}

function parseJson(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return null;
  }
}

function fieldOf(json: unknown, path: readonly string[]): unknown {
  let value = json;
  for (const name of path) {
    if (typeof value !== 'object' || value === null || !Object.hasOwn(value, name)) return undefined;
    value = (value as Record<string, unknown>)[name];
  }
  return value;
}
