/** The parameters of a conversation: labelled, kept with it, and told to other windows. */
import { h } from 'preact';
import { afterEach, beforeEach, expect, test } from 'vitest';

import { NO_PARAMETERS } from '../../src/carriers/parameters';
import { KernelCarrier } from '../../src/carriers/kernel';
import { ServerCarrier } from '../../src/carriers/server';
import { Header } from '../../src/lab/header';
import { ChatModel } from '../../src/model/chat';
import { ENGLISH } from '../../src/translation';
import { PanelParameters } from '../../src/widget/parameters';
import { JupyterServer } from '../jupyter-server';
import { drawn, opened, redrawn } from '../page';

const acts = {
  rename: () => Promise.resolve(),
  pin: () => Promise.resolve(),
  remove: () => Promise.resolve(),
  export: () => Promise.resolve()
};
let server: JupyterServer;
let carrier: ServerCarrier;
let model: ChatModel;
let node: HTMLElement;
let takeAway: () => Promise<void>;

beforeEach(async () => {
  server = new JupyterServer();
  server.keep('a');
  carrier = new ServerCarrier(server.api());
  carrier.facts = () => 'The notebook is a.ipynb.';
  model = new ChatModel(carrier);
  ({ node, takeAway } = await drawn(h(Header, { carrier, words: ENGLISH, acts })));
  expect(node.querySelector('.aqueduct-parameters')).toBeNull();
  await opened(node, 'Parameters');
});

afterEach(async () => {
  await takeAway();
  model.dispose();
});

type Field = HTMLInputElement | HTMLSelectElement | HTMLTextAreaElement;

function field(label: string): Field {
  const found = [...node.querySelectorAll('label')].find(other => other.textContent === label)!;
  return (found.querySelector('input') ?? node.querySelector(`#${found.htmlFor}`))!;
}

async function set(label: string, value: string): Promise<void> {
  const input = field(label);
  input.value = value;
  input.dispatchEvent(new Event('change', { bubbles: true }));
  await redrawn();
}

const title = (): string =>
  node.querySelector('.aqueduct-parameters')!.closest('details')!.querySelector('summary')!.title;

test.each(['System message', 'Reasoning effort'])('%s keeps the arrow keys to itself', label => {
  const input = field(label);
  input.focus();
  const press = new KeyboardEvent('keydown', {
    key: 'ArrowDown',
    bubbles: true,
    cancelable: true
  });
  expect(input.dispatchEvent(press)).toBe(true);
  expect(document.activeElement).toBe(input);
});

test('each field has a label, and is kept with the conversation', async () => {
  await carrier.open('a');
  await redrawn();
  expect(title()).toBe('Parameters');
  await set('System message', ' Be brief. ');
  await set('Temperature (0 to 2)', '0.5');
  await set('Longest answer, in tokens', '9');
  await set('Reasoning effort', 'low');
  field('Add facts about the notebook').click();
  await redrawn();
  const expected = {
    system: 'Be brief.',
    temperature: 0.5,
    max_tokens: 9,
    reasoning_effort: 'low',
    tells_facts: false
  };
  expect(server.asked(/^PATCH/).at(-1)).toEqual({ parameters: expected });
  expect(title()).toBe('Parameters (changed)');
  await set('Temperature (0 to 2)', '');
  expect(carrier.current.parameters.temperature).toBeNull();
});

test('each number that is out of range says so until it is right, and only right ones are sent', async () => {
  const wrong = (label: string): string | null | undefined =>
    document.getElementById(field(label).getAttribute('aria-describedby') ?? '')?.textContent;
  const isWrong = (label: string): boolean => field(label).getAttribute('aria-invalid') === 'true';
  const [heat, length] = ['Temperature (0 to 2)', 'Longest answer, in tokens'];
  await carrier.open('a');
  await set(heat, '1.25');
  expect(carrier.current.parameters.temperature).toBe(1.25);
  await set(heat, '9');
  await set(length, '-5');
  await set('Reasoning effort', 'low');
  expect([field(heat).value, field(length).value]).toEqual(['9', '-5']);
  expect(wrong(heat)).toBe('Only 0 to 2 is allowed. Until then 1.25 applies.');
  expect(wrong(length)).toBe(
    'Only whole numbers from 1 are allowed. Until then the default applies.'
  );
  expect([heat, length].map(isWrong)).toEqual([true, true]);
  const sent = server.asked(/^PATCH/).at(-1)!.parameters;
  expect(sent).toEqual({ ...NO_PARAMETERS, temperature: 1.25, reasoning_effort: 'low' });
  await set(length, '2.5');
  expect(isWrong(length)).toBe(true);
  await set(length, '');
  await set(heat, '2');
  expect([heat, length].map(isWrong)).toEqual([false, false]);
  expect(carrier.current.parameters).toMatchObject({ temperature: 2, max_tokens: null });
  await set(heat, '3');
  await carrier.open(null);
  await redrawn();
  expect([field(heat).value, wrong(heat)]).toEqual(['', undefined]);
});

test('Enter sets a number, and does nothing else', async () => {
  await carrier.open('a');
  const input = field('Temperature (0 to 2)');
  const press = (value: string): boolean => {
    input.value = value;
    const enter = { key: 'Enter', bubbles: true, cancelable: true };
    return input.dispatchEvent(new KeyboardEvent('keydown', enter));
  };
  expect(press('0.5')).toBe(false);
  await redrawn();
  expect(carrier.current.parameters.temperature).toBe(0.5);
  await set('Temperature (0 to 2)', '0.5');
  expect(server.asked(/^PATCH/)).toHaveLength(1);
  press('7');
  await redrawn();
  expect(input.getAttribute('aria-invalid')).toBe('true');
});

test('those of a new conversation begin with it', async () => {
  await set('System message', 'Be brief.');
  expect(server.done.some(kind => kind.startsWith('PATCH'))).toBe(false);
  model.send('Hi');
  await redrawn();
  expect(server.asked(/^POST conversations$/)[0]!.parameters).toMatchObject({
    system: 'Be brief.'
  });
  await carrier.open(null);
  expect(carrier.current.parameters).toEqual(NO_PARAMETERS);
});

test('what another window sets is shown, and nothing else is drawn over what is typed', async () => {
  await carrier.open('a');
  server.tell('a', { type: 'parameters', parameters: { ...NO_PARAMETERS, system: 'Theirs.' } });
  await redrawn();
  expect(field('System message').value).toBe('Theirs.');
  field('System message').value = 'being typed';
  server.conversations.get('a')!.parameters = { ...NO_PARAMETERS, system: 'Theirs.' };
  server.tellTurns('a');
  await redrawn();
  expect(field('System message').value).toBe('being typed');
});

test('the facts are seen before they are told', () => {
  expect(node.querySelector('.aqueduct-parameters small')!.textContent).toBe(
    'The notebook is a.ipynb.'
  );
});

/** What a panel's kernel would be: it takes messages, and tells some. */
function panelsKernel(): {
  sent: object[];
  tell: (message: object) => void;
  kernel: KernelCarrier;
} {
  const sent: object[] = [];
  let tell: (message: object) => void = () => undefined;
  const kernel = new KernelCarrier({
    send: message => sent.push(message),
    onMessage: listener => {
      tell = listener;
      return () => undefined;
    }
  });
  return { sent, tell: message => tell(message), kernel };
}

test('a panel has the same fields, for the conversation of its kernel', async () => {
  await takeAway();
  const { sent, tell, kernel } = panelsKernel();
  const panel = new ChatModel(kernel);
  ({ node, takeAway } = await drawn(h(PanelParameters, { carrier: kernel, words: ENGLISH })));
  await opened(node, 'Parameters');
  const parameters = { ...NO_PARAMETERS, temperature: 0.5, reasoning_effort: 'low' };
  tell({ type: 'parameters', parameters, system: 'Be kind.' });
  await redrawn();
  expect(title()).toBe('Parameters (changed)');
  expect(field('Temperature (0 to 2)').value).toBe('0.5');
  expect(field('Reasoning effort').value).toBe('low');
  expect((field('System message') as HTMLTextAreaElement).placeholder).toBe('Be kind.');
  expect(node.textContent).not.toContain('facts');
  await set('Longest answer, in tokens', '9');
  expect(sent.at(-1)).toEqual({ type: 'set_parameters', parameters: { max_tokens: 9 } });
  // The kernel says back what was set, while the user is typing already.
  field('Temperature (0 to 2)').value = '3';
  tell({ type: 'parameters', parameters: { ...parameters, max_tokens: 9 }, system: 'Be kind.' });
  await redrawn();
  expect(field('Temperature (0 to 2)').value).toBe('3');
  await set('Temperature (0 to 2)', '3');
  await set('Reasoning effort', '');
  expect(sent.at(-1)).toEqual({ type: 'set_parameters', parameters: { reasoning_effort: null } });
  expect(kernel.current.parameters).toMatchObject({ temperature: 0.5, max_tokens: 9 });
  panel.dispose();
});
