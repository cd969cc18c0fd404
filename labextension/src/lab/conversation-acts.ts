/**
 * Operations on a whole conversation in JupyterLab: rename, export, delete.
 *
 * Each applies to the conversation that was shown at the click, even if another one is shown when a
 * dialog is answered.
 */
import type { JupyterFrontEnd } from '@jupyterlab/application';
import { Dialog, InputDialog, showDialog } from '@jupyterlab/apputils';
import { PathExt } from '@jupyterlab/coreutils';
import type { IDefaultFileBrowser } from '@jupyterlab/filebrowser';

import type { Format } from '../carriers/conversations';
import type { OpenConversation } from '../carriers/open-conversation';
import type { ServerCarrier } from '../carriers/server';
import type { ChatModel } from '../model/chat';
import { fileNameOf } from '../model/plain-text';
import type { Words } from '../translation';
import type { HeaderActs } from './header';

/** The most names to try for an export. */
const MOST_NAMES = 100;

export class ConversationActs implements HeaderActs {
  constructor(
    private readonly _app: JupyterFrontEnd,
    private readonly _carrier: ServerCarrier,
    private readonly _model: ChatModel,
    private readonly _words: Words,
    private readonly _browser: IDefaultFileBrowser | null
  ) {}

  rename = (): void => {
    this._rename(this._carrier.current).catch(this._model.complain);
  };

  remove = (): void => {
    this._remove(this._carrier.current).catch(this._model.complain);
  };

  export = (format: Format): void => {
    const folder = this._browser?.model.path ?? '';
    this._export(this._carrier.current, format, folder).catch(this._model.complain);
  };

  private async _rename(conversation: OpenConversation): Promise<void> {
    const title = this._words.__('Rename the conversation');
    const { value } = await InputDialog.getText({ title, text: conversation.name });
    if (value?.trim()) {
      await this._carrier.rename(conversation, value);
    }
  }

  private async _remove(conversation: OpenConversation): Promise<void> {
    const { button } = await showDialog({
      title: this._words.__('Delete the conversation?'),
      body: conversation.name,
      buttons: [Dialog.cancelButton(), Dialog.warnButton({ label: this._words.__('Delete') })]
    });
    if (button.accept) {
      await this._carrier.delete(conversation);
    }
  }

  private async _export(
    conversation: OpenConversation,
    format: Format,
    folder: string
  ): Promise<void> {
    const { name } = conversation;
    const text = await conversation.export(format);
    const path = await this._freePath(folder, name, format);
    const isNotebook = format === 'ipynb';
    await this._app.serviceManager.contents.save(path, {
      type: isNotebook ? 'notebook' : 'file',
      format: isNotebook ? 'json' : 'text',
      content: isNotebook ? (JSON.parse(text) as object) : text
    });
    await this._app.commands.execute('docmanager:open', { path });
  }

  /** Find an unused filename. */
  private async _freePath(folder: string, name: string, format: Format): Promise<string> {
    const listed = await this._app.serviceManager.contents.get(folder);
    const taken = new Set((listed.content as { name: string }[]).map(file => file.name));
    const stem = fileNameOf(name) || this._words.__('conversation');
    for (let number = 1; number < MOST_NAMES; number++) {
      const file = number === 1 ? `${stem}.${format}` : `${stem} ${number}.${format}`;
      if (!taken.has(file)) {
        return PathExt.join(folder, file);
      }
    }
    throw new Error(this._words.__('There are too many files named %1.', stem));
  }
}
