// Events per second of the rule engine on decoded columns, one core: `node --import tsx bench/rules-bench.ts [rules]`.

import { type EventColumns, fieldKey } from '../src/online/rules/event-columns.ts';
import { parseRules } from '../src/online/rules/parse-rules.ts';
import { RuleEngine } from '../src/online/rules/rule-engine.ts';

const ruleCount = Number(process.argv[2] ?? 20);
const types = ['login', 'page_view', 'search', 'install', 'purchase', 'share', 'request', 'logout'];
const text = Array.from({ length: ruleCount }, (_, i) => {
  const [a, b, c] = [types[i % 8], types[(i + 3) % 8], types[(i + 5) % 8]];
  return `RULE r${i} WHEN ${a}.country EQUALS "c${i}" AND ${a}.amount > ${i * 10} FOLLOWED-BY ${b}.country EQUALS "c${(i + 1) % 50}" NOT FOLLOWED-BY ${c}.amount > 950 WITHIN 10 minutes FOR EACH user_id ACTION A`;
}).join('\n');
const engine = new RuleEngine(parseRules(text), text);
engine.assign('t', 0, 0n);
const count = 100_000;
const countries = Array.from({ length: 50 }, (_, i) => `c${i}`);
const users = Array.from({ length: 50_000 }, (_, i) => i);
let seed = 1;
const random = () => (seed = (Math.imul(seed, 1103515245) + 12345) >>> 0) / 2 ** 32;
let offset = 0;
let timeMs = 1e12;
function batch(): EventColumns {
  const first = offset;
  offset += count;
  return {
    topic: 't',
    partition: 0,
    count,
    offsets: BigInt64Array.from({ length: count }, (_, i) => BigInt(first + i)),
    times: Float64Array.from({ length: count }, () => (timeMs += 1)),
    types: Int32Array.from({ length: count }, () => Math.floor(random() * 8)),
    typeNames: types,
    fields: new Map([
      [
        fieldKey(['country']),
        { codes: Int32Array.from({ length: count }, () => Math.floor(random() * 50)), values: countries },
      ],
      [fieldKey(['amount']), { numbers: Float64Array.from({ length: count }, () => Math.floor(random() * 1000)) }],
      [
        fieldKey(['user_id']),
        { codes: Int32Array.from({ length: count }, () => Math.floor(random() * 50_000)), values: users },
      ],
    ]),
  };
}
const batches = Array.from({ length: 20 }, batch);
const cpu = process.cpuUsage();
for (const b of batches) {
  engine.push(b);
  engine.takeMatches();
}
const used = process.cpuUsage(cpu);
console.log(
  `${ruleCount} rules, ${(offset / (used.user + used.system)).toFixed(2)} M events per CPU second, ${JSON.stringify(engine.counts)}`,
);
