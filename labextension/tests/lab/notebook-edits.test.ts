// @vitest-environment node
import { YNotebook } from '@jupyter/ydoc';
import { beforeEach, expect, test, vi } from 'vitest';

import { makeChange, stateOf, type Edit } from '../../src/lab/notebook-edits';
import type { Change } from '../../src/model/changes';

let notebook: YNotebook;

beforeEach(() => {
  // Yjs warns about each cell that is made outside of a document, as JupyterLab itself does.
  vi.spyOn(console, 'warn').mockImplementation(() => undefined);
  vi.spyOn(console, 'error').mockImplementation(() => undefined);
  notebook = new YNotebook({ disableDocumentWideUndoRedo: true });
  notebook.insertCells(0, [
    { id: 'a1', cell_type: 'code', source: 'a = 1', metadata: {} },
    { id: 'b2', cell_type: 'markdown', source: '# B', metadata: {} },
    { id: 'c3', cell_type: 'code', source: 'c = 3', metadata: {} }
  ]);
});

const sources = (): string[] =>
  notebook.cells.map(cell => `${cell.cell_type}: ${cell.getSource()}`);

function make(change: Change): Edit {
  return makeChange(notebook, change, 'python')!;
}

const CHANGES: [string, Change, string[]][] = [
  [
    'replace',
    { act: 'replace', cell: 'a1', source: 'a = 2', language: 'python' },
    ['code: a = 2', 'markdown: # B', 'code: c = 3']
  ],
  [
    'replace by another type',
    { act: 'replace', cell: 'a1', source: '# A', language: 'markdown' },
    ['markdown: # A', 'markdown: # B', 'code: c = 3']
  ],
  [
    'replace without a language, which keeps the type',
    { act: 'replace', cell: 'b2', source: '# C', language: '' },
    ['code: a = 1', 'markdown: # C', 'code: c = 3']
  ],
  [
    'insert',
    { act: 'insert', after: 'b2', source: 'ls', language: 'bash' },
    ['code: a = 1', 'markdown: # B', 'code: %%bash\nls', 'code: c = 3']
  ],
  [
    'insert at the start',
    { act: 'insert', after: 'start', source: '# 0', language: 'markdown' },
    ['markdown: # 0', 'code: a = 1', 'markdown: # B', 'code: c = 3']
  ],
  ['delete', { act: 'delete', cell: 'b2' }, ['code: a = 1', 'code: c = 3']],
  [
    'move down',
    { act: 'move', cell: 'a1', after: 'c3' },
    ['markdown: # B', 'code: c = 3', 'code: a = 1']
  ],
  [
    'move up',
    { act: 'move', cell: 'c3', after: 'start' },
    ['code: c = 3', 'code: a = 1', 'markdown: # B']
  ]
];

test.each(CHANGES)('%s is made and taken back', (_name, change, after) => {
  const before = sources();
  const edit = make(change);
  expect(sources()).toEqual(after);
  edit.takeBack();
  expect(sources()).toEqual(before);
  expect(notebook.cells.map(cell => cell.getId())).toEqual(['a1', 'b2', 'c3']);
});

test('whoever edits, adds or moves a cell changes the state', () => {
  const before = stateOf(notebook);
  const edit = make({ act: 'insert', after: 'a1', source: 'x', language: 'python' });
  const after = stateOf(notebook);
  notebook.getCell(3).setSource('c = 4');
  expect(new Set([before, after, stateOf(notebook)]).size).toBe(3);
  notebook.getCell(3).setSource('c = 3');
  expect(stateOf(notebook)).toBe(after);
  edit.takeBack();
  expect(stateOf(notebook)).toBe(before);
});

test('a move and an insertion that were made together are taken back together', () => {
  const before = stateOf(notebook);
  const edits = [
    make({ act: 'move', cell: 'a1', after: 'c3' }),
    make({ act: 'insert', after: 'start', source: 'x', language: 'python' })
  ];
  [...edits].reverse().forEach(edit => edit.takeBack());
  expect(stateOf(notebook)).toBe(before);
});

test.each<Change>([
  { act: 'delete', cell: 'nowhere' },
  { act: 'move', cell: 'a1', after: 'nowhere' },
  { act: 'insert', after: 'nowhere', source: '', language: '' }
])('a cell that is not there is left alone: %j', change => {
  const before = sources();
  expect(makeChange(notebook, change, 'python')).toBeNull();
  expect(sources()).toEqual(before);
});
