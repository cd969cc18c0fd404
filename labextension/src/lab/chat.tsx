/**
 * This file is the plugin of the chat in the sidebar: the widget, its commands, what is restored.
 *
 * What it can say about notebooks is left to the other plugins.
 */
import {
  ILayoutRestorer,
  type JupyterFrontEnd,
  type JupyterFrontEndPlugin
} from '@jupyterlab/application';
import { ICommandPalette } from '@jupyterlab/apputils';
import { IEditorLanguageRegistry } from '@jupyterlab/codemirror';
import { IDefaultFileBrowser } from '@jupyterlab/filebrowser';
import { ILatexTypesetter } from '@jupyterlab/rendermime';
import { ISettingRegistry } from '@jupyterlab/settingregistry';
import { IStateDB } from '@jupyterlab/statedb';
import { ITranslator, nullTranslator } from '@jupyterlab/translation';
import { LabIcon } from '@jupyterlab/ui-components';
import { Widget } from '@lumino/widgets';

import { Api } from '../carriers/api';
import { ServerCarrier } from '../carriers/server';
import { ChatModel } from '../model/chat';
import { showChat } from '../view/chat';
import type { ContextSource } from '../view/composer';
import { offer, type Typesetter, type Words } from '../view/services';
import type { Context } from '../words';
import { ConversationActs } from './conversation-acts';
import { Header, type HeaderActs } from './header';
import { COMMANDS, IChat } from './tokens';
import { LabTypesetter } from './typesetting';

export const CHAT_PLUGIN = 'aqueduct-jupyter:chat';

export const chatIcon = new LabIcon({
  name: 'aqueduct-jupyter:chat',
  svgstr:
    '<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 24 24" width="16"><path class="jp-icon3" ' +
    'fill="#616161" d="M3 4h18v3H3zm0 4h18v12h-3v-4a3 3 0 0 0-6 0v4h0-0v-4a3 3 0 0 0-6 0v4H3z"/></svg>'
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
    this.node.querySelector('textarea')?.focus();
  }

  override dispose(): void {
    this._takeAway?.();
    super.dispose();
  }
}

class Chat implements IChat {
  readonly sources: ContextSource[] = [];
  readonly api = new Api();
  readonly carrier = new ServerCarrier(this.api);
  readonly model = new ChatModel(this.carrier);
  readonly widget: ChatSidebar;

  constructor(
    private readonly _app: JupyterFrontEnd,
    readonly words: Words,
    typesetter: Typesetter,
    browser: IDefaultFileBrowser | null
  ) {
    const acts = new ConversationActs(_app, this.carrier, this.model, words, browser);
    this.widget = new ChatSidebar(node => this._show(node, typesetter, acts), words);
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
    contexts.forEach(context => this.model.addContext(context));
    if (!this.model.send(prompt)) {
      this.model.drafted.emit(prompt);
    }
  }

  private _show(node: HTMLElement, typesetter: Typesetter, acts: HeaderActs): () => void {
    const { model, words, sources, carrier } = this;
    const header = <Header carrier={carrier} words={words} acts={acts} />;
    return showChat(node, { model, words, typesetter, sources, header });
  }
}

/** Keep the open conversation and the chosen model over a reload. */
async function restore(chat: Chat, state: IStateDB): Promise<void> {
  const { carrier, model } = chat;
  const kept = (await state.fetch(CHAT_PLUGIN)) as { id?: string; model?: string } | undefined;
  if (kept?.model) {
    model.choose(kept.model);
  }
  if (kept?.id && carrier.current.id === null && !model.turns.length) {
    await carrier.open(kept.id);
  }
  let saved = '';
  model.changed.connect(() => {
    const now = { id: carrier.current.id, model: model.model };
    if (JSON.stringify(now) !== saved) {
      saved = JSON.stringify(now);
      void state.save(CHAT_PLUGIN, now);
    }
  });
  carrier.opened.connect(() => model.changed.emit());
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
  description: 'A chat with the models of the Jupyter server, in the sidebar.',
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
    IDefaultFileBrowser
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
    browser: IDefaultFileBrowser | null
  ): IChat => {
    const words = (translator ?? nullTranslator).load('aqueduct_jupyter');
    const typesetter = new LabTypesetter(languages, latex);
    offer({ typesetter });
    const chat = new Chat(app, words, typesetter, browser);
    app.shell.add(chat.widget, 'right', { rank: 900 });
    restorer?.add(chat.widget, chat.widget.id);
    app.commands.addCommand(COMMANDS.open, {
      label: words.__('Chat'),
      caption: words.__('Ask a model, beside the notebook'),
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
    if (state) {
      void restore(chat, state);
    }
    if (settings) {
      void follow(chat, settings);
    }
    return chat;
  }
};
