import { expect, test } from 'vitest';

import { tablesIn } from '../../src/lab/markdown-table';

const FRAME = `<div><style scoped>th { color: red }</style><table border="1" class="dataframe">
<thead><tr style="text-align: right;"><th></th><th>price</th><th>a|b</th></tr>
<tr><th>day</th><th></th><th></th></tr></thead>
<tbody><tr><th>Mon</th><td>1.5</td><td>x</td></tr><tr><th>...</th><td>...</td><td>...</td></tr></tbody>
</table><p>200 rows × 2 columns</p></div>`;

test('a table of pandas becomes one of Markdown, with its index and its size', () => {
  expect(tablesIn(FRAME)).toEqual({
    text: [
      '| day | price | a\\|b |',
      '| --- | --- | --- |',
      '| Mon | 1.5 | x |',
      '| ... | ... | ... |',
      '',
      '200 rows × 2 columns'
    ].join('\n'),
    rows: 0,
    columns: 0
  });
});

test('a cell that spans several columns or rows is in each of them', () => {
  const html = `<table><tr><th colspan="2">a</th><th>b</th></tr>
    <tr><td rowspan="2">1</td><td>2</td><td>3</td></tr><tr><td>4</td><td>5</td></tr></table>`;
  expect(tablesIn(html)?.text).toBe(
    '| a | a | b |\n| --- | --- | --- |\n| 1 | 2 | 3 |\n| 1 | 4 | 5 |'
  );
});

test('a large table is cut, and says by how much', () => {
  const row = `<tr>${'<td>1</td>'.repeat(45)}</tr>`;
  const found = tablesIn(`<table>${row.repeat(150)}</table>`)!;
  expect([found.rows, found.columns]).toEqual([50, 5]);
  expect(found.text.split('\n')).toHaveLength(102);
  expect(found.text.split('\n')[0]!.match(/\|/g)).toHaveLength(41);
});

test('nothing of a table runs, and other HTML is no table', () => {
  const evil =
    '<table><tr><td><img src=x onerror="window.hurt = 1">a<script>hurt = 1</script></td></tr>';
  expect(tablesIn(evil)?.text).not.toContain('<');
  expect('hurt' in window).toBe(false);
  expect(tablesIn('<b>table</b>')).toBeNull();
  expect(tablesIn('<table></table>')).toBeNull();
  expect(
    tablesIn(`<table><tr><th colspan="999999999" rowspan="99999">a</th></tr></table>`)?.text
  ).toBe(`| ${Array(40).fill('a').join(' | ')} |\n| ${Array(40).fill('---').join(' | ')} |`);
});
