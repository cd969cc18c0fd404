// Takes what names a host out of package-lock.json; run it after npm has written that file.
import { readFileSync, writeFileSync } from 'node:fs';

/** @type {{ packages: Record<string, { deprecated?: string, funding?: unknown, resolved?: string }> }} */
const lock = JSON.parse(readFileSync('package-lock.json', 'utf8'));
for (const entry of Object.values(lock.packages)) {
  delete entry.deprecated;
  delete entry.funding;
  delete entry.resolved;
}
writeFileSync('package-lock.json', `${JSON.stringify(lock, null, 2)}\n`);
