/** This file is the samples that pytest reads as well. */
import { readFileSync } from 'node:fs';
import { resolve } from 'node:path';

// eslint-disable-next-line @typescript-eslint/no-unnecessary-type-parameters -- JSON has no type
export function sample<T>(name: string): T {
  const path = resolve(__dirname, '../../tests/samples', name);
  return JSON.parse(readFileSync(path, 'utf8')) as T;
}
