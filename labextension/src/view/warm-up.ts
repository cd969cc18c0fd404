/**
 * A first answer that nobody sees, drawn while the page is quiet.
 *
 * What draws answers is loaded and compiled at its first use. Without this, the first seconds of the
 * first answer would stutter.
 */
import type { Words } from '../translation';
import { whenQuiet } from './frames';
import { MarkdownView } from './markdown';
import type { Typesetter } from './services';

/** A bit of everything; Python is what most answers have. */
const SAMPLE = `# A

**b** \`c\` [d](https://e.invalid)

- f

\`\`\`python
for g in range(1): print(f"{g}")
\`\`\`

| h | i |
|---|--:|
| j | 1 |

$\\bar{k} = \\frac{1}{n}\\sum_i l_i$

m
`;

/** The longest wait for a quiet moment, in milliseconds. */
const QUIET_MS = 2000;

const warm = new WeakSet<Typesetter>();

/** Draw it once for each typesetter of the page; returns a function that cancels it. */
export function warmUp(typesetter: Typesetter, words: Words): () => void {
  return whenQuiet(() => {
    if (!warm.has(typesetter)) {
      warm.add(typesetter);
      typesetter.prepare?.();
      new MarkdownView(document.createElement('div'), typesetter, words).show(SAMPLE, true);
    }
  }, QUIET_MS);
}
