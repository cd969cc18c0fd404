/** Files of this computer as something to attach: the browser's own dialog. */
import type { ChatModel } from '../model/chat';
import type { Mention } from '../model/mentions';
import type { Words } from '../translation';
import { attachFiles } from './composer';

export function localFiles(model: ChatModel, words: Words): Mention {
  return {
    id: 'local-files',
    kind: 'file',
    label: words.__('Files of this computer…'),
    detail: '',
    attach: () => {
      const input = document.createElement('input');
      input.type = 'file';
      input.multiple = true;
      input.addEventListener('change', () => attachFiles(model, input.files ?? []));
      input.click();
    }
  };
}
