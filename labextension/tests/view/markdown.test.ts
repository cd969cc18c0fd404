import DOMPurify from 'dompurify';
import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest';

import { ENGLISH } from '../../src/translation';
import { MarkdownView } from '../../src/view/markdown';
import { purified } from '../../src/view/markup';
import { offer, type Typesetter } from '../../src/view/services';

const SAMPLE = `# Title

Words with **bold**, $x^2$ and [a link](https://example.org).

| a | b |
|---|---|
| 1 | 2 |

\`\`\`python
print(1)

print(2)
\`\`\`

1. one
2. two

   more of two

$$
\\frac12
$$

The end.
`;

const typesetter = {
  highlight: vi.fn<Typesetter['highlight']>(),
  typeset: vi.fn<Typesetter['typeset']>()
};
let node: HTMLElement;
let view: MarkdownView;

beforeEach(() => {
  vi.useFakeTimers();
  vi.clearAllMocks();
  node = document.createElement('div');
  view = new MarkdownView(node, typesetter, ENGLISH);
});

afterEach(() => vi.useRealTimers());

/** The page, without the seams between what was drawn when. */
function html(): string {
  return node.innerHTML.replace(/<\/?div>/g, '').replace(/\s+/g, ' ');
}

function grow(text: string, step: number): void {
  for (let length = step; length < text.length; length += step) {
    view.show(text.slice(0, length), false);
    vi.advanceTimersByTime(1000);
  }
  view.show(text, true);
}

test.each([1, 2, 3, 7, 50])('grown by %i letters it is the page that it is at once', step => {
  grow(SAMPLE, step);
  const grown = html();
  const whole = new MarkdownView(node, typesetter, ENGLISH);
  whole.show(SAMPLE, true);
  expect(grown).toBe(html());
});

test('a block that another one follows is drawn once', () => {
  grow(SAMPLE, 3);
  expect(typesetter.highlight).toHaveBeenCalledTimes(1);
  expect(typesetter.highlight.mock.calls[0]![0]).toBe('print(1)\n\nprint(2)');
  expect(typesetter.typeset.mock.calls.map(([tex, isDisplay]) => [tex, isDisplay])).toEqual([
    ['x^2', false],
    ['\\frac12', true]
  ]);
});

/** A text of many blocks, and the words of a view that draws it. */
const LONG = Array.from({ length: 90 }, (_, number) => `p${number}`);
const words = (): string[] => [...node.querySelectorAll('p')].map(one => one.textContent);

test('of a long text the end is drawn at once, and the rest above it in quiet moments', () => {
  view.show(LONG.join('\n\n'), true);
  expect(words()).toEqual(LONG.slice(80));
  vi.advanceTimersByTime(50);
  expect(words()).toEqual(LONG.slice(60));
  vi.runAllTimers();
  expect(words()).toEqual(LONG);
});

test('what comes after many blocks at once goes on below them', () => {
  view.show(LONG.join('\n\n'), false);
  vi.advanceTimersByTime(20);
  view.show([...LONG, 'more', 'end'].join('\n\n'), true);
  vi.runAllTimers();
  expect(words()).toEqual([...LONG, 'more', 'end']);
});

test.each(['another text', 'nothing'])('a long text that is not wanted any more: %s', next => {
  view.show(LONG.join('\n\n'), true);
  if (next === 'nothing') {
    view.dispose();
  } else {
    view.show(next, true);
  }
  vi.runAllTimers();
  expect(words()).toEqual(next === 'nothing' ? LONG.slice(80) : [next]);
});

test('another text takes the place of the one before', () => {
  view.show('one\n\ntwo', true);
  view.show('three', true);
  expect(node.textContent.trim()).toBe('three');
});

test('the columns of a table keep their sides, and nothing else of a style', () => {
  view.show('| a | b | c | d |\n|:--|--:|:-:|---|\n| 1 | 2 | 3 | 4 |', true);
  const sides = [...node.querySelectorAll<HTMLElement>('td')].map(cell => cell.dataset.align);
  expect(sides).toEqual(['left', 'right', 'center', undefined]);
  expect(node.querySelector('[style]')).toBeNull();
});

const HOSTILE = [
  '<img src=x onerror="hit()">',
  '<script>hit()</script>',
  '[x](javascript:hit())',
  '[x](JaVaScRiPt:hit())',
  '[x](data:text/html;base64,PHNjcmlwdD4=)',
  '[x](vbscript:hit())',
  '[x](/logout)',
  '[x](file:///etc/passwd)',
  '<a href="javascript:hit()">x</a>',
  '<iframe srcdoc="<script>hit()</script>">',
  '![x](https://x.invalid/pixel.png)',
  '![x](data:image/svg+xml;base64,PHN2Zz4=)',
  '```"onmouseover="hit()\nx\n```',
  '```<img src=x onerror=hit()>\nx\n```',
  '$" onmouseover="hit()" x="$',
  '$$<img src=x onerror=hit()>$$',
  '| <img src=x onerror=hit()> |\n|---|\n| <script>hit()</script> |',
  '<style>*{display:none}</style>',
  '<form action="/api/shutdown" method="post"><button>x</button></form>',
  '[x]: javascript:hit()\n\n[x]',
  '<https://x.invalid/"onmouseover="hit()>'
];

test.each(HOSTILE)('%s cannot run, load or lead anywhere', text => {
  grow(text, 1);
  const dangerous =
    'script, iframe, style, form, object, embed, svg, img, [onerror], [onmouseover], [style]';
  const found = [...node.querySelectorAll(dangerous)];
  expect(found.filter(other => !other.closest('.aqueduct-code-bar'))).toEqual([]);
  for (const link of node.querySelectorAll('a')) {
    expect(link.getAttribute('href')).toMatch(/^https?:/);
    expect(link.rel).toContain('noopener');
    expect(link.target).toBe('_blank');
  }
});

test('another extension of the page does not change what is taken out', () => {
  DOMPurify.setConfig({ ADD_TAGS: ['iframe'], ADD_ATTR: ['onclick'] });
  DOMPurify.addHook('uponSanitizeElement', (_node, data) => {
    data.allowedTags.script = true;
  });
  const shown = purified('<iframe></iframe><script>hit()</script><b onclick="hit()">x</b>');
  DOMPurify.clearConfig();
  DOMPurify.removeAllHooks();
  expect([...shown.querySelectorAll('*')].map(element => element.outerHTML)).toEqual(['<b>x</b>']);
});

test('an image from elsewhere loads after a click', () => {
  view.show('![a cat](https://x.invalid/cat.png)', true);
  expect(node.querySelector('img')).toBeNull();
  const button = node.querySelector('button')!;
  expect(button.textContent).toBe('Load image from x.invalid');
  button.click();
  const image = node.querySelector('img')!;
  expect([image.src, image.alt, image.referrerPolicy]).toEqual([
    'https://x.invalid/cat.png',
    'a cat',
    'no-referrer'
  ]);
});

test('money is no formula', () => {
  view.show('It costs $5 and then $10.', true);
  expect(typesetter.typeset).not.toHaveBeenCalled();
});

test('the bar of a block names its language in few letters that can be read', () => {
  view.show(`\`\`\`a\u202eb${'x'.repeat(1000)} and more\nx\n\`\`\``, true);
  const shown = node.querySelector('.aqueduct-code-bar span')!.textContent;
  expect(shown).toBe(`ab${'x'.repeat(197)}…`);
});

const SEES_ELSEWHERE = [
  '![x](https://x.invalid/a.png)',
  '![x](//x.invalid/a.png)',
  '[![x](https://x.invalid/a.png)](https://x.invalid)',
  '![x][1]\n\n[1]: https://x.invalid/a.png',
  '| ![x](https://x.invalid/a.png) |\n|---|',
  '# ![x](https://x.invalid/a.png)',
  'https://x.invalid/a.png',
  '<https://x.invalid/a.png>',
  '![x](data:image/svg+xml,<svg/onload=hit()>)',
  '$\\includegraphics{https://x.invalid/a.png}$',
  '<link rel=stylesheet href=https://x.invalid/a.css>',
  '<video poster=https://x.invalid/a.png></video>'
];

test.each(SEES_ELSEWHERE)('%s loads nothing by itself', text => {
  grow(text, 7);
  const loading =
    '[src], [srcset], [poster], [background], [style], link, object, embed, svg image';
  const found = [...node.querySelectorAll(loading)];
  expect(found.filter(other => !other.closest('.aqueduct-code-bar'))).toEqual([]);
});

test.each([
  ['- [ ] open\n- [x] done', ['☐', '☑']],
  ['[x] no task', []],
  ['- [x]no task', []]
])('the tasks of %j', (text, marks) => {
  view.show(text, true);
  expect([...node.querySelectorAll('.aqueduct-mark')].map(mark => mark.textContent)).toEqual(marks);
});

test('footnotes stay where they are written, and are read as they grow', () => {
  const text = 'Rome[^1] had *eleven*[^a].\n\n[^1]: The city, see $x$.\n[^a]: By 226.\n\nEnd.';
  grow(text, 3);
  expect([...node.querySelectorAll('sup')].map(mark => mark.textContent)).toEqual([
    '1',
    'a',
    '1',
    'a'
  ]);
  const notes = [...node.querySelectorAll('.aqueduct-footnote')];
  expect(notes.map(note => note.textContent)).toEqual(['1 The city, see x.', 'a By 226.']);
});

test('a display formula is one within a line, too', () => {
  view.show('The mean \\[\\bar{x} = 1\\] is one, \\(a\\) as well; \\[ is open.', true);
  const formulas = [...node.querySelectorAll<HTMLElement>('.aqueduct-math')];
  expect(formulas.map(({ textContent, dataset }) => [textContent, dataset.display])).toEqual([
    ['\\bar{x} = 1', 'true'],
    ['a', 'false']
  ]);
  expect(node.textContent).toContain('[ is open.');
});

test('text has the direction of its script, code has none of it', () => {
  view.show('שלום עולם\n\n- مرحبا\n\n```python\nx = 1\n```', true);
  expect(node.querySelector('p')!.dir).toBe('auto');
  expect(node.querySelector('li')!.dir).toBe('auto');
  expect(node.querySelector('pre')!.dir).toBe('ltr');
});

test('code is coloured while it grows, and less often than it is drawn', () => {
  typesetter.highlight.mockImplementation((code, _language, into) => {
    const span = document.createElement('b');
    span.textContent = code;
    into.replaceChildren(span);
  });
  const lines = Array.from({ length: 200 }, (_, n) => `x${n} = ${n}`).join('\n');
  grow(`\`\`\`python\n${lines.slice(0, -1)}`, 20);
  expect(node.querySelector('code b')!.textContent.split('\n').length).toBeGreaterThan(150);
  expect(node.querySelector('code')!.textContent).toBe(lines.slice(0, -1));
  expect(typesetter.highlight.mock.calls.length).toBeLessThan(60);
});

test('a diagram is drawn when it is whole; one that cannot be drawn stays code', async () => {
  const image = document.createElement('img');
  const draw = vi
    .fn<NonNullable<Typesetter['draw']>>()
    .mockResolvedValueOnce(image)
    .mockRejectedValueOnce(new Error('no diagram'));
  view = new MarkdownView(node, { ...typesetter, draw }, ENGLISH);
  grow('```mermaid\ngraph TD; A-->B\n```\n\n```mermaid\nnonsense\n```\n\nEnd.', 5);
  await vi.runAllTimersAsync();
  expect(draw.mock.calls).toEqual([
    ['graph TD; A-->B', 'mermaid'],
    ['nonsense', 'mermaid']
  ]);
  expect(node.querySelector('img')).toBe(image);
  expect([...node.querySelectorAll('pre')].map(pre => pre.textContent)).toEqual(['nonsense']);
});

describe('changes of a notebook', () => {
  const answer = [
    '```python replace=a1\nx = 2\n```',
    '```python after=start\ny = 1\n```',
    '```delete=b2\n```',
    '```move=c3 after=a1\n```',
    '```python\nz = 3\n```'
  ].join('\n\n');

  afterEach(() => offer({ proposals: undefined }));

  test('are folded to what they do, where the notebook shows them', () => {
    offer({ proposals: { review: () => undefined } });
    view.show(answer, true);
    const folded = [...node.querySelectorAll('.aqueduct-folded')];
    expect(folded.map(({ firstElementChild: line }) => line!.textContent)).toEqual([
      'Changes a cell',
      'Adds a cell',
      'Deletes a cell',
      'Moves a cell'
    ]);
    expect(folded.map(one => one.querySelector('code')?.textContent ?? null)).toEqual([
      'x = 2',
      'y = 1',
      null,
      null
    ]);
    expect(node.querySelectorAll('.aqueduct-code-block')).toHaveLength(3);
  });

  test('stay code where nothing shows them', () => {
    view.show(answer, true);
    expect(node.querySelector('.aqueduct-folded')).toBeNull();
    expect(node.querySelectorAll('.aqueduct-code-block')).toHaveLength(5);
    expect(node.querySelectorAll('pre')[2]!.dataset.language).toBe('');
  });
});
