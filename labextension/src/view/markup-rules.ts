/**
 * Markdown that markdown-it does not read by itself: tasks, footnotes, formulas within a line, and
 * the direction of text.
 *
 * A growing answer is read block by block, so no rule may need another block. `markup.ts` has the
 * parser and the defences.
 */
import type MarkdownIt from 'markdown-it';
import type { RuleBlock } from 'markdown-it/lib/parser_block.mjs';
import type { RuleCore } from 'markdown-it/lib/parser_core.mjs';
import type { RuleInline } from 'markdown-it/lib/parser_inline.mjs';
import type StateInline from 'markdown-it/lib/rules_inline/state_inline.mjs';

const TASK = /^\[([ xX])\]\s+/;
const FOOTNOTE = /^\[\^([^\]\s]{1,60})\]:[ \t]+/;
const REFERENCE = /^\[\^([^\]\s]{1,60})\]/;

/** What may hold text that is written from right to left. */
const WITH_DIRECTION = new Set([
  'paragraph_open',
  'heading_open',
  'list_item_open',
  'blockquote_open',
  'th_open',
  'td_open'
]);

/** What a footnote ends without an empty line. */
const INTERRUPTED = ['paragraph', 'reference'];

/** Add the rules to a parser. */
export function addRules(markdown: MarkdownIt): void {
  markdown.core.ruler.after('inline', 'tasks', tasks);
  markdown.core.ruler.push('direction', direction);
  markdown.block.ruler.before('reference', 'footnote', footnote, { alt: INTERRUPTED });
  markdown.inline.ruler.before('link', 'footnote_reference', footnoteReference);
  markdown.inline.ruler.before('escape', 'display_formula', displayFormula);
}

/** `- [x] done`: a mark in place of the brackets. A real checkbox could not be kept. */
const tasks: RuleCore = state => {
  state.tokens.forEach((token, index) => {
    const isFirst = state.tokens[index - 2]?.type === 'list_item_open';
    const [text] = token.children ?? [];
    const match = isFirst && text?.type === 'text' ? TASK.exec(text.content) : null;
    if (!match) {
      return;
    }
    text!.content = text!.content.slice(match[0].length);
    const mark = new state.Token('task', 'span', 0);
    mark.content = match[1] === ' ' ? '☐' : '☑';
    token.children!.unshift(mark);
    state.tokens[index - 2]!.attrJoin('class', 'aqueduct-task');
  });
};

const direction: RuleCore = state => {
  for (const token of state.tokens) {
    if (WITH_DIRECTION.has(token.type)) {
      token.attrSet('dir', 'auto');
    }
  }
};

/** `[^1]: the note`, one paragraph; it stays where it is written. */
const footnote: RuleBlock = (state, line, _end, isSilent) => {
  const start = state.bMarks[line]! + state.tShift[line]!;
  const match = FOOTNOTE.exec(state.src.slice(start, state.eMarks[line]));
  if (!match || state.sCount[line]! - state.blkIndent >= 4) {
    return false;
  }
  if (isSilent) {
    return true;
  }
  const open = state.push('paragraph_open', 'p', 1);
  open.attrSet('class', 'aqueduct-footnote');
  open.map = [line, line + 1];
  const inline = state.push('inline', '', 0);
  inline.content = state.src.slice(start, state.eMarks[line]).replace(/\]:[ \t]+/, '] ');
  inline.map = [line, line + 1];
  inline.children = [];
  state.push('paragraph_close', 'p', -1);
  state.line = line + 1;
  return true;
};

const footnoteReference: RuleInline = (state, isSilent) => {
  const match = state.src.startsWith('[^', state.pos)
    ? REFERENCE.exec(state.src.slice(state.pos, state.pos + 70))
    : null;
  if (!match) {
    return false;
  }
  if (!isSilent) {
    state.push('footnote_reference', 'sup', 0).content = match[1]!;
  }
  state.pos += match[0].length;
  return true;
};

/** The texts without a further end of a formula. */
const hasNoEnd = new WeakSet<StateInline>();

/** `\[ … \]` within a line, which is a formula of its own wherever it stands. */
const displayFormula: RuleInline = (state, isSilent) => {
  if (!state.src.startsWith('\\[', state.pos)) {
    return false;
  }
  const end = hasNoEnd.has(state) ? -1 : state.src.indexOf('\\]', state.pos + 2);
  if (end < 0 || end > state.posMax) {
    // Else each of many beginnings would search the whole text again.
    hasNoEnd.add(state);
    return false;
  }
  if (!isSilent) {
    state.push('display_formula', 'span', 0).content = state.src.slice(state.pos + 2, end);
  }
  state.pos = end + 2;
  return true;
};
