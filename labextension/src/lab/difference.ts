/** The difference between two texts: line by line, with the words that changed marked. */
import { Widget } from '@lumino/widgets';
import { diffLines, diffWordsWithSpace } from 'diff';

/** Longest line in which words are compared, in characters. */
const LONGEST_COMPARED = 2_000;

export class Difference extends Widget {
  constructor(before: string, after: string) {
    super();
    this.addClass('aqueduct-difference');
    this.node.append(differenceOf(before, after));
  }
}

/** Return the difference as an element. */
export function differenceOf(before: string, after: string): HTMLElement {
  const pre = document.createElement('pre');
  // Makes a long difference scrollable with the keyboard.
  pre.tabIndex = 0;
  const parts = diffLines(ended(before), ended(after));
  parts.forEach((part, index) => {
    const lines = linesOf(part.value);
    if (!part.added && !part.removed) {
      pre.append(...lines.map(line => lineOf('span', '  ', [line])));
      return;
    }
    // A removed part and the added one after it are two states of the same lines.
    const other = part.removed ? parts[index + 1] : parts[index - 1];
    const isPair = part.removed ? other?.added : other?.removed;
    const others = isPair ? linesOf(other!.value) : [];
    const [kind, sign] = part.added ? (['ins', '+ '] as const) : (['del', '- '] as const);
    lines.forEach((line, number) => {
      const pair = lines.length === others.length ? others[number] : undefined;
      pre.append(lineOf(kind, sign, pair === undefined ? [line] : wordsOf(line, pair)));
    });
  });
  return pre;
}

/** A line's pieces; those that the other line does not have are marked. */
function wordsOf(line: string, other: string): (string | Node)[] {
  if (line.length > LONGEST_COMPARED || other.length > LONGEST_COMPARED) {
    return [line];
  }
  const parts = diffWordsWithSpace(other, line).filter(part => !part.removed);
  const same = parts.filter(part => !part.added).map(part => part.value.trim());
  // Lines without a word in common are easier to read without marks.
  if (!same.some(Boolean)) {
    return [line];
  }
  return parts.map(part => (part.added ? marked(part.value) : part.value));
}

function marked(text: string): HTMLElement {
  const mark = document.createElement('mark');
  mark.textContent = text;
  return mark;
}

function lineOf(kind: string, sign: string, pieces: readonly (string | Node)[]): HTMLElement {
  const line = document.createElement(kind);
  line.append(sign, ...pieces, '\n');
  return line;
}

function linesOf(text: string): string[] {
  return text.replace(/\n$/, '').split('\n');
}

/** Without its line end, the last line would count as changed. */
function ended(text: string): string {
  return text && !text.endsWith('\n') ? `${text}\n` : text;
}
