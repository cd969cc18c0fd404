/** Prompts in the composer's list: what choosing one does, and those that an administrator ships. */
import type { ChatModel } from '../model/chat';
import type { Mention, MentionSource } from '../model/mentions';
import { plainText } from '../model/plain-text';
import type { Prompt } from '../protocol-types';
import type { Words } from '../translation';

/** Characters of a prompt that are shown beside its name. */
const FIRST_WORDS = 60;

/**
 * A prompt in the list; its text is put before what the question already has.
 *
 * @param place - where it is from; two places may have prompts of the same name
 */
export function promptMention(model: ChatModel, { name, text }: Prompt, place: string): Mention {
  return {
    id: `${place}-${name}`,
    kind: 'prompt',
    label: name,
    detail: plainText(text, FIRST_WORDS),
    attach: draft => model.drafts.offer(draft.trim() ? `${text.trimEnd()}\n\n${draft}` : text)
  };
}

export function shippedPrompts(model: ChatModel, words: Words): MentionSource {
  return {
    list: () => ({
      label: words.__('Prompts of this server'),
      mentions: (model.setup?.prompts ?? []).map(prompt => promptMention(model, prompt, 'server'))
    })
  };
}
