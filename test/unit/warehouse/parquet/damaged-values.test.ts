import { isDeepStrictEqual } from 'node:util';
import fc from 'fast-check';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { declared, load, TestTable } from './support.ts';

let table: TestTable;
beforeAll(async () => {
  table = await TestTable.open('duckdb');
});
afterAll(() => table.close());

/** What JSON.parse cannot know, or takes where we do not. */
const beyondJsonParse = new Set([
  'duplicate-field',
  'lone-surrogate',
  'not-object',
  'not-representable',
  'out-of-range',
  'wrong-type',
]);

const value = fc.record(
  {
    i: fc.oneof(fc.integer(), fc.constant(null)),
    s: fc.string({ unit: 'binary', maxLength: 30 }),
    d: fc.double({ noNaN: true, noDefaultInfinity: true, min: -1e15, max: 1e15 }),
    b: fc.boolean(),
    j: fc.jsonValue({ maxDepth: 3 }),
    x: fc.jsonValue({ maxDepth: 2 }),
  },
  { requiredKeys: [] },
);

/** A JSON text, whole or with one character taken out, put in, or changed. */
const damaged = fc
  .tuple(
    value,
    fc.nat(),
    fc.constantFrom('keep', 'drop', 'insert', 'change'),
    fc.constantFrom(...'{}[]",:\\u0123456789eE+-.tfn \n\u0001\u00e9'),
  )
  .map(([object, position, action, char]) => {
    const text = JSON.stringify(object);
    const at = position % (text.length + 1);
    if (action === 'keep') return text;
    if (action === 'drop') return text.slice(0, at) + text.slice(at + 1);
    return text.slice(0, at) + char + text.slice(action === 'insert' ? at : at + 1);
  });

it('lands damaged events exactly as JSON.parse reads them, or refuses them', async () => {
  const seed = Number(process.env['TEST_SEED'] ?? Date.now() % 2 ** 31);
  // Through bytes, because damage may split a surrogate pair, which no UTF-8 can hold.
  const texts = fc.sample(damaged, { seed, numRuns: 4000 }).map((text) => Buffer.from(text).toString());
  const encoder = await table.encoder(declared({ i: 'int64', s: 'string', d: 'double', b: 'boolean', j: 'json' }));
  const { rows, refused, landedCount } = await load(encoder, texts);
  await encoder.close();

  const wrong: unknown[] = [];
  for (const { offset, code } of refused) {
    const text = texts[Number(offset)]!;
    if (!beyondJsonParse.has(code) && parse(text) !== undefined) wrong.push({ text, code });
  }
  for (const { i, s, d, b, j, _offset } of rows) {
    const text = texts[Number(_offset)]!;
    const came = { i: i === null ? null : Number(i), s, d, b, j: j === null ? null : parse(j as string) };
    const expected = { i: null, s: null, d: null, b: null, j: null, ...(parse(text) as object) };
    const { i: pi, s: ps, d: pd, b: pb, j: pj } = expected;
    if (!isDeepStrictEqual(came, { i: pi === 0 ? 0 : pi, s: ps, d: pd, b: pb, j: pj })) wrong.push({ text, came });
  }
  expect(wrong, `TEST_SEED=${seed}`).toEqual([]);
  expect(landedCount + refused.length).toBe(texts.length);
  expect(rows).toHaveLength(landedCount);
  expect(landedCount).toBeGreaterThan(1000);
  expect(refused.length).toBeGreaterThan(500);
});

function parse(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}
