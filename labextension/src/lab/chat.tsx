/**
 * The plugin of the chat in the sidebar: the widget and its commands.
 *
 * Access to notebooks is in the other plugins, state across reloads in `restoring.ts`.
 */
import {
  ILayoutRestorer,
  type JupyterFrontEnd,
  type JupyterFrontEndPlugin
} from '@jupyterlab/application';
import { ICommandPalette } from '@jupyterlab/apputils';
import { IEditorLanguageRegistry } from '@jupyterlab/codemirror';
import { IDefaultFileBrowser } from '@jupyterlab/filebrowser';
import { ILauncher } from '@jupyterlab/launcher';
import { IMermaidManager } from '@jupyterlab/mermaid';
import { ILatexTypesetter } from '@jupyterlab/rendermime';
import { ISettingRegistry } from '@jupyterlab/settingregistry';
import { IStateDB } from '@jupyterlab/statedb';
import { ServerConnection } from '@jupyterlab/services';
import { ITranslator, nullTranslator } from '@jupyterlab/translation';
import { LabIcon } from '@jupyterlab/ui-components';
import { Widget } from '@lumino/widgets';

import { Api } from '../carriers/api';
import { ServerCarrier } from '../carriers/server';
import { ChatModel } from '../model/chat';
import type { ContextSource } from '../model/mentions';
import type { Words } from '../translation';
import { showChat } from '../view/chat';
import { offer, type Typesetter } from '../view/services';
import type { Context } from '../protocol-types';
import { ConversationActs } from './conversation-acts';
import { Header } from './header';
import { PageShelf } from './page-shelf';
import { restore } from './restoring';
import { SetUp } from './set-up';
import { COMMANDS, IChat } from './tokens';
import { LabTypesetter } from './typesetting';

export const CHAT_PLUGIN = 'aqueduct-jupyter:chat';

export const chatIcon = new LabIcon({
  name: 'aqueduct-jupyter:chat',
  svgstr:
    '<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 24 24" width="16"><path class="jp-icon3" ' +
    'fill="#616161" fill-rule="evenodd" d="M4 2h16a2 2 0 0 1 2 2v12a2 2 0 0 1-2 2h-9l-5 4v-4H4a2 2 0 ' +
    '0 1-2-2V4a2 2 0 0 1 2-2zm1 3v2h14V5zm1 10h5v-3a2.5 2.5 0 0 0-5 0zm7 0h5v-3a2.5 2.5 0 0 0-5 0z"/></svg>'
});

/** The sidebar's widget. */
class ChatSidebar extends Widget {
  private _takeAway: (() => void) | null = null;

  constructor(
    private readonly _draw: (node: HTMLElement) => () => void,
    words: Words
  ) {
    super();
    this.id = 'aqueduct-chat';
    this.addClass('aqueduct-sidebar');
    this.title.icon = chatIcon;
    this.title.caption = words.__('Chat');
  }

  protected override onBeforeShow(): void {
    this._takeAway ??= this._draw(this.node);
  }

  protected override onActivateRequest(): void {
    this.node.querySelector<HTMLElement>('.aqueduct-composer textarea')?.focus();
  }

  override dispose(): void {
    this._takeAway?.();
    super.dispose();
  }
}

class Chat implements IChat {
  readonly sources: ContextSource[] = [];
  readonly api: Api;
  readonly carrier: ServerCarrier;
  readonly model: ChatModel;
  readonly widget: ChatSidebar;

  constructor(
    private readonly _app: JupyterFrontEnd,
    readonly words: Words,
    typesetter: Typesetter,
    browser: IDefaultFileBrowser | null
  ) {
    this.api = new Api(ServerConnection.makeSettings(), words);
    this.carrier = new ServerCarrier(this.api);
    this.model = new ChatModel(this.carrier, null, words);
    const acts = new ConversationActs(_app, this.carrier, words, browser);
    this.widget = new ChatSidebar(node => this._show(node, typesetter, acts), words);
  }

  get node(): HTMLElement {
    return this.widget.node;
  }

  addSource(source: ContextSource): void {
    this.sources.push(source);
    this.model.changed.emit();
  }

  reveal(): void {
    this._app.shell.activateById(this.widget.id);
  }

  ask(prompt: string, contexts: readonly Context[]): void {
    this.reveal();
    contexts.forEach(context => this.model.draft.add(context));
    this._sendWhenUploaded(prompt).catch(this.model.complain);
  }

  private async _sendWhenUploaded(prompt: string): Promise<void> {
    await this.model.draft.attachments.settled();
    if (!this.model.send(prompt)) {
      this.model.drafts.offer(prompt);
    }
  }

  private _show(node: HTMLElement, typesetter: Typesetter, acts: ConversationActs): () => void {
    const { model, words, sources, carrier } = this;
    const header = <Header carrier={carrier} words={words} acts={acts} />;
    const setUp = (
      <SetUp
        api={this.api}
        words={words}
        done={() => {
          carrier.refresh().catch(carrier.complain);
        }}
      />
    );
    return showChat(node, { model, words, typesetter, sources, header, setUp });
  }
}

async function follow(chat: Chat, settings: ISettingRegistry): Promise<void> {
  const loaded = await settings.load(CHAT_PLUGIN);
  const update = (): void => {
    chat.carrier.system = (loaded.composite.system as string) || null;
  };
  loaded.changed.connect(update);
  update();
}

export const chatPlugin: JupyterFrontEndPlugin<IChat> = {
  id: CHAT_PLUGIN,
  description: "A chat with the Jupyter server's models, in the sidebar.",
  autoStart: true,
  provides: IChat,
  optional: [
    ITranslator,
    ICommandPalette,
    ILayoutRestorer,
    IStateDB,
    ISettingRegistry,
    IEditorLanguageRegistry,
    ILatexTypesetter,
    IDefaultFileBrowser,
    IMermaidManager,
    ILauncher
  ],
  activate: (
    app: JupyterFrontEnd,
    translator: ITranslator | null,
    palette: ICommandPalette | null,
    restorer: ILayoutRestorer | null,
    state: IStateDB | null,
    settings: ISettingRegistry | null,
    languages: IEditorLanguageRegistry | null,
    latex: ILatexTypesetter | null,
    browser: IDefaultFileBrowser | null,
    mermaid: IMermaidManager | null,
    launcher: ILauncher | null
  ): IChat => {
    const words = (translator ?? nullTranslator).load('aqueduct_jupyter');
    const typesetter = new LabTypesetter(languages, latex, mermaid);
    offer({ typesetter });
    const chat = new Chat(app, words, typesetter, browser);
    app.shell.add(chat.widget, 'right', { rank: 900 });
    restorer?.add(chat.widget, chat.widget.id);
    app.commands.addCommand(COMMANDS.open, {
      label: words.__('Chat'),
      caption: words.__('Chat with a model beside the notebook'),
      icon: chatIcon,
      execute: () => chat.reveal()
    });
    app.commands.addCommand(COMMANDS.begin, {
      label: words.__('New conversation'),
      execute: async () => {
        await chat.carrier.open(null);
        chat.reveal();
      }
    });
    for (const command of [COMMANDS.open, COMMANDS.begin]) {
      palette?.addItem({ command, category: words.__('Chat') });
    }
    launcher?.add({ command: COMMANDS.open, category: words.__('Other'), rank: 10 });
    const shelf = new PageShelf(chat.api.settings.baseUrl);
    if (state) {
      restore(chat.model, chat.carrier, state, CHAT_PLUGIN, shelf).catch(chat.carrier.complain);
    } else {
      chat.model.drafts.use(shelf);
    }
    if (settings) {
      follow(chat, settings).catch(chat.carrier.complain);
    }
    return chat;
  }
};
