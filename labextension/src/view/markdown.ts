/**
 * A growing answer rendered as Markdown, at a bounded total cost.
 *
 * Text is read block by block. A block with another one after it is settled: it is rendered once,
 * with its highlighting, formulas and buttons, and not touched again. Only the last block is rendered
 * again as it grows; the longer that takes, the longer the wait until the next time. Settled blocks
 * are in groups, which the browser can skip in layout while they are out of sight.
 */
import type Token from 'markdown-it/lib/token.mjs';

import { plainText } from '../model/plain-text';
import type { Words } from '../translation';
import { codeBar } from './code-bar';
import { inFrameWithRoom, whenQuiet } from './frames';
import { GrowingCode } from './growing-code';
import { markdown, purified } from './markup';
import { pageServices, type Typesetter } from './services';

/** Longest source of a diagram that is drawn, in characters. */
const LONGEST_DRAWN = 20_000;

/** The share of time that rendering may take; the layout after it takes about as much again. */
const BUSY_SHARE = 0.1;

/** The number of blocks in a group after which the next group begins. */
const GROUP_BLOCKS = 20;

/** The longest wait until the next group of a long text is drawn, in milliseconds. */
const QUIET_MS = 50;

export class MarkdownView {
  private _text = '';
  private _settled = 0;
  private _env: object = {};
  private _isComplete = false;
  private _next = 0;
  private _timer: number | null = null;
  private _tail: HTMLElement;
  private _group: HTMLElement | null = null;
  private readonly _growing: GrowingCode;
  /** What cancels the drawing of blocks that wait for a quiet moment. */
  private readonly _waiting = new Set<() => void>();

  constructor(
    private readonly _node: HTMLElement,
    private readonly _typesetter: Typesetter,
    private readonly _words: Words
  ) {
    this._tail = this._begin();
    this._growing = new GrowingCode(_typesetter);
  }

  /** Show a text; if it continues the previous one, only the new part is rendered. */
  show(text: string, isComplete: boolean): void {
    if (text === this._text && isComplete === this._isComplete) {
      return;
    }
    if (this._isComplete || !text.startsWith(this._text)) {
      this._restart();
    }
    this._text = text;
    this._isComplete = isComplete;
    if (isComplete) {
      this._draw();
    } else if (this._timer === null) {
      const wait = Math.max(0, this._next - performance.now());
      this._timer = window.setTimeout(() => inFrameWithRoom(() => this._draw()), wait);
    }
  }

  dispose(): void {
    this._cancel();
    this._waiting.forEach(cancel => cancel());
    this._waiting.clear();
  }

  private _begin(): HTMLElement {
    const tail = document.createElement('div');
    this._node.replaceChildren(tail);
    return tail;
  }

  private _restart(): void {
    this.dispose();
    this._tail = this._begin();
    this._group = null;
    this._env = {};
    this._settled = 0;
    this._text = '';
  }

  private _cancel(): void {
    if (this._timer !== null) {
      window.clearTimeout(this._timer);
      this._timer = null;
    }
  }

  private _draw(): void {
    this._cancel();
    const started = performance.now();
    const rest = this._text.slice(this._settled);
    const tokens = markdown.parse(rest, this._env);
    const last = this._isComplete ? tokens.length : startOfLast(tokens);
    if (last > 0) {
      this._settle(tokens.slice(0, last));
      this._settled += offsetOf(rest, tokens[last]?.map?.[0]);
    }
    const growing = this._fragment(tokens.slice(last));
    this._growing.colour(growing.querySelector<HTMLElement>(':scope > pre.aqueduct-code'));
    this._tail.replaceChildren(growing);
    const ended = performance.now();
    this._next = ended + (ended - started) * (1 / BUSY_SHARE - 1);
  }

  /**
   * Draw blocks that will not change. Of many at once, the last ones are drawn now, because a
   * conversation opens at its end, and the others above them in quiet moments.
   */
  private _settle(tokens: readonly Token[]): void {
    const parts = inGroups(tokens);
    const isShort = parts.length === 1;
    const groups = parts.map(part => ({ part, node: isShort ? this._openGroup() : this._begun() }));
    const drawLast = (): void => {
      const { part, node } = groups.pop()!;
      const settled = this._fragment(part);
      this._decorate(settled);
      node.append(settled);
      if (groups.length) {
        const cancel = whenQuiet(() => {
          this._waiting.delete(cancel);
          drawLast();
        }, QUIET_MS);
        this._waiting.add(cancel);
      }
    };
    drawLast();
  }

  private _openGroup(): HTMLElement {
    const isFull = this._group === null || this._group.childElementCount >= GROUP_BLOCKS;
    return isFull ? this._begun() : this._group!;
  }

  private _begun(): HTMLElement {
    this._group = document.createElement('div');
    this._tail.before(this._group);
    return this._group;
  }

  private _fragment(tokens: Token[]): DocumentFragment {
    const html = markdown.renderer.render(tokens, markdown.options, this._env);
    // Nothing grows once an answer is complete, and to purify costs as much for nothing.
    return html ? purified(html) : document.createDocumentFragment();
  }

  /** Add what plain HTML lacks: highlighting, formulas, buttons. */
  private _decorate(fragment: DocumentFragment): void {
    for (const pre of fragment.querySelectorAll<HTMLElement>('pre.aqueduct-code')) {
      this._decorateCode(pre);
    }
    for (const node of fragment.querySelectorAll<HTMLElement>('.aqueduct-math')) {
      const formula = node.textContent;
      this._typesetter.typeset(formula, node.dataset.display === 'true', node);
    }
    for (const node of fragment.querySelectorAll<HTMLElement>('.aqueduct-image')) {
      this._decorateImage(node);
    }
  }

  private _decorateCode(pre: HTMLElement): void {
    const code = pre.textContent;
    const language = pre.dataset.language ?? '';
    this._growing.settle(pre);
    // Makes wide code scrollable with the keyboard.
    pre.tabIndex = 0;
    const block = document.createElement('div');
    block.className = 'aqueduct-code-block';
    pre.replaceWith(block);
    block.append(codeBar(code, language, this._words), pre);
    if (pre.dataset.change && pageServices().proposals) {
      fold(block, changeSentence(pre.dataset.change, this._words), code !== '');
    }
    if (code.length <= LONGEST_DRAWN) {
      this._drawDiagram(code, language, pre);
    }
  }

  /** Replace a diagram's source by the diagram; a source that cannot be drawn stays. */
  private _drawDiagram(source: string, language: string, pre: HTMLElement): void {
    this._typesetter.draw?.(source, language)?.then(
      diagram => {
        diagram.classList.add('aqueduct-diagram');
        pre.replaceWith(diagram);
      },
      () => undefined
    );
  }

  private _decorateImage(node: HTMLElement): void {
    const source = node.dataset.source ?? '';
    const name = node.textContent;
    const show = button(this._words.__('Load image from %1', hostOf(source)), () => {
      const image = document.createElement('img');
      image.referrerPolicy = 'no-referrer';
      image.alt = name;
      image.src = source;
      node.replaceChildren(image);
    });
    node.append(' ', show);
  }
}

/** Return the index of the last block's first token. */
function startOfLast(tokens: readonly Token[]): number {
  for (let index = tokens.length - 1; index >= 0; index--) {
    if (isStart(tokens[index]!)) {
      return index;
    }
  }
  return 0;
}

/** Whether a block begins with a token. */
function isStart({ level, nesting, map }: Token): boolean {
  return level === 0 && nesting >= 0 && map !== null;
}

/** Return the tokens of so many blocks each as belong into a group. */
function inGroups(tokens: readonly Token[]): Token[][] {
  const starts = tokens.flatMap((token, index) => (isStart(token) ? [index] : []));
  const firsts = starts.filter((_, number) => number > 0 && number % GROUP_BLOCKS === 0);
  return [0, ...firsts].map((first, number) => tokens.slice(first, firsts[number]));
}

/** Return the offset of a line, or the text's length if there is no such line. */
function offsetOf(text: string, line: number | undefined): number {
  if (line === undefined) {
    return text.length;
  }
  let offset = 0;
  for (let passed = 0; passed < line; passed++) {
    offset = text.indexOf('\n', offset) + 1;
  }
  return offset;
}

/** What a block is, where the notebook shows its changes. */
function changeSentence(act: string, words: Words): string {
  switch (act) {
    case 'insert':
      return words.__('Adds a cell');
    case 'delete':
      return words.__('Deletes a cell');
    case 'move':
      return words.__('Moves a cell');
    default:
      return words.__('Changes a cell');
  }
}

/** Put a sentence in the place of a block; a click on it shows the block, if there is anything in it. */
function fold(block: HTMLElement, sentence: string, hasContent: boolean): void {
  const line = document.createElement(hasContent ? 'summary' : 'p');
  line.textContent = sentence;
  const around = document.createElement(hasContent ? 'details' : 'div');
  around.className = 'aqueduct-folded';
  block.replaceWith(around);
  around.append(line, ...(hasContent ? [block] : []));
}

function hostOf(address: string): string {
  try {
    return plainText(new URL(address).host || address);
  } catch {
    return plainText(address);
  }
}

function button(label: string, act: () => void): HTMLButtonElement {
  const node = document.createElement('button');
  node.type = 'button';
  node.textContent = label;
  node.className = 'aqueduct-button';
  node.addEventListener('click', act);
  return node;
}
