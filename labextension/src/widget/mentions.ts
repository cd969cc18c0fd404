/** What can be attached in a panel: the variables of its kernel, and files of this computer. */
import type { KernelCarrier } from '../carriers/kernel';
import type { ChatModel } from '../model/chat';
import { sentenceOf } from '../model/plain-text';
import type { Words } from '../translation';
import { localFiles } from '../view/local-files';
import { shippedPrompts } from '../view/prompts';

/** Let a panel's chat offer them. */
export function offerMentions(model: ChatModel, carrier: KernelCarrier, words: Words): void {
  model.offer({
    list: async () => {
      const label = words.__('Variables');
      try {
        const mentions = (await carrier.variables()).map(({ name, type, shape }) => ({
          id: `variable-${name}`,
          kind: 'variable' as const,
          label: name,
          detail: [type, shape].filter(Boolean).join(' '),
          attach: () => carrier.attach(name)
        }));
        return { label, mentions };
      } catch (error) {
        return { label, mentions: [], note: sentenceOf(error) };
      }
    }
  });
  model.prompts.push(shippedPrompts(model, words));
  model.offer({
    list: () => ({ label: words.__('Files'), mentions: [localFiles(model, words)] })
  });
}
