/**
 * The plugin of the prompt library: the user's own prompts, which JupyterLab's settings keep on the
 * server, and those that an administrator ships.
 */
import type { JupyterFrontEnd, JupyterFrontEndPlugin } from '@jupyterlab/application';
import { InputDialog } from '@jupyterlab/apputils';
import { ISettingRegistry } from '@jupyterlab/settingregistry';

import { promptsIn } from '../carriers/received';
import type { Mention, MentionGroup, MentionSource } from '../model/mentions';
import { plainText } from '../model/plain-text';
import type { Prompt } from '../protocol-types';
import { promptMention, shippedPrompts } from '../view/prompts';
import { IChat } from './tokens';

const PROMPTS_PLUGIN = 'aqueduct-jupyter:prompts';

/** Characters of a prompt's name, as for those of an administrator. */
const LONGEST_NAME = 80;

/** The command of JupyterLab's settings editor, if there is one. */
const EDIT = 'settingeditor:open';

/** Where the user's own prompts are kept. */
export interface PromptStore {
  read(): readonly Prompt[];
  write(prompts: readonly Prompt[]): Promise<void>;
}

export class OwnPrompts implements MentionSource {
  /** @param _editor - returns what opens the place where prompts are changed; null if there is none */
  constructor(
    private readonly _chat: Pick<IChat, 'model' | 'words' | 'reveal'>,
    private readonly _store: PromptStore,
    private readonly _editor: () => (() => Promise<void>) | null
  ) {}

  list(): MentionGroup {
    const { model, words } = this._chat;
    const edit = this._editor();
    const acts: Mention[] = [
      this._act('save', words.__('Save as a prompt…'), draft => this._save(draft)),
      ...(edit ? [this._act('edit', words.__('Change your prompts…'), edit)] : [])
    ];
    const prompts = this._store.read().map(prompt => promptMention(model, prompt, 'own'));
    return { label: words.__('Your prompts'), mentions: [...prompts, ...acts] };
  }

  private _act(id: string, label: string, attach: Mention['attach']): Mention {
    return { id: `prompts-${id}`, kind: 'prompt', label, detail: '', attach };
  }

  private async _save(draft: string): Promise<void> {
    const { words } = this._chat;
    if (!draft.trim()) {
      throw new Error(
        words.__('Write the prompt first, then choose Save as a prompt with the button Prompts.')
      );
    }
    const { value } = await InputDialog.getText({
      title: words.__('Save as a prompt'),
      label: words.__('Name'),
      text: plainText(draft.trim().split('\n', 1)[0], LONGEST_NAME / 2)
    });
    const name = plainText(value, LONGEST_NAME);
    if (name) {
      const others = this._store.read().filter(prompt => prompt.name !== name);
      await this._store.write([...others, { name, text: draft }]);
    }
    this._chat.reveal();
  }
}

function storeOf(settings: ISettingRegistry.ISettings): PromptStore {
  return {
    read: () => promptsIn(settings.composite.prompts),
    write: prompts =>
      settings.set(
        'prompts',
        prompts.map(({ name, text }) => ({ name, text }))
      )
  };
}

export const promptsPlugin: JupyterFrontEndPlugin<void> = {
  id: PROMPTS_PLUGIN,
  description: 'Offers saved prompts after a slash: own ones, and those of the administrator.',
  autoStart: true,
  requires: [IChat],
  optional: [ISettingRegistry],
  activate: async (
    { commands }: JupyterFrontEnd,
    chat: IChat,
    registry: ISettingRegistry | null
  ): Promise<void> => {
    const { model, words } = chat;
    const offer = (source: MentionSource): void => {
      model.prompts.push(source);
      model.changed.emit();
    };
    offer(shippedPrompts(model, words));
    if (registry) {
      const settings = await registry.load(PROMPTS_PLUGIN);
      const edit = async (): Promise<void> => {
        await commands.execute(EDIT, { query: words.__('Prompts') });
      };
      offer(
        new OwnPrompts(chat, storeOf(settings), () => (commands.hasCommand(EDIT) ? edit : null))
      );
    }
  }
};
