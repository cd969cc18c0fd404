/**
 * Model text -> a document fragment that cannot run, load or fake anything.
 *
 * Model text is hostile. There are three defences: markdown-it accepts no HTML, links lead only to
 * the web or to mail, and DOMPurify checks the result. Remote images become text to click on, because
 * loading one tells its server that this was read. Growing text is handled in `markdown.ts`.
 */
import { tex } from '@mdit/plugin-tex';
import DOMPurify from 'dompurify';
import MarkdownIt from 'markdown-it';
import type { RenderRule } from 'markdown-it/lib/renderer.mjs';

import { actOf } from '../model/changes';
import { plainText } from '../model/plain-text';
import { addRules } from './markup-rules';

const SAFE_LINK = /^(https?:|mailto:)/i;
const SAFE_IMAGE = /^data:image\/(png|gif|jpeg|webp);/i;

/** Our own: the page's is shared with other extensions, whose settings would take the place of ours. */
const purifier = DOMPurify(window);
purifier.setConfig({
  RETURN_DOM_FRAGMENT: true,
  FORBID_TAGS: ['style', 'form', 'input', 'textarea', 'select', 'button', 'iframe', 'svg', 'math'],
  FORBID_ATTR: ['style', 'id', 'name'],
  ADD_ATTR: ['target']
});

/** The parser; `parse` and `renderer` are for `markdown.ts`. */
export const markdown = new MarkdownIt({ html: false, linkify: true, breaks: false });

const { escapeHtml } = markdown.utils;

markdown.linkify.set({ fuzzyLink: false, fuzzyEmail: false });
markdown.validateLink = url => SAFE_LINK.test(url.trim()) || SAFE_IMAGE.test(url.trim());
markdown.use(tex, {
  delimiters: 'all',
  render: (formula, isDisplay) => formulaOf(formula, isDisplay)
});
addRules(markdown);

/** A formula as an element that a typesetter finds; within a paragraph it must be a span. */
function formulaOf(formula: string, isDisplay: boolean, tag = isDisplay ? 'div' : 'span'): string {
  const source = escapeHtml(formula.trim());
  const reached = isDisplay ? ' tabindex="0"' : '';
  return `<${tag} class="aqueduct-math" data-display="${isDisplay}"${reached}>${source}</${tag}>`;
}

const codeBlock: RenderRule = (tokens, index) => {
  const token = tokens[index]!;
  const [first = ''] = plainText(token.info).split(' ', 1);
  const act = actOf(token.info);
  // A change may have no language, and begin with its act.
  const language = act && first.includes('=') ? '' : first;
  const change = act ? ` data-change="${act}"` : '';
  const code = escapeHtml(token.content.replace(/\n$/, ''));
  return `<pre class="aqueduct-code" dir="ltr" data-language="${escapeHtml(language)}"${change}><code>${code}</code></pre>`;
};

markdown.renderer.rules.display_formula = (tokens, index) =>
  formulaOf(tokens[index]!.content, true, 'span');
markdown.renderer.rules.footnote_reference = (tokens, index) =>
  `<sup class="aqueduct-reference">${escapeHtml(tokens[index]!.content)}</sup>`;
markdown.renderer.rules.task = (tokens, index) =>
  `<span class="aqueduct-mark">${tokens[index]!.content}</span> `;
markdown.renderer.rules.fence = codeBlock;
markdown.renderer.rules.code_block = codeBlock;
markdown.renderer.rules.link_open = (tokens, index, options, _env, renderer) => {
  tokens[index]!.attrSet('target', '_blank');
  tokens[index]!.attrSet('rel', 'noopener noreferrer');
  return renderer.renderToken(tokens, index, options);
};
markdown.renderer.rules.image = (tokens, index) => {
  const token = tokens[index]!;
  const source = token.attrGet('src') ?? '';
  const text = escapeHtml(token.content || source);
  if (SAFE_IMAGE.test(source)) {
    return `<img src="${escapeHtml(source)}" alt="${text}">`;
  }
  return `<span class="aqueduct-image" data-source="${escapeHtml(source)}">${text}</span>`;
};
for (const cell of ['th_open', 'td_open'] as const) {
  markdown.renderer.rules[cell] = (tokens, index, options, _env, renderer) => {
    const token = tokens[index]!;
    const side = /^text-align:(left|center|right)$/.exec(token.attrGet('style') ?? '');
    // A style would be taken out, because it could be anything.
    token.attrs = [
      ['dir', 'auto'],
      ...(side ? [['data-align', side[1]!] as [string, string]] : [])
    ];
    return renderer.renderToken(tokens, index, options);
  };
}
// What may scroll can be reached, and scrolled, with the keyboard.
markdown.renderer.rules.table_open = () => '<div class="aqueduct-table" tabindex="0"><table>';
markdown.renderer.rules.table_close = () => '</table></div>';

/** Turn the parser's HTML into a document fragment without anything that could run. */
export function purified(html: string): DocumentFragment {
  return purifier.sanitize(html) as unknown as DocumentFragment;
}
