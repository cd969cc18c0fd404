/**
 * The changes of a notebook's cells that an answer proposes.
 *
 * A change is a code block whose info string names a cell by its id:
 *
 *     ```python replace=ID         the cell's new source
 *     ```python after=ID           a new cell below that one; `after=start` is the top
 *     ```delete=ID                 remove the cell
 *     ```move=ID after=ID          put the cell elsewhere
 *
 * Nothing here applies them; `lab/change-review.ts` shows them first.
 */
import { fenced } from './cell-source';

export type Change =
  | { act: 'replace'; cell: string; source: string; language: string }
  | { act: 'insert'; after: string; source: string; language: string }
  | { act: 'delete'; cell: string }
  | { act: 'move'; cell: string; after: string };

/** Where a cell goes that is to be the first. */
export const START = 'start';

/** The most changes that one answer may propose. */
const MOST_CHANGES = 200;

/** The most characters of a notebook that are told: about 20,000 tokens. */
const MOST_CHARACTERS = 60_000;

const FENCE = /^ {0,3}(`{3,}|~{3,})\s*([^\n]*)$/;
const OPTION = /(?:^|\s)(replace|after|delete|move)=["']?([\w.:-]{1,100})["']?/g;

/** A cell as the model is told about it. */
export interface CellToChange {
  id: string;
  kind: string;
  source: string;
  /** Its outputs as text; '' if there are none. */
  output: string;
}

/** Return the changes that an answer proposes, in its order; a block that is not closed is none. */
export function changesIn(answer: string): Change[] {
  // Most answers propose nothing, and this is asked for each.
  if (!/(?:replace|after|delete|move)=/.test(answer)) {
    return [];
  }
  const changes: Change[] = [];
  for (const { info, code } of blocksOf(answer)) {
    const change = changeOf(info, code);
    if (change && changes.length < MOST_CHANGES) {
      changes.push(change);
    }
  }
  return changes;
}

/** Return what a model must know to propose changes of a notebook; cells beyond `most` characters are left out. */
export function changesPrompt(cells: readonly CellToChange[], most = MOST_CHARACTERS): string {
  const shown: string[] = [];
  let left = most;
  for (const cell of cells) {
    const block = told(cell);
    if (block.length > left) {
      break;
    }
    left -= block.length;
    shown.push(block);
  }
  if (shown.length < cells.length) {
    shown.push(`[left out: the last ${cells.length - shown.length} cells]`);
  }
  return `${shown.join('\n\n')}\n\n${HOW_TO_CHANGE}`;
}

/** Return the sources of the cells that a message told a model about, by their ids. */
export function toldIn(text: string): Map<string, string> {
  const sources = new Map<string, string>();
  for (const { info, code } of blocksOf(text)) {
    const id = /(?:^|\s)cell=([\w.:-]{1,100})$/.exec(info)?.[1];
    if (id !== undefined) {
      sources.set(id, code);
    }
  }
  return sources;
}

function told({ id, kind, source, output }: CellToChange): string {
  const block = fenced(source, `${kind} cell=${id}`);
  return output ? `${block}\nOutput:\n${fenced(output, '')}` : block;
}

const HOW_TO_CHANGE = `To change this notebook, write one code block for each changed cell:
- \`\`\`python replace=ID  holds the whole new source of that cell
- \`\`\`python after=ID  holds a new cell below that one; after=start puts it first
- \`\`\`markdown after=ID  holds a new Markdown cell
- \`\`\`delete=ID  is empty and deletes the cell
- \`\`\`move=ID after=ID  is empty and moves the cell
If the source itself has a line with \`\`\`, write the block with \`\`\`\` around it.
Use the ids above. Leave out cells that stay as they are. The user sees every change and accepts or refuses it.`;

interface Block {
  info: string;
  code: string;
}

/** The closed code blocks of a Markdown text. */
function* blocksOf(text: string): Generator<Block> {
  let open: { fence: string; info: string; lines: string[] } | null = null;
  for (const line of text.split('\n')) {
    const match = FENCE.exec(line.replace(/\r$/, ''));
    if (open === null) {
      open = match ? { fence: match[1]!, info: match[2]!, lines: [] } : null;
    } else if (match?.[2]!.trim() === '' && closes(match[1]!, open.fence)) {
      yield { info: open.info, code: open.lines.join('\n') };
      open = null;
    } else {
      open.lines.push(line);
    }
  }
}

function closes(fence: string, opened: string): boolean {
  return fence.startsWith(opened);
}

/** What the code block of an info string changes; null if it is not a change. */
export function actOf(info: string): Change['act'] | null {
  return changeOf(info, '')?.act ?? null;
}

function changeOf(info: string, code: string): Change | null {
  const options = new Map([...info.matchAll(OPTION)].map(([, name, id]) => [name!, id!]));
  const first = /^[\w+#-]+(?=\s|$)/.exec(info)?.[0] ?? '';
  const language = first.toLowerCase();
  const [cell, after] = [options.get('replace'), options.get('after')];
  const [deleted, moved] = [options.get('delete'), options.get('move')];
  if (deleted !== undefined) {
    return { act: 'delete', cell: deleted };
  }
  if (moved !== undefined) {
    return after === undefined ? null : { act: 'move', cell: moved, after };
  }
  if (cell !== undefined) {
    return { act: 'replace', cell, source: code, language };
  }
  return after === undefined ? null : { act: 'insert', after, source: code, language };
}
