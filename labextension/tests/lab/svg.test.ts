import { expect, test } from 'vitest';

import { isBounded, svgDrawing } from '../../src/lab/svg';

const svg = (inner: string): string =>
  `<svg xmlns="http://www.w3.org/2000/svg" xmlns:xlink="http://www.w3.org/1999/xlink">${inner}</svg>`;

/** Ten times ten times ten: a few lines that would be drawn for hours. */
const LAUGHS = Array.from({ length: 12 }, (_, level) => {
  const use = `<use xlink:href="#a${level}"/>`.repeat(10);
  return `<g id="a${level + 1}">${use}</g>`;
}).join('');

test('what a plot has is drawn', () => {
  const glyphs = '<use xlink:href="#a" x="1"/>'.repeat(5000);
  expect(isBounded(svg(`<defs><path id="a" d="M0 0"/></defs>${glyphs}`))).toBe(true);
  expect(isBounded(svg('<use href="#nowhere"/><script>hit()</script>'))).toBe(true);
  const doctype = '<!DOCTYPE svg PUBLIC "-//W3C//DTD SVG 1.1//EN" "http://www.w3.org/x.dtd">';
  expect(isBounded(doctype + svg('<path d="M0 0"/>'))).toBe(true);
});

test.each([
  svg(`<path id="a0" d="M0 0"/>${LAUGHS}<use href="#a12"/>`),
  svg('<g id="a"><use href="#a"/></g>'),
  svg('<g id="a"><use href="#b"/></g><g id="b"><use href="#a"/></g>'),
  `<!DOCTYPE svg [<!ENTITY a "aaaa">]>${svg('&a;')}`,
  svg(`<!-- ${'x'.repeat(5_000_000)} -->`)
])('what would be drawn for hours is not begun: %.40j', async drawing => {
  expect(isBounded(drawing)).toBe(false);
  await expect(svgDrawing(drawing, 'x.png').draw()).rejects.toThrow();
});
