// @vitest-environment node
import { InputDialog } from '@jupyterlab/apputils';
import { beforeEach, expect, test, vi } from 'vitest';

import type { Carrier } from '../../src/carriers/carrier';
import { OwnPrompts } from '../../src/lab/prompts';
import { ChatModel } from '../../src/model/chat';
import type { Prompt } from '../../src/protocol-types';
import { ENGLISH } from '../../src/translation';

vi.mock('@jupyterlab/apputils', () => ({ InputDialog: { getText: vi.fn() } }));
vi.mock('@jupyterlab/settingregistry', () => ({ ISettingRegistry: {} }));

let kept: readonly Prompt[];
let prompts: OwnPrompts;
const edit = vi.fn(() => Promise.resolve());
const reveal = vi.fn();

beforeEach(() => {
  vi.clearAllMocks();
  kept = [{ name: 'Review', text: 'Review this:' }];
  const model = new ChatModel({ connect: () => undefined } as unknown as Carrier);
  const store = {
    read: () => kept,
    write: (changed: readonly Prompt[]) => {
      kept = changed;
      return Promise.resolve();
    }
  };
  prompts = new OwnPrompts({ model, words: ENGLISH, reveal }, store, () => edit);
});

/** Choose what has this label, beside a draft. */
async function choose(label: string, draft: string): Promise<void> {
  await prompts
    .list()
    .mentions.find(mention => mention.label === label)!
    .attach(draft);
}

test('a question is saved as a prompt under a name, in place of one with the same name', async () => {
  const answer = (value: string | null): void => {
    vi.mocked(InputDialog.getText).mockResolvedValue({ value } as never);
  };
  answer('Document');
  await choose('Save as a prompt…', 'Document this.\nBriefly.');
  expect(vi.mocked(InputDialog.getText).mock.calls[0]![0]).toMatchObject({
    text: 'Document this.'
  });
  answer('Review');
  await choose('Save as a prompt…', 'Be strict.');
  expect(kept).toEqual([
    { name: 'Document', text: 'Document this.\nBriefly.' },
    { name: 'Review', text: 'Be strict.' }
  ]);
  answer(null);
  await choose('Save as a prompt…', 'Not this.');
  expect(kept).toHaveLength(2);
  expect(reveal).toHaveBeenCalledTimes(3);
});

test('without a question there is nothing to save, and prompts are changed in the settings', async () => {
  await expect(choose('Save as a prompt…', ' ')).rejects.toThrow('Write the prompt first');
  await choose('Change your prompts…', '');
  expect(edit).toHaveBeenCalledOnce();
  expect(kept).toHaveLength(1);
});
