// @vitest-environment node
import { YNotebook } from '@jupyter/ydoc';
import type { Cell } from '@jupyterlab/cells';
import type { Notebook } from '@jupyterlab/notebook';
import { beforeEach, expect, test, vi } from 'vitest';

import { addNextCells } from '../../src/lab/next-cells';

vi.mock('@jupyterlab/notebook', () => ({ NotebookActions: {} }));

let shared: YNotebook;

beforeEach(() => {
  // Yjs warns about each cell that is made outside of a document, as JupyterLab itself does.
  vi.spyOn(console, 'warn').mockImplementation(() => undefined);
  vi.spyOn(console, 'error').mockImplementation(() => undefined);
  shared = new YNotebook();
  shared.insertCells(0, [
    { cell_type: 'code', source: '%%chat -f code', metadata: {} },
    { cell_type: 'code', source: 'x = 1', metadata: {} },
    { cell_type: 'code', source: 'the end', metadata: {} }
  ]);
});

function run(asked: unknown): unknown[] {
  const kept: unknown[] = [{ data: { 'application/vnd.aqueduct.cells+json': asked } }];
  const outputs = {
    length: 1,
    get: () => kept[0],
    set: (_: number, output: unknown) => (kept[0] = output)
  };
  const cell = { model: { type: 'code', sharedModel: shared.getCell(0), outputs } };
  const notebook = { model: { sharedModel: shared } } as unknown as Notebook;
  addNextCells(notebook, cell as unknown as Cell);
  // A second time finds nothing more to add.
  addNextCells(notebook, cell as unknown as Cell);
  return kept;
}

const sources = (): string[] => shared.cells.map(cell => cell.getSource());

test('the other cells come below the first, untrusted, and only once', () => {
  const kept = run({ first: 'x = 1', others: ['%%bash\nls', 'print(x)'] });
  expect(sources()).toEqual(['%%chat -f code', 'x = 1', '%%bash\nls', 'print(x)', 'the end']);
  expect(shared.getCell(2).getMetadata('trusted')).toBe(false);
  expect(kept).toMatchObject([{ data: { 'text/plain': '' } }]);
});

test('without the first, they come below the cell itself', () => {
  run({ first: 'something else', others: ['y'] });
  expect(sources()).toEqual(['%%chat -f code', 'y', 'x = 1', 'the end']);
});

test.each([undefined, null, 'x', {}, { first: 1, others: 2 }, { others: [1, null, {}] }])(
  'what is no list of cells adds none: %j',
  asked => {
    run(asked);
    expect(sources()).toHaveLength(3);
  }
);
