/** This file is what is done with a whole conversation in JupyterLab: renamed, exported, deleted. */
import type { JupyterFrontEnd } from '@jupyterlab/application';
import { Dialog, InputDialog, showDialog } from '@jupyterlab/apputils';
import { PathExt } from '@jupyterlab/coreutils';
import type { IDefaultFileBrowser } from '@jupyterlab/filebrowser';
import type { Contents } from '@jupyterlab/services';

import type { Format } from '../carriers/conversations';
import type { ServerCarrier } from '../carriers/server';
import type { ChatModel } from '../model/chat';
import type { Words } from '../view/services';
import type { HeaderActs } from './header';

/** How many names are tried for an export. */
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
    const { id, name } = this._carrier.current;
    void this._try(async () => {
      const title = this._words.__('Rename the conversation');
      const { value } = await InputDialog.getText({ title, text: name });
      if (value?.trim() && id) {
        const renamed = await this._carrier.conversations.rename(id, value);
        this._carrier.current.name = renamed.name;
        this._carrier.opened.emit();
      }
    });
  };

  remove = (): void => {
    const { id, name } = this._carrier.current;
    void this._try(async () => {
      const { button } = await showDialog({
        title: this._words.__('Delete the conversation?'),
        body: name,
        buttons: [Dialog.cancelButton(), Dialog.warnButton({ label: this._words.__('Delete') })]
      });
      if (button.accept && id) {
        this._model.stop();
        await this._carrier.conversations.delete(id);
        await this._carrier.open(null);
      }
    });
  };

  export = (format: Format): void => {
    const { id, name } = this._carrier.current;
    void this._try(async () => {
      const text = await this._carrier.conversations.export(id!, format);
      const { contents } = this._app.serviceManager;
      const folder = this._browser?.model.path ?? '';
      const path = await freePath(contents, folder, name, format);
      const isNotebook = format === 'ipynb';
      await contents.save(path, {
        type: isNotebook ? 'notebook' : 'file',
        format: isNotebook ? 'json' : 'text',
        content: isNotebook ? (JSON.parse(text) as object) : text
      });
      await this._app.commands.execute('docmanager:open', { path });
    });
  };

  private async _try(act: () => Promise<void>): Promise<void> {
    try {
      await act();
    } catch (error) {
      this._model.complain((error as Error).message);
    }
  }
}

/** Find a name that no file has. */
async function freePath(
  contents: Contents.IManager,
  folder: string,
  name: string,
  format: Format
): Promise<string> {
  const listed = (await contents.get(folder)).content as Contents.IModel[];
  const taken = new Set(listed.map(model => model.name));
  const stem = name.replace(/[\\/:*?"<>|\n]+/g, ' ').trim() || 'conversation';
  for (let number = 1; number < MOST_NAMES; number++) {
    const file = number === 1 ? `${stem}.${format}` : `${stem} ${number}.${format}`;
    if (!taken.has(file)) {
      return PathExt.join(folder, file);
    }
  }
  throw new Error(`There are too many files with the name ${stem}.`);
}
