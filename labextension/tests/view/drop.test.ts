import { h, type JSX } from 'preact';
import { useRef } from 'preact/hooks';
import { expect, test, vi } from 'vitest';

import type { Carrier } from '../../src/carriers/carrier';
import { ChatModel } from '../../src/model/chat';
import { useDrop } from '../../src/view/drop';
import { drawn } from '../page';

test('files can be dropped anywhere on the chat, which lights up; other things cannot', async () => {
  const upload = vi.fn<Carrier['upload']>(() => new Promise(() => undefined));
  const model = new ChatModel({ connect: () => undefined, upload } as unknown as Carrier);
  function Area(): JSX.Element {
    const ref = useRef<HTMLElement>(null);
    useDrop(ref, model);
    return h('section', { ref } as object, h('p', null));
  }
  const { node, takeAway } = await drawn(h(Area, {}));
  const area = node.querySelector('section')!;
  const drag = (name: string, dataTransfer: object, relatedTarget: Node | null = null): Event => {
    const event = new DragEvent(name, { bubbles: true, cancelable: true, relatedTarget });
    Object.defineProperty(event, 'dataTransfer', { value: dataTransfer });
    node.querySelector('p')!.dispatchEvent(event);
    return event;
  };
  expect(drag('dragover', { types: ['text/plain'] }).defaultPrevented).toBe(false);
  const files = { types: ['Files'], files: [new File(['x'], 'a.csv')] };
  expect(drag('dragover', files).defaultPrevented).toBe(true);
  expect(area.className).toBe('aqueduct-dropping');
  drag('dragleave', files, area);
  expect(area.className).toBe('aqueduct-dropping');
  drag('dragleave', files, document.body);
  expect(area.className).toBe('');
  drag('dragover', files);
  expect(drag('drop', files).defaultPrevented).toBe(true);
  expect(area.className).toBe('');
  expect(model.draft.attachments.items.map(({ name }) => name)).toEqual(['a.csv']);
  await takeAway();
});
