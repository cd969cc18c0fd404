/** The difference between two texts, shown line by line. */
import { Widget } from '@lumino/widgets';
import { diffLines } from 'diff';

export class Difference extends Widget {
  constructor(before: string, after: string) {
    super();
    this.addClass('aqueduct-difference');
    const pre = document.createElement('pre');
    pre.tabIndex = 0;
    for (const change of diffLines(ended(before), ended(after))) {
      const kind = change.added ? 'ins' : change.removed ? 'del' : 'span';
      const sign = change.added ? '+ ' : change.removed ? '- ' : '  ';
      const part = document.createElement(kind);
      const lines = change.value.replace(/\n$/, '').split('\n');
      part.textContent = lines.map(line => `${sign}${line}\n`).join('');
      pre.append(part);
    }
    this.node.append(pre);
  }
}

/** Without its line end, the last line would count as changed. */
function ended(text: string): string {
  return text && !text.endsWith('\n') ? `${text}\n` : text;
}
