import { h } from 'preact';
import { act } from 'preact/test-utils';
import { afterEach, beforeEach, expect, test, vi } from 'vitest';

import type { Carrier, CarrierEvent } from '../../src/carriers/carrier';
import { ChatModel } from '../../src/model/chat';
import { LONGEST_WORD } from '../../src/model/plain-text';
import { newTurn, NOTHING_LEFT_OUT, type Part } from '../../src/protocol-types';
import { ENGLISH } from '../../src/translation';
import { Chips } from '../../src/view/chips';
import { SentChips } from '../../src/view/sent-chips';
import { drawn, redrawn } from '../page';

const IMAGE: Part = { type: 'file', file: { file_id: 'file-1', filename: 'a.png' } };

let model: ChatModel;
let takeAway = (): Promise<void> => Promise.resolve();

const download = vi.fn<Required<Carrier>['download']>(() => Promise.resolve(new Blob(['x'])));
const createObjectURL = vi.fn<typeof URL.createObjectURL>(() => 'blob:1');
const upload = vi.fn<Carrier['upload']>(() => Promise.resolve(IMAGE));
const connect = (_listener: (event: CarrierEvent) => void): void => undefined;
const carrier = {
  connect,
  upload,
  download
} as unknown as Carrier;

beforeEach(() => {
  model = new ChatModel(carrier);
  URL.createObjectURL = createObjectURL;
  URL.revokeObjectURL = vi.fn();
});

afterEach(() => takeAway());

async function chips(): Promise<HTMLElement> {
  const page = await drawn(h(Chips, { model, words: ENGLISH }));
  takeAway = page.takeAway;
  return page.node;
}

async function press(node: HTMLElement, selector: string): Promise<void> {
  await act(() => node.querySelector<HTMLButtonElement>(selector)!.click());
  await redrawn();
}

test('what is attached has a name that can be read', async () => {
  const name = `gpj\u202eexe${'x'.repeat(1000)}`;
  model.draft.add({ name, text: '😀'.repeat(60_000) });
  model.draft.attachments.add(new File(['x'], name)).catch(() => undefined);
  const node = await chips();
  const shown = [...node.querySelectorAll('.aqueduct-chip-face > span')];
  expect(shown.map(({ textContent }) => textContent)).toEqual([
    `gpjexe${'x'.repeat(LONGEST_WORD - 7)}…`,
    `gpjexe${'x'.repeat(LONGEST_WORD - 7)}…`
  ]);
  await press(node, '.aqueduct-chip-face');
  expect(node.querySelector('dialog pre')!.textContent).toBe(`${'😀'.repeat(50_000)}…`);
});

test('a chip says how much it takes and what was left out', async () => {
  const left = { ...NOTHING_LEFT_OUT, characters: 12_345, pictures: 2, rows: 1 };
  model.draft.add({ name: 'notebook a.ipynb', text: 'x'.repeat(4000), left, cut: ['df: rows'] });
  const node = await chips();
  expect(node.querySelector('small')!.textContent).toBe(
    'about 1,000 tokens · 12,345 characters left out · 2 pictures left out · 1 row left out · left out: df: rows'
  );
});

test('pictures come and go with their context, and can be removed alone', async () => {
  const picture = new File(['x'], 'In[1] of a.png', { type: 'image/png' });
  const context = { name: 'cell In[1] of a.ipynb', text: 'plot()', pictures: [picture] };
  model.draft.add(context);
  model.draft.add({ ...context });
  await model.draft.attachments.settled();
  expect(model.draft.attachments.items).toHaveLength(1);
  const node = await chips();
  expect(node.querySelector('img')!.src).toBe('blob:1');
  await act(() =>
    node.querySelector<HTMLButtonElement>("[aria-label='Remove In[1] of a.png']")!.click()
  );
  expect([model.draft.contexts.length, model.draft.attachments.items.length]).toEqual([1, 0]);
  model.draft.add(context);
  model.draft.remove(model.draft.contexts[0]!);
  expect(model.draft.attachments.items).toEqual([]);
});

async function sent(model: ChatModel, ...parts: Part[]): Promise<HTMLElement> {
  const turn = newTurn('Why?', [...parts, { type: 'text', text: 'Why?' }]);
  const page = await drawn(h(SentChips, { turn, model, words: ENGLISH }));
  takeAway = page.takeAway;
  await redrawn();
  return page.node;
}

test('what was sent looks as before, and can be opened: a text, a picture, and a file', async () => {
  const node = await sent(
    model,
    { type: 'text', text: `<cell In[1]>\n${'x'.repeat(400)}\n</cell In[1]>` },
    IMAGE,
    { type: 'file', file: { file_id: 'file-2', filename: 'b.pdf' } }
  );
  const chips = [...node.querySelectorAll('li')];
  expect(chips.map(chip => chip.querySelector('span')!.textContent)).toEqual([
    'cell In[1]',
    'a.png',
    'b.pdf'
  ]);
  expect(chips[0]!.querySelector('small')!.textContent).toBe('about 100 tokens');
  expect(chips[1]!.querySelector('img')!.src).toBe('blob:1');
  expect(download).toHaveBeenCalledExactlyOnceWith({ file_id: 'file-1', filename: 'a.png' });
  await press(node, '.aqueduct-chip-face');
  expect(node.querySelector('dialog pre')!.textContent).toBe('x'.repeat(400));
  await press(node, "dialog [aria-label='Close']");
  expect(node.querySelector('dialog')).toBeNull();
  await press(node, 'li:nth-child(2) button');
  expect(node.querySelector<HTMLImageElement>('dialog img')!.alt).toBe('a.png');
  await press(node, "dialog [aria-label='Close']");
  download.mockResolvedValueOnce(new Blob(['%PDF-1.7'], { type: 'text/html' }));
  await press(node, 'li:nth-child(3) button');
  await vi.waitFor(() => expect(node.querySelector('dialog a')).not.toBeNull());
  const link = node.querySelector<HTMLAnchorElement>('dialog a')!;
  expect([link.download, link.target]).toEqual(['b.pdf', '']);
  expect(createObjectURL.mock.lastCall![0]).toMatchObject({
    type: 'application/octet-stream'
  });
  expect(node.querySelector('dialog pre')).toBeNull();
});

test('a page under the name of a picture never gets an address as a page', async () => {
  download.mockResolvedValue(new Blob(['<script>'], { type: 'text/html' }));
  createObjectURL.mockClear();
  const page = 'data:text/html;base64,PHNjcmlwdD4=';
  const hostile = { type: 'file', file: { file_data: page, filename: 'x.png' } } as Part;
  const node = await sent(model, IMAGE, hostile);
  await vi.waitFor(() => expect(createObjectURL.mock.calls.length).toBeGreaterThan(0));
  await press(node, 'li:nth-child(2) button');
  await redrawn();
  const types = createObjectURL.mock.calls.map(([bytes]) => (bytes as Blob).type);
  expect(new Set(types)).toEqual(new Set(['application/octet-stream']));
});

test('each kind has a sign of its own after sending, too', async () => {
  const names = [
    'cell In[1] of a.ipynb',
    'output of In[1] of a.ipynb',
    'selection of mod.py',
    'error in In[2] of a.ipynb',
    'notebook a.ipynb',
    'conversation A talk',
    'pasted text',
    'df of a.ipynb'
  ];
  const texts = names.map((name): Part => ({ type: 'text', text: `<${name}>\n1\n</${name}>` }));
  const node = await sent(model, ...texts, {
    type: 'file',
    file: { file_id: 'file-2', filename: 'b.pdf' }
  });
  const signs = [...node.querySelectorAll('li path')].map(path => path.getAttribute('d'));
  expect(signs).toHaveLength(names.length + 1);
  expect(new Set(signs).size).toBe(signs.length);
});

test('what was sent from another page opens here: it is kept, or is part of the question', async () => {
  const data = `data:text/csv;base64,${btoa('inside')}`;
  const file = (fields: object): Part => ({ type: 'file', file: fields });
  const node = await sent(
    model,
    file({ file_id: 'file-3', filename: 'kept.csv' }),
    file({ filename: 'inside.csv', file_data: data }),
    file({ filename: 'bare.csv', file_data: btoa('bare') })
  );
  download.mockResolvedValueOnce(new Blob(['kept']));
  for (const [index, text] of ['kept', 'inside', 'bare'].entries()) {
    await press(node, `li:nth-child(${index + 1}) button`);
    await vi.waitFor(() => expect(node.querySelector('dialog pre')!.textContent).toBe(text));
    await press(node, "dialog [aria-label='Close']");
  }
});

test('what is kept no longer says so in the place where one looks for it', async () => {
  const node = await sent(model, { type: 'file', file: { file_id: 'file-4', filename: 'b.pdf' } });
  download.mockRejectedValueOnce(new Error('The file is no longer there.'));
  await press(node, 'li button');
  expect(node.querySelector('dialog [role=alert]')!.textContent).toBe(
    'The file is no longer there.'
  );
  expect(model.trouble).toBeNull();
});

test('what nobody keeps is named, and says so', async () => {
  const bare = new ChatModel({ connect, upload } as unknown as Carrier);
  const node = await sent(bare, IMAGE, { type: 'file', file: { sha256: 'x', filename: 'b.pdf' } });
  expect([...node.querySelectorAll('li')].map(({ textContent }) => textContent)).toEqual([
    'a.png',
    'b.pdf'
  ]);
  for (const number of [1, 2]) {
    await press(node, `li:nth-child(${number}) button`);
    expect(node.querySelector('dialog [role=alert]')!.textContent).toContain(
      'The server does not keep this file'
    );
    await press(node, "dialog [aria-label='Close']");
  }
});

test.each([{ type: 'file', file: {} }, { type: 'image_url', image_url: null }, { type: 'new' }])(
  'a part that others stored as %j says that there is nothing to see',
  async part => {
    const node = await sent(model, part as unknown as Part);
    await press(node, 'li button');
    expect(node.querySelector('dialog [role=alert]')).not.toBeNull();
  }
);
