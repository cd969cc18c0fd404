import { h } from 'preact';
import { act } from 'preact/test-utils';
import { afterEach, beforeEach, expect, test, vi } from 'vitest';

import type { Carrier } from '../../src/carriers/carrier';
import { ChatModel } from '../../src/model/chat';
import type { Mention, MentionGroup } from '../../src/model/mentions';
import { ENGLISH } from '../../src/translation';
import { Composer } from '../../src/view/composer';
import { shippedPrompts } from '../../src/view/prompts';
import { drawn, redrawn } from '../page';

let model: ChatModel;
let node: HTMLElement;
let takeAway: () => Promise<void>;
const attach = vi.fn<(label: string) => void | Promise<void>>();

function mention(label: string): Mention {
  return { id: label, kind: 'variable', label, detail: '', attach: () => attach(label) };
}

beforeEach(async () => {
  vi.resetAllMocks();
  model = new ChatModel({ connect: () => undefined } as unknown as Carrier);
  const variables: MentionGroup = { label: 'Variables', mentions: [mention('df'), mention('day')] };
  model.offer({ list: () => Promise.resolve(variables) });
  model.offer({ list: () => ({ label: 'Cells', mentions: [mention('In[1]')] }) });
  model.offer({ list: () => Promise.reject(new Error('No kernel.')) });
  const page = await drawn(h(Composer, { model, words: ENGLISH }));
  ({ node, takeAway } = page);
});

afterEach(() => takeAway());

const area = (): HTMLTextAreaElement => node.querySelector('textarea')!;
const options = (): (string | null)[] =>
  [...node.querySelectorAll('[role=option] span')].map(({ textContent }) => textContent);
const active = (): string =>
  document.getElementById(area().getAttribute('aria-activedescendant') ?? '')?.textContent ?? '';

async function type(text: string): Promise<void> {
  await act(() => {
    area().value = text;
    area().setSelectionRange(text.length, text.length);
    area().dispatchEvent(new Event('input', { bubbles: true }));
  });
  await redrawn();
}

async function press(key: string): Promise<Event> {
  const event = new KeyboardEvent('keydown', { key, bubbles: true, cancelable: true });
  await act(() => {
    area().dispatchEvent(event);
  });
  await redrawn();
  return event;
}

test('what can go along is found by its name, and chosen with the keyboard', async () => {
  await type('What is @');
  expect(options()).toEqual(['df', 'day', 'In[1]']);
  expect(node.querySelector('[role=listbox]')!.id).toBe(area().getAttribute('aria-controls'));
  expect(node.querySelector('.aqueduct-mentions [role=status]')!.textContent).toBe('No kernel.');
  expect(active()).toBe('df');
  await press('ArrowUp');
  expect(active()).toBe('In[1]');
  await press('ArrowDown');
  await press('ArrowDown');
  expect(active()).toBe('day');
  await type('What is @d');
  expect(options()).toEqual(['df', 'day']);
  await press('Tab');
  expect(attach).toHaveBeenCalledExactlyOnceWith('day');
  expect(area().value).toBe('What is ');
  expect(node.querySelector('[role=listbox]')).toBeNull();
  expect(node.querySelector('form > [role=status]')!.textContent).toBe('day goes along');
});

test('a question waits for what was chosen', async () => {
  let arrive: () => void = () => undefined;
  attach.mockImplementation(() => new Promise<void>(resolve => (arrive = resolve)));
  await type('What is @df');
  await press('Enter');
  expect(model.isReady).toBe(false);
  expect(node.querySelector('form > [role=status]')!.textContent).toBe('');
  arrive();
  await redrawn();
  expect(model.isReady).toBe(true);
  expect(node.querySelector('form > [role=status]')!.textContent).toBe('df goes along');
});

test('Escape closes the list and leaves the words; the next sign opens it again', async () => {
  await type('mail @');
  const outside = vi.fn();
  node.addEventListener('keydown', outside);
  expect((await press('Escape')).defaultPrevented).toBe(true);
  expect(outside).not.toHaveBeenCalled();
  expect(options()).toEqual([]);
  await type('mail @d');
  expect(options()).toEqual([]);
  expect(area().getAttribute('aria-activedescendant')).toBeNull();
  await type('mail me');
  await type('mail me @d');
  expect(options()).toEqual(['df', 'day']);
});

test('an address is no mention, and a sign without a match is sent as it is', async () => {
  await type('me@d');
  expect(options()).toEqual([]);
  expect(node.querySelector('.aqueduct-mentions')).toBeNull();
  const ask = vi.spyOn(model, 'send').mockReturnValue(true);
  await type('what does @property');
  expect(options()).toEqual([]);
  expect(node.querySelector('.aqueduct-mentions [role=status]')!.textContent).toBe('Nothing found');
  expect((await press('Enter')).defaultPrevented).toBe(true);
  expect(ask).toHaveBeenCalledExactlyOnceWith('what does @property');
  expect(node.querySelector('.aqueduct-mentions')).toBeNull();
  expect(attach).not.toHaveBeenCalled();
});

test('where nothing can be attached, a sign opens no list', async () => {
  await takeAway();
  const bare = new ChatModel({ connect: () => undefined } as unknown as Carrier);
  ({ node, takeAway } = await drawn(h(Composer, { model: bare, words: ENGLISH })));
  await type('what does @property');
  expect(node.querySelector('.aqueduct-mentions')).toBeNull();
});

test('the button opens the same list, and takes its sign back', async () => {
  await type('Hi');
  const button = node.querySelector<HTMLButtonElement>("[aria-label='Attach something (@)']")!;
  await act(() => button.click());
  await redrawn();
  expect(area().value).toBe('Hi @');
  expect(document.activeElement).toBe(area());
  expect(options()).toHaveLength(3);
  await press('Escape');
  expect(area().value).toBe('Hi ');
  await act(() => button.click());
  await redrawn();
  await act(() => node.querySelector<HTMLElement>('[role=option]')!.click());
  expect(attach).toHaveBeenCalledExactlyOnceWith('df');
});

test('what cannot be attached says why', async () => {
  attach.mockImplementation(() => {
    throw new Error('df cannot be described.');
  });
  await type('@df');
  await press('Enter');
  expect(model.trouble).toBe('df cannot be described.');
});

test('a slash at the start offers prompts, whose text comes before the rest', async () => {
  let tell: Parameters<Carrier['connect']>[0] = () => undefined;
  const connect = (listener: typeof tell): typeof tell => (tell = listener);
  const shipped = new ChatModel({ connect } as unknown as Carrier);
  const limits = { attachment_bytes: 1, attachments_bytes: 1 };
  const prompts = [
    { name: 'Review', text: 'Review this:\n' },
    { name: 'Explain', text: 'Explain it.' }
  ];
  tell({ type: 'setup', setup: { models: [], default_model: null, notices: [], limits, prompts } });
  shipped.prompts.push(shippedPrompts(shipped, ENGLISH));
  await takeAway();
  ({ node, takeAway } = await drawn(h(Composer, { model: shipped, words: ENGLISH })));
  await type('/rev');
  expect(node.querySelector('[role=listbox]')!.getAttribute('aria-label')).toBe('Prompts');
  expect(options()).toEqual(['Review']);
  await press('Enter');
  expect(area().value).toBe('Review this:\n');
  await type('x = 1');
  const button = node.querySelector<HTMLButtonElement>("[aria-label='Prompts (/)']")!;
  await act(() => button.click());
  await redrawn();
  expect(area().value).toBe('x = 1');
  expect(options()).toEqual(['Review', 'Explain']);
  await press('Escape');
  expect(options()).toEqual([]);
  await act(() => button.click());
  await redrawn();
  await press('Enter');
  expect(area().value).toBe('Review this:\n\nx = 1');
});

test('what comes late moves nothing, and Enter takes what is marked', async () => {
  await takeAway();
  const slow = new ChatModel({ connect: () => undefined } as unknown as Carrier);
  let arrive: (group: MentionGroup) => void = () => undefined;
  slow.offer({ list: () => new Promise(resolve => (arrive = resolve)) });
  slow.offer({ list: () => ({ label: 'Cells', mentions: [mention('cell'), mention('day 1')] }) });
  ({ node, takeAway } = await drawn(h(Composer, { model: slow, words: ENGLISH })));
  vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout'] });
  await type('@');
  expect(options()).toEqual([]);
  await act(() => void vi.advanceTimersByTime(300));
  vi.useRealTimers();
  expect([options(), active()]).toEqual([['cell', 'day 1'], 'cell']);
  await act(() => arrive({ label: 'Variables', mentions: [mention('df'), mention('day')] }));
  await redrawn();
  expect([options(), active()]).toEqual([['cell', 'day 1', 'df', 'day'], 'cell']);
  await type('@day');
  expect([options(), active()]).toEqual([['day', 'day 1'], 'day']);
  await press('ArrowDown');
  await press('Enter');
  expect(attach).toHaveBeenCalledExactlyOnceWith('day 1');
  // What was chosen before is not what is chosen next.
  await type('@day');
  await act(() => arrive({ label: 'Variables', mentions: [mention('df'), mention('day')] }));
  await redrawn();
  expect(active()).toBe('day');
});

test('a name with a space is found by typing it, and other words close the list', async () => {
  model.offer({ list: () => ({ label: 'Front', mentions: [mention('Active cell')] }) });
  await type('see @active ');
  expect(options()).toEqual(['Active cell']);
  await type('see @active ce');
  expect(active()).toBe('Active cell');
  await press('Enter');
  expect(attach).toHaveBeenCalledExactlyOnceWith('Active cell');
  expect(area().value).toBe('see ');
  const send = vi.spyOn(model, 'send').mockReturnValue(true);
  await type('see @df and go on');
  expect(node.querySelector('.aqueduct-mentions')).toBeNull();
  await press('Enter');
  expect(send).toHaveBeenCalledExactlyOnceWith('see @df and go on');
});

test('the order is the same, whichever plugin was there first', async () => {
  await takeAway();
  const late = new ChatModel({ connect: () => undefined } as unknown as Carrier);
  late.offer({ rank: 3, list: () => ({ label: 'Files', mentions: [mention('Files…')] }) });
  late.offer({ list: () => ({ label: 'Front', mentions: [mention('Active cell')] }) });
  late.offer({ rank: 1, list: () => ({ label: 'Variables', mentions: [mention('df')] }) });
  ({ node, takeAway } = await drawn(h(Composer, { model: late, words: ENGLISH })));
  await type('@');
  expect(options()).toEqual(['Active cell', 'df', 'Files…']);
});
