import { afterEach, beforeEach, expect, test, vi } from 'vitest';

import type { ILatexTypesetter } from '@jupyterlab/rendermime';

import { LabTypesetter } from '../../src/lab/typesetting';
import { settled } from '../jupyter-server';

const latex = { typeset: vi.fn<ILatexTypesetter['typeset']>() };
let frames: FrameRequestCallback[];

beforeEach(() => {
  vi.clearAllMocks();
  frames = [];
  vi.stubGlobal('requestAnimationFrame', (work: FrameRequestCallback) => frames.push(work));
});

afterEach(() => vi.unstubAllGlobals());

test('loads the typesetter before the first formula comes', () => {
  new LabTypesetter(null, latex).prepare();
  expect(latex.typeset.mock.calls.map(([node]) => node.textContent)).toEqual(['']);
});

test('typesets one formula a frame', () => {
  const typesetter = new LabTypesetter(null, latex);
  const nodes = ['x', 'y'].map(tex => {
    const node = document.createElement('span');
    typesetter.typeset(tex, tex === 'y', node);
    return node;
  });
  expect(nodes.map(node => node.textContent)).toEqual(['\\(x\\)', '\\[y\\]']);
  expect(latex.typeset).not.toHaveBeenCalled();
  frames.shift()!(0);
  expect(latex.typeset.mock.calls).toEqual([[nodes[0]]]);
  frames.shift()!(0);
  expect(latex.typeset.mock.calls).toEqual([[nodes[0]], [nodes[1]]]);
  expect(frames).toEqual([]);
});

test('leaves all as it is where there is no typesetter', () => {
  const typesetter = new LabTypesetter(null, null);
  const node = document.createElement('span');
  node.textContent = 'x';
  typesetter.prepare();
  typesetter.typeset('x', false, node);
  expect([node.textContent, frames]).toEqual(['x', []]);
});

test('where a highlighter or a typesetter fails, the words stay to be read', async () => {
  latex.typeset.mockImplementation(() => Promise.reject(new Error('No MathJax.')));
  const languages = {
    findByName: () => ({ name: 'python' }),
    highlight: () => Promise.reject(new Error('No parser.'))
  };
  const typesetter = new LabTypesetter(languages as never, latex);
  const [code, formula] = [document.createElement('code'), document.createElement('span')];
  code.textContent = 'print(1)';
  typesetter.highlight('print(1)', 'python', code);
  typesetter.typeset('x', false, formula);
  frames.shift()!(0);
  await settled();
  expect([code.textContent, formula.textContent]).toEqual(['print(1)', '\\(x\\)']);
});
