/**
 * The plugin that attaches files of the server: chosen in JupyterLab's own dialog, or dragged from
 * its file browser.
 *
 * They are read through the contents API, so that drives and remote servers work, and are then
 * uploaded as all files are.
 */
import type { JupyterFrontEnd, JupyterFrontEndPlugin } from '@jupyterlab/application';
import { PathExt } from '@jupyterlab/coreutils';
import { IDocumentManager } from '@jupyterlab/docmanager';
import { FileDialog } from '@jupyterlab/filebrowser';
import type { Contents } from '@jupyterlab/services';
import type { Drag } from '@lumino/dragdrop';

import { bytesOf } from '../carriers/variables';
import type { MentionGroup, MentionSource } from '../model/mentions';
import { plainText } from '../model/plain-text';
import { DROPPING } from '../view/drop';
import { localFiles } from '../view/local-files';
import { IChat } from './tokens';

/** What JupyterLab's file browser drags: the paths. */
const PATHS = 'application/x-jupyter-icontents';

const MIB = 2 ** 20;

export class ServerFiles implements MentionSource {
  readonly rank = 3;

  constructor(
    private readonly _chat: IChat,
    private readonly _contents: Contents.IManager,
    private readonly _manager: IDocumentManager | null
  ) {}

  list(): MentionGroup {
    const { model, words } = this._chat;
    const fromServer = {
      id: 'server-files',
      kind: 'server' as const,
      label: words.__('Files of the server…'),
      detail: '',
      attach: () => this.choose()
    };
    return {
      label: words.__('Files'),
      mentions: [...(this._manager ? [fromServer] : []), localFiles(model, words)]
    };
  }

  /** Let the user choose files in JupyterLab's dialog. */
  async choose(): Promise<void> {
    const { value } = await FileDialog.getOpenFiles({
      manager: this._manager!,
      title: this._chat.words.__('Which files go along?')
    });
    this._chat.reveal();
    // Without a selection, the dialog returns its folder.
    const files = (value ?? []).filter(({ type }) => type !== 'directory');
    await this.attach(files.map(({ path }) => path));
  }

  /** Attach files by their paths on the server. */
  async attach(paths: readonly string[]): Promise<void> {
    // Another conversation may be open when they have been read.
    const { draft, complain } = this._chat.model;
    for (const path of paths) {
      const file = await this._read(path);
      // Not awaited, so that one upload does not wait for another.
      draft.attachments.add(file, path).catch(complain);
    }
  }

  private async _read(path: string): Promise<File> {
    const { model, words } = this._chat;
    const { type, size, mimetype } = await this._contents.get(path, { content: false });
    const name = plainText(PathExt.basename(path));
    if (type === 'directory') {
      throw new Error(words.__('%1 is a folder; choose the files in it.', name));
    }
    // A larger one is not even read.
    const most = model.choice.limits.attachment_bytes;
    if (size && size > most) {
      throw new Error(
        words.__(
          '%1 is %2 MB; the limit for a file in a chat is %3 MB.',
          name,
          (size / MIB).toFixed(1),
          Math.floor(most / MIB)
        )
      );
    }
    const read = await this._contents.get(path, { type: 'file', format: 'base64', content: true });
    const content: unknown = read.content;
    const bytes = typeof content === 'string' ? bytesOf(content.replace(/\s/g, '')) : null;
    if (!bytes) {
      throw new Error(words.__('The server cannot read %1.', name));
    }
    return new File([bytes], PathExt.basename(path), { type: mimetype || '' });
  }
}

/** Take what is dragged from JupyterLab's file browser, anywhere on an element. */
export function takeDrops(node: HTMLElement, take: (paths: readonly string[]) => void): void {
  const light = (isOn: boolean): void => {
    node.querySelector('.aqueduct-chat')?.classList.toggle(DROPPING, isOn);
  };
  const on = (name: string, act: (event: Drag.Event) => void): void =>
    node.addEventListener(name, event => {
      const drag = event as Drag.Event;
      if (drag.mimeData.hasData(PATHS)) {
        act(drag);
      }
    });
  const accept = (event: Drag.Event): void => {
    event.preventDefault();
    event.stopPropagation();
    event.dropAction = event.proposedAction;
    light(true);
  };
  on('lm-dragenter', accept);
  on('lm-dragover', accept);
  on('lm-dragleave', event => {
    if (!node.contains(event.relatedTarget as Node | null)) {
      light(false);
    }
  });
  on('lm-drop', event => {
    accept(event);
    light(false);
    const paths: unknown = event.mimeData.getData(PATHS);
    take(Array.isArray(paths) ? paths.filter(path => typeof path === 'string') : []);
  });
}

export const filesPlugin: JupyterFrontEndPlugin<void> = {
  id: 'aqueduct-jupyter:files',
  description: 'Attaches files of the server and of this computer to a question.',
  autoStart: true,
  requires: [IChat],
  optional: [IDocumentManager],
  activate: (app: JupyterFrontEnd, chat: IChat, manager: IDocumentManager | null) => {
    const files = new ServerFiles(chat, app.serviceManager.contents, manager);
    chat.model.offer(files);
    takeDrops(chat.node, paths => {
      chat.model.draft.expect(files.attach(paths)).catch(chat.model.complain);
    });
  }
};
