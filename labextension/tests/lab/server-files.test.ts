import type { Contents } from '@jupyterlab/services';
import { beforeEach, expect, test, vi } from 'vitest';

import type { Carrier } from '../../src/carriers/carrier';
import { ServerFiles, takeDrops } from '../../src/lab/server-files';
import type { IChat } from '../../src/lab/tokens';
import { ChatModel } from '../../src/model/chat';
import { ENGLISH } from '../../src/translation';

vi.mock('@jupyterlab/filebrowser', () => ({ FileDialog: {} }));
vi.mock('@jupyterlab/docmanager', () => ({ IDocumentManager: {} }));

let model: ChatModel;
let files: ServerFiles;
const upload = vi.fn<Carrier['upload']>();
const get = vi.fn<Contents.IManager['get']>();

beforeEach(() => {
  vi.resetAllMocks();
  upload.mockImplementation(file =>
    Promise.resolve({ type: 'file', file: { file_id: 'file-1', filename: file.name } })
  );
  let tell: Parameters<Carrier['connect']>[0] = () => undefined;
  const connect = (listener: typeof tell): typeof tell => (tell = listener);
  model = new ChatModel({ connect, upload } as unknown as Carrier);
  const limits = { attachment_bytes: 2 ** 20, attachments_bytes: 2 ** 21 };
  tell({ type: 'setup', setup: { models: [], default_model: null, notices: [], limits } });
  const chat = { model, words: ENGLISH } as unknown as IChat;
  files = new ServerFiles(chat, { get } as unknown as Contents.IManager, null);
});

/** What the server has at every path. */
function there(fields: Partial<Contents.IModel>): void {
  get.mockImplementation((_path, options) =>
    Promise.resolve({
      type: 'file',
      mimetype: 'text/csv',
      content: !options?.content ? null : btoa('a,b\n').replace(/(.)$/, '$1\n'),
      ...fields
    } as Contents.IModel)
  );
}

test('a file of the server is read and uploaded, and says where it is from', async () => {
  there({ size: 4 });
  await files.attach(['drive:data/sales.csv']);
  await model.draft.attachments.settled();
  expect(get).toHaveBeenLastCalledWith('drive:data/sales.csv', {
    type: 'file',
    format: 'base64',
    content: true
  });
  const [file] = upload.mock.calls[0]!;
  expect([file.name, file.type, file.size]).toEqual(['sales.csv', 'text/csv', 4]);
  expect(model.draft.attachments.items[0]).toMatchObject({
    from: 'drive:data/sales.csv',
    error: null
  });
});

test('what is too large is not read, and a folder cannot go along', async () => {
  there({ size: 3 * 2 ** 20 });
  await expect(files.attach(['a.csv'])).rejects.toThrow('a.csv is 3.0 MB; the limit');
  there({ type: 'directory' });
  await expect(files.attach(['data'])).rejects.toThrow('data is a folder');
  expect(get.mock.calls.every(([, options]) => options?.content === false)).toBe(true);
  there({ size: 4, content: null });
  await expect(files.attach(['a.csv'])).rejects.toThrow('cannot read a.csv');
});

test('the chat lights up while files of the server hang over it, and takes them', () => {
  const node = document.createElement('div');
  const chat = node.appendChild(document.createElement('div'));
  chat.className = 'aqueduct-chat';
  const take = vi.fn();
  takeDrops(node, take);
  const drag = (name: string, kind: string, fields: object = {}): Event => {
    const mimeData = { hasData: (type: string) => type === kind, getData: () => ['a.csv', 1] };
    const event = new Event(name, { bubbles: true, cancelable: true });
    chat.dispatchEvent(Object.assign(event, { mimeData, ...fields }));
    return event;
  };
  const PATHS = 'application/x-jupyter-icontents';
  const isLit = (): boolean => chat.classList.contains('aqueduct-dropping');
  expect(drag('lm-dragenter', 'text/plain').defaultPrevented).toBe(false);
  expect(isLit()).toBe(false);
  expect(drag('lm-dragenter', PATHS).defaultPrevented).toBe(true);
  drag('lm-dragleave', PATHS, { relatedTarget: chat });
  expect(isLit()).toBe(true);
  drag('lm-dragleave', PATHS, { relatedTarget: document.body });
  expect(isLit()).toBe(false);
  expect(drag('lm-dragover', PATHS, { proposedAction: 'move' })).toMatchObject({
    dropAction: 'move'
  });
  drag('lm-drop', PATHS);
  expect(isLit()).toBe(false);
  expect(take).toHaveBeenCalledExactlyOnceWith(['a.csv']);
});
