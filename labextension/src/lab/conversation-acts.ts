/**
 * Operations on conversations in JupyterLab: rename, pin, export, delete.
 *
 * Each applies to the conversations that it is given, even if another one is shown when a dialog is
 * answered.
 */
import type { JupyterFrontEnd } from '@jupyterlab/application';
import { Dialog, InputDialog, showDialog } from '@jupyterlab/apputils';
import { PathExt } from '@jupyterlab/coreutils';
import { FileDialog, type IDefaultFileBrowser } from '@jupyterlab/filebrowser';

import type { Format, Named } from '../carriers/conversations';
import { OpenConversation } from '../carriers/open-conversation';
import type { ServerCarrier } from '../carriers/server';
import { fileNameOf } from '../model/plain-text';
import type { Words } from '../translation';

/** The most names to try for an export. */
const MOST_NAMES = 100;

/** The most names in a question. */
const MOST_NAMED = 10;

export class ConversationActs {
  constructor(
    private readonly _app: JupyterFrontEnd,
    private readonly _carrier: ServerCarrier,
    private readonly _words: Words,
    private readonly _browser: IDefaultFileBrowser | null
  ) {}

  /** Ask for a name, and rename a conversation. */
  async rename(conversation: Named): Promise<void> {
    const open = this._opened(conversation);
    const title = this._words.__('Rename the conversation');
    const { value } = await InputDialog.getText({ title, text: conversation.name });
    if (value?.trim()) {
      await this._carrier.rename(open, value);
    }
  }

  /** Pin a conversation to the top of the list, or take the pin away. */
  async pin({ id }: Named, isPinned: boolean): Promise<void> {
    await this._carrier.conversations.pin(id, isPinned);
  }

  /** Ask, and delete conversations. */
  async remove(conversations: readonly Named[]): Promise<void> {
    const { button } = await showDialog({
      title: this._words._n(
        'Delete the conversation?',
        'Delete %1 conversations?',
        conversations.length
      ),
      body: this._listOf(conversations),
      buttons: [Dialog.cancelButton(), Dialog.warnButton({ label: this._words.__('Delete') })]
    });
    if (!button.accept) {
      return;
    }
    // Those that are open when the dialog is answered: one of them may have become the current one.
    for (const conversation of conversations) {
      await this._carrier.delete(this._opened(conversation));
    }
  }

  /** Ask for a format and a folder, and save a conversation there as a file, which is opened. */
  async export(conversation: Named): Promise<void> {
    const open = this._opened(conversation);
    const formats = new Map<string, Format>([
      [this._words.__('Notebook'), 'ipynb'],
      [this._words.__('Markdown'), 'md']
    ]);
    const { value } = await InputDialog.getItem({
      title: this._words.__('Export the conversation as'),
      items: [...formats.keys()]
    });
    const format = formats.get(value ?? '');
    if (format) {
      const folder = await this._folder();
      if (folder !== null) {
        await this._export(open, conversation.name, format, folder);
      }
    }
  }

  /** The conversation with its pending operations, if it is the one on the page. */
  private _opened({ id, name }: Named): OpenConversation {
    const { current, conversations } = this._carrier;
    const open = current.id === id ? current : new OpenConversation(conversations, id);
    open.name = name;
    return open;
  }

  private _listOf(conversations: readonly Named[]): string {
    const names = conversations.slice(0, MOST_NAMED).map(({ name }) => name);
    const more = conversations.length - names.length;
    return [...names, ...(more ? [this._words.__('and %1 more', more)] : [])].join(', ');
  }

  /** Ask for a folder; null if the user cancels. */
  private async _folder(): Promise<string | null> {
    if (!this._browser) {
      return '';
    }
    const { model } = this._browser;
    const { value, button } = await FileDialog.getExistingDirectory({
      manager: model.manager,
      defaultPath: model.path,
      title: this._words.__('Export into which folder?')
    });
    return button.accept ? (value?.[0]?.path ?? '') : null;
  }

  private async _export(
    conversation: OpenConversation,
    name: string,
    format: Format,
    folder: string
  ): Promise<void> {
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
