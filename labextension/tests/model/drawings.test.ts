// @vitest-environment node
/** Pictures that have yet to be drawn, before they go along. */
import { beforeEach, expect, test, vi } from 'vitest';

import type { Carrier } from '../../src/carriers/carrier';
import { ChatModel } from '../../src/model/chat';
import type { Part } from '../../src/protocol-types';

const PART: Part = { type: 'file', file: { file_id: 'file-1', filename: 'p.png' } };
const CONTEXT = { name: 'cell In[1]', text: 'plot()\n[attached: p.png]' };

let model: ChatModel;
const upload = vi.fn<Carrier['upload']>();

beforeEach(() => {
  upload.mockReset().mockResolvedValue(PART);
  model = new ChatModel({ connect: () => undefined, upload } as unknown as Carrier);
});

test('a drawing is waited for, and goes along as a picture', async () => {
  let finish: (file: File) => void = () => undefined;
  const drawn = new Promise<File>(resolve => (finish = resolve));
  model.draft.add({ ...CONTEXT, pictures: [{ name: 'p.png', draw: () => drawn }] });
  expect([model.isReady, model.send('What is it?')]).toEqual([false, false]);
  finish(new File(['png'], 'p.png', { type: 'image/png' }));
  await model.draft.attachments.settled();
  expect(model.draft.attachments.items).toMatchObject([
    { bytes: 3, part: PART, from: 'cell In[1]' }
  ]);
  expect(model.draft.contexts).toMatchObject([{ text: CONTEXT.text }]);
  expect(model.isReady).toBe(true);
});

test('one that cannot be drawn is said to be left out', async () => {
  const draw = (): Promise<File> => Promise.reject(new Error('tainted'));
  model.draft.add({ ...CONTEXT, pictures: [{ name: 'p.png', draw }] });
  await model.draft.attachments.settled();
  await vi.waitFor(() => expect(model.draft.contexts[0]!.text).toContain('left out'));
  expect(model.draft.contexts).toMatchObject([
    { text: 'plot()\n[a picture, left out]', left: { pictures: 1 } }
  ]);
  expect([model.draft.attachments.items, model.trouble]).toEqual([[], null]);
});

test('one that is removed while it is drawn is not uploaded', async () => {
  let finish: (file: File) => void = () => undefined;
  const drawn = new Promise<File>(resolve => (finish = resolve));
  model.draft.add({ ...CONTEXT, pictures: [{ name: 'p.png', draw: () => drawn }] });
  model.draft.attachments.remove(model.draft.attachments.items[0]!);
  finish(new File(['png'], 'p.png'));
  await model.draft.attachments.settled();
  expect(upload).not.toHaveBeenCalled();
});
