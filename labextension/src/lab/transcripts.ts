/**
 * The plugin that keeps the transcripts of panels in their notebooks up to date.
 *
 * JupyterLab updates an output only for the connection that saw it come, so after a reload it passes
 * over what the kernel says of it. The kernel then sends the transcript to the panel.
 */
import type { JupyterFrontEnd, JupyterFrontEndPlugin } from '@jupyterlab/application';
import type { ICellModel, ICodeCellModel } from '@jupyterlab/cells';
import { INotebookTracker, type NotebookPanel } from '@jupyterlab/notebook';

import { textIn } from '../carriers/json';
import { offer, type Transcript, type Transcripts } from '../view/services';

type NotebookModel = NotebookPanel['content']['model'];

/** An output of a notebook. */
interface Place {
  outputs: ICodeCellModel['outputs'];
  number: number;
}

export class NotebookTranscripts implements Transcripts {
  constructor(private readonly _tracker: INotebookTracker) {}

  keep(mark: string, transcript: Transcript): void {
    if (!isMarked(transcript['text/html'], mark)) {
      return;
    }
    // Two views of a notebook have one model.
    const notebooks = new Set<NotebookModel>();
    this._tracker.forEach(({ content }) => notebooks.add(content.model));
    const found = [...notebooks].map(model => placesIn(model, mark)).filter(({ length }) => length);
    // Of a notebook and its copy, we cannot tell whose panel it is.
    for (const place of found.length === 1 ? found[0]! : []) {
      if (htmlOf(place) !== transcript['text/html']) {
        const output = { output_type: 'display_data', data: { ...transcript }, metadata: {} };
        place.outputs.set(place.number, output);
      }
    }
  }
}

function isMarked(html: string, mark: string): boolean {
  return html.startsWith(`<div class="${mark}">`);
}

/** The transcripts with a mark in a notebook; a panel that is shown twice has two. */
function placesIn(model: NotebookModel, mark: string): Place[] {
  const cells: Iterable<ICellModel> = model?.cells ?? [];
  return [...cells].flatMap(cell => {
    const { outputs } = cell as Partial<ICodeCellModel>;
    const places = Array.from({ length: outputs?.length ?? 0 }, (_, number) => ({
      outputs: outputs!,
      number
    }));
    return places.filter(place => isMarked(htmlOf(place), mark));
  });
}

function htmlOf({ outputs, number }: Place): string {
  const html = outputs.get(number).data['text/html'];
  // A saved notebook may have it in lines.
  return Array.isArray(html) ? html.join('') : textIn(html);
}

export const transcriptsPlugin: JupyterFrontEndPlugin<void> = {
  id: 'aqueduct-jupyter:transcripts',
  description: 'Keeps the conversations of panels in their notebooks, also after a reload.',
  autoStart: true,
  requires: [INotebookTracker],
  activate: (_app: JupyterFrontEnd, tracker: INotebookTracker) => {
    offer({ transcripts: new NotebookTranscripts(tracker) });
  }
};
