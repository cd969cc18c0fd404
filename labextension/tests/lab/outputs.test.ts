import type * as nbformat from '@jupyterlab/nbformat';
import { expect, test } from 'vitest';

import { hasMore, read } from '../../src/lab/outputs';

const PIXEL =
  'iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk+M9QDwADhgGAWjR9awAAAABJRU5ErkJggg==';

function shown(data: nbformat.IMimeBundle): nbformat.IOutput {
  return { output_type: 'display_data', data, metadata: {} };
}

/** A file's bytes in base64; jsdom's files have no `arrayBuffer()`. */
function bytesOf(file: File): Promise<string> {
  return new Promise(resolve => {
    const reader = new FileReader();
    reader.onload = () => resolve((reader.result as string).split(',')[1]!);
    reader.readAsDataURL(file);
  });
}

test('a picture goes along as a file, and its place in the text names it', async () => {
  const plot = shown({
    'image/png': `${PIXEL}\n`,
    'text/plain': '<Figure size 500x250 with 1 Axes>'
  });
  const stream = { output_type: 'stream', name: 'stdout', text: ['a\n', '\u001b[1mb'] };
  const { texts, pictures, left } = read([stream, plot, plot], 'In[2] of work.ipynb');
  expect(texts).toEqual([
    'a\nb',
    '[attached: In[2] of work.ipynb, picture.png]',
    '[attached: In[2] of work.ipynb, picture 2.png]'
  ]);
  expect(pictures.map(picture => [picture.name, (picture as File).type])).toEqual([
    ['In[2] of work.ipynb, picture.png', 'image/png'],
    ['In[2] of work.ipynb, picture 2.png', 'image/png']
  ]);
  expect(await bytesOf(pictures[0] as File)).toBe(PIXEL);
  expect(left.pictures).toBe(0);
});

test('what a model cannot see is counted', () => {
  const svg = shown({ 'application/pdf': 'JVBE', 'text/plain': '<Drawing>' });
  const broken = shown({ 'image/png': '!', 'text/plain': '' });
  const plots = Array(9).fill(shown({ 'image/png': PIXEL })) as nbformat.IOutput[];
  const { texts, pictures, left } = read([svg, broken, ...plots], 'x');
  expect(texts[0]).toBe('<Drawing>');
  expect(texts.at(-1)).toBe('[a picture, left out]');
  expect(pictures).toHaveLength(8);
  expect(left.pictures).toBe(3);
});

test('a table goes along as Markdown, other outputs as their text', () => {
  const table = shown({
    'text/html': ['<table><tr><th>a', '</th></tr></table>'],
    'text/plain': 'a'
  });
  const html = shown({ 'text/html': '<b>bold</b>', 'text/plain': 'plain' });
  expect(read([table, html], 'x').texts).toEqual(['| a |\n| --- |', 'plain']);
  expect([hasMore([table]), hasMore([html])]).toEqual([true, false]);
});

test('a drawing goes along as a picture, too', () => {
  const svg = shown({ 'image/svg+xml': ['<svg ', '/>'], 'text/plain': '<Drawing>' });
  const { texts, pictures, left } = read([svg], 'x');
  expect(texts).toEqual(['[attached: x, picture.png]']);
  expect(pictures).toMatchObject([{ name: 'x, picture.png' }]);
  expect(left.pictures).toBe(0);
  expect(hasMore([svg])).toBe(true);
  expect(read([svg], 'x', 0)).toMatchObject({ pictures: [], left: { pictures: 1 } });
});
