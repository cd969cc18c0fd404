// @vitest-environment node
/** The transcripts of panels in their notebooks: replaced where they are out of date, and only there. */
import type { INotebookTracker, NotebookPanel } from '@jupyterlab/notebook';
import { expect, test, vi } from 'vitest';

import { NotebookTranscripts } from '../../src/lab/transcripts';

vi.mock('@jupyterlab/notebook', () => ({ INotebookTracker: {} }));

const MARK = 'aqueduct-transcript-1';
const said = (words: string, mark = MARK): string => `<div class="${mark}"><p>${words}</p></div>`;
const NEW = { 'text/html': said('new'), 'text/plain': 'new' };

interface Output {
  data: Record<string, unknown>;
}

/** A notebook of cells with HTML outputs, and one without any; `set` is what has been changed. */
function notebook(...cells: unknown[][]): { panel: NotebookPanel; set: Output[] } {
  const set: Output[] = [];
  const made = cells.map(htmls => {
    const outputs: Output[] = htmls.map(html => ({ data: { 'text/html': html } }));
    return {
      outputs: {
        length: outputs.length,
        get: (number: number) => outputs[number],
        set: (number: number, output: Output) => {
          outputs[number] = output;
          set.push(output);
        }
      }
    };
  });
  const panel = { content: { model: { cells: [{}, ...made] } } };
  return { panel: panel as unknown as NotebookPanel, set };
}

function keepIn(...panels: NotebookPanel[]): void {
  const tracker = { forEach: panels.forEach.bind(panels) } as unknown as INotebookTracker;
  const transcripts = new NotebookTranscripts(tracker);
  transcripts.keep(MARK, NEW);
  // What is there already makes no change.
  transcripts.keep(MARK, NEW);
}

test.each([[said('old')], [[said('old').slice(0, 20), said('old').slice(20)]]])(
  'a transcript takes the place of the one with its mark: %j',
  old => {
    const others = [said('theirs', 'aqueduct-transcript-2'), undefined, `<p>${said('x')}</p>`];
    const { panel, set } = notebook(['<p>1</p>'], [...others, old]);
    keepIn(notebook(others).panel, panel);
    expect(set).toEqual([{ output_type: 'display_data', data: NEW, metadata: {} }]);
  }
);

test('two views of a notebook are one, and a panel that is shown twice has two transcripts', () => {
  const { panel, set } = notebook([said('old')], [said('old')]);
  keepIn(panel, { content: panel.content } as NotebookPanel);
  expect(set).toHaveLength(2);
});

test.each(['', '<p>no mark</p>', said('x', 'aqueduct-transcript-2')])(
  'what is no transcript of the panel takes no place: %j',
  html => {
    const { panel, set } = notebook([said('old')]);
    keepIn(panel);
    set.length = 0;
    const tracker = { forEach: [panel].forEach.bind([panel]) } as unknown as INotebookTracker;
    new NotebookTranscripts(tracker).keep(MARK, { 'text/html': html, 'text/plain': '' });
    expect(set).toEqual([]);
  }
);

test('a notebook that has none, is not loaded, or is open with its copy is left alone', () => {
  const [first, copy, other] = [notebook([said('a')]), notebook([said('b')]), notebook(['x'])];
  keepIn(other.panel, { content: { model: null } } as NotebookPanel);
  keepIn(first.panel, copy.panel);
  expect([...first.set, ...copy.set, ...other.set]).toEqual([]);
});
