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

test('uses the typesetter before the first formula comes', () => {
  new LabTypesetter(null, latex).prepare();
  expect(latex.typeset.mock.calls.map(([node]) => node.textContent)).toEqual([
    '\\(\\bar{x} = \\frac{1}{n}\\sum_i x_i\\)'
  ]);
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
  frames.shift()!(performance.now());
  expect(latex.typeset.mock.calls).toEqual([[nodes[0]]]);
  frames.shift()!(performance.now());
  expect(latex.typeset.mock.calls).toEqual([[nodes[0]], [nodes[1]]]);
  expect(frames).toEqual([]);
});

test('lets a frame pass that others have filled, but not one after the other for ever', () => {
  const typesetter = new LabTypesetter(null, latex);
  typesetter.typeset('x', false, document.createElement('span'));
  const now = vi.spyOn(performance, 'now').mockReturnValue(1009);
  frames.shift()!(1000);
  expect(latex.typeset).not.toHaveBeenCalled();
  now.mockReturnValue(1017);
  frames.shift()!(1016);
  expect(latex.typeset).toHaveBeenCalledOnce();
  typesetter.typeset('y', false, document.createElement('span'));
  now.mockReturnValue(9999);
  while (frames.length) {
    frames.shift()!(1000);
  }
  expect(latex.typeset).toHaveBeenCalledTimes(2);
  now.mockRestore();
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
  frames.shift()!(performance.now());
  await settled();
  expect([code.textContent, formula.textContent]).toEqual(['print(1)', '\\(x\\)']);
});
