/** Other conversations as something to attach: their questions and answers as text. */
import type { ServerCarrier } from '../carriers/server';
import type { ChatModel } from '../model/chat';
import type { MentionGroup, MentionSource } from '../model/mentions';
import { endOf } from '../model/plain-text';
import { NOTHING_LEFT_OUT, type Context } from '../protocol-types';
import type { Words } from '../translation';

/** Longest context in characters: about 8,000 tokens. */
const MOST_CHARACTERS = 24_000;

export class ConversationMentions implements MentionSource {
  readonly rank = 4;

  constructor(
    private readonly _carrier: ServerCarrier,
    private readonly _model: ChatModel,
    private readonly _words: Words
  ) {}

  async list(): Promise<MentionGroup | null> {
    const { conversations, current } = this._carrier;
    const all = await conversations.list();
    const mentions = all
      .filter(({ id, turns }) => id !== current.id && turns > 0)
      .map(({ id, name, turns }) => ({
        id: `conversation-${id}`,
        kind: 'conversation' as const,
        label: name,
        detail: this._words._n('%1 turn', '%1 turns', turns),
        attach: async () => {
          // Another conversation may be open by then.
          const { draft } = this._model;
          const text = await conversations.export(id, 'md');
          draft.add(conversationContext(name, text));
        }
      }));
    return mentions.length ? { label: this._words.__('Conversations'), mentions } : null;
  }
}

/** A conversation as Markdown; the start of a long one is left out. */
export function conversationContext(name: string, markdown: string): Context {
  const text = endOf(markdown, MOST_CHARACTERS);
  const left = { ...NOTHING_LEFT_OUT, characters: markdown.length - text.length };
  return { kind: 'conversation', name: `conversation ${name}`, text, left };
}
