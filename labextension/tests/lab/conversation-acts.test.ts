/** Between a click and its dialog's answer a person may have gone on to another conversation. */
import type { JupyterFrontEnd } from '@jupyterlab/application';
import { InputDialog, showDialog } from '@jupyterlab/apputils';
import { FileDialog } from '@jupyterlab/filebrowser';
import { beforeEach, expect, test, vi } from 'vitest';

import type { Named } from '../../src/carriers/conversations';
import { ServerCarrier } from '../../src/carriers/server';
import { ConversationActs } from '../../src/lab/conversation-acts';
import { ChatModel } from '../../src/model/chat';
import { ENGLISH } from '../../src/translation';
import { failure, JupyterServer, settled } from '../jupyter-server';

vi.mock('@jupyterlab/apputils', () => ({
  Dialog: { cancelButton: () => ({}), warnButton: () => ({}) },
  InputDialog: { getItem: vi.fn(), getText: vi.fn() },
  showDialog: vi.fn()
}));
vi.mock('@jupyterlab/filebrowser', () => ({ FileDialog: { getExistingDirectory: vi.fn() } }));

const saved = vi.fn<(path: string, model: { content: unknown }) => Promise<void>>();
const browser = { model: { path: 'folder', manager: {} } };
let files: string[];
let server: JupyterServer;
let carrier: ServerCarrier;
let model: ChatModel;
let acts: ConversationActs;

beforeEach(async () => {
  vi.clearAllMocks();
  files = [];
  browser.model.path = 'folder';
  server = new JupyterServer();
  server.keep('a');
  server.keep('b');
  server.answers.set('GET conversations/a/export', () => new Response('what was said in a'));
  carrier = new ServerCarrier(server.api());
  model = new ChatModel(carrier);
  const contents = {
    get: () => Promise.resolve({ content: files.map(name => ({ name })) }),
    save: saved.mockResolvedValue(undefined)
  };
  const app = { serviceManager: { contents }, commands: { execute: () => Promise.resolve() } };
  acts = new ConversationActs(
    app as unknown as JupyterFrontEnd,
    carrier,
    ENGLISH,
    browser as never
  );
  vi.mocked(InputDialog.getItem).mockResolvedValue({ value: 'Markdown' } as never);
  vi.mocked(FileDialog.getExistingDirectory).mockImplementation(({ defaultPath }) =>
    Promise.resolve({ value: [{ path: defaultPath }], button: { accept: true } } as never)
  );
  await carrier.open('a');
});

/** Do something with the conversation on the page. */
function on(act: (conversation: Named) => Promise<void>): void {
  const { id, name } = carrier.current;
  act({ id: id!, name }).catch(model.complain);
}

/** Leave a dialog open until it is answered. */
function dialog(): (answer: object) => Promise<void> {
  let answer: (value: never) => void = () => undefined;
  const asked = new Promise<never>(resolve => (answer = resolve));
  vi.mocked(InputDialog.getText).mockReturnValue(asked);
  vi.mocked(showDialog).mockReturnValue(asked);
  return async value => {
    answer(value as never);
    await settled();
  };
}

const names = (): string[] => [...server.conversations.values()].map(({ name }) => name);

test('the conversation of the click is renamed, whichever is shown by then', async () => {
  const answer = dialog();
  on(one => acts.rename(one));
  await carrier.open('b');
  await answer({ value: 'Bridges' });
  expect(names()).toEqual(['Bridges', 'b']);
  expect(carrier.current.name).toBe('b');
});

test('a conversation has its new name also where it is opened while it is named', async () => {
  const answer = dialog();
  on(one => acts.rename(one));
  const letGo = server.hold('PATCH conversations/a');
  await answer({ value: 'Bridges' });
  await carrier.open('b');
  await carrier.open('a');
  await letGo();
  expect(carrier.current.name).toBe('Bridges');
});

test('the conversation of the click is deleted, and the one shown by then stays', async () => {
  server.reply = null;
  const answer = dialog();
  on(one => acts.remove([one]));
  await carrier.open('b');
  model.send('Hi');
  await answer({ button: { accept: true } });
  expect(names()).toEqual(['b']);
  expect(carrier.current.id).toBe('b');
  expect(model.isRunning).toBe(true);
});

test('who opens another conversation while one is being deleted stays there', async () => {
  const answer = dialog();
  on(one => acts.remove([one]));
  const letGo = server.hold('DELETE conversations/a');
  await answer({ button: { accept: true } });
  await carrier.open('b');
  await letGo();
  expect(carrier.current.id).toBe('b');
});

test('the conversation of the click is exported into the folder that was chosen', async () => {
  vi.mocked(FileDialog.getExistingDirectory).mockResolvedValue({
    value: [{ path: 'elsewhere/deep' }],
    button: { accept: true }
  } as never);
  const letGo = server.hold('GET conversations/a/export');
  on(one => acts.export(one));
  await settled();
  await carrier.open('b');
  await letGo();
  expect(saved.mock.calls.map(([path, { content }]) => [path, content])).toEqual([
    ['elsewhere/deep/a.md', 'what was said in a']
  ]);
});

test.each(['format', 'folder'])('nothing is exported without a %s', async missing => {
  if (missing === 'format') {
    vi.mocked(InputDialog.getItem).mockResolvedValue({ value: null } as never);
  } else {
    vi.mocked(FileDialog.getExistingDirectory).mockResolvedValue({
      value: null,
      button: { accept: false }
    } as never);
  }
  on(one => acts.export(one));
  await settled();
  expect(saved).not.toHaveBeenCalled();
});

test('several are deleted after one question, the one on the page among them', async () => {
  server.keep('c');
  const answer = dialog();
  acts.remove(['a', 'c'].map(id => ({ id, name: id }))).catch(model.complain);
  await settled();
  expect(vi.mocked(showDialog).mock.calls[0]![0]).toMatchObject({
    title: 'Delete 2 conversations?',
    body: 'a, c'
  });
  await answer({ button: { accept: true } });
  expect(names()).toEqual(['b']);
  expect(carrier.current.id).toBeNull();
  expect(model.trouble).toBeNull();
});

test.each([
  ['../../\u202egpj.exe', 'gpj.exe.md'],
  ['.hidden', 'hidden.md'],
  ['\u200b', 'conversation.md'],
  [`<img src=x onerror="hit()">`, 'img src=x onerror= hit().md']
])('a conversation named %j goes into the file %j', async (name, file) => {
  carrier.current.name = name;
  on(one => acts.export(one));
  await settled();
  expect(saved.mock.calls[0]![0]).toBe(`folder/${file}`);
});

test('what goes wrong is said in a sentence', async () => {
  server.answers.set('GET conversations/a/export', () => failure('No.', 'x', 500));
  on(one => acts.export(one));
  await settled();
  expect(model.trouble).toBe('No.');
  server.answers.delete('GET conversations/a/export');
  files = ['a.md', ...Array.from({ length: 100 }, (_, number) => `a ${number}.md`)];
  on(one => acts.export(one));
  await settled();
  expect(model.trouble).toBe('There are too many files named a.');
});
