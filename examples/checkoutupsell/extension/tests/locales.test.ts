import {readFileSync, readdirSync} from 'node:fs';
import {expect, test} from 'vitest';

test('every text that is shown has words', () => {
  const words = JSON.parse(readFileSync('locales/en.default.json', 'utf8')) as Record<string, Record<string, string>>;
  const used = new Set<string>();
  for (const file of readdirSync('src')) {
    for (const m of readFileSync('src/' + file, 'utf8').matchAll(/'((?:tile|modal)\.\w+)'/g)) used.add(m[1]!);
  }
  const have = Object.entries(words).flatMap(([group, texts]) => Object.keys(texts).map((k) => `${group}.${k}`));
  expect([...used].sort()).toEqual(have.sort());
});
