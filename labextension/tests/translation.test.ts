/** Whatever a person reads can be translated. */
import { readFileSync, readdirSync } from 'node:fs';
import { join, resolve } from 'node:path';

import { nullTranslator } from '@jupyterlab/translation';
import ts from 'typescript';
import { expect, test } from 'vitest';

import { KernelCarrier } from '../src/carriers/kernel';
import { ServerCarrier } from '../src/carriers/server';
import { ChatModel } from '../src/model/chat';
import { ENGLISH, type Words } from '../src/translation';
import { attachedTo, newTurn, type Part } from '../src/protocol-types';
import { JupyterServer, settled } from './jupyter-server';

const SOURCE = resolve(__dirname, '../src');

/** Files whose words are read by a model, not by a person. */
const FOR_MODELS = [
  'lab/change-context.ts',
  'lab/notebook-text.ts',
  'lab/outputs.ts',
  'model/attached-pictures.ts',
  'model/changes.ts',
  'model/notebook-facts.ts',
  'model/pasted.ts'
];

/** Where words are no sentence for a person: JupyterLab itself shows a plugin's description as it is. */
const NOT_SHOWN = ['description', 'svgstr', 'class', 'className', 'kind'];

/** What has the looks of a sentence. */
const NO_SENTENCES = ['noopener noreferrer'];

/** Attributes whose whole point is to be read. */
const READ = ['label', 'title', 'alt', 'placeholder', 'aria-label'];

function isSentence(text: string): boolean {
  const words = text.split(/\s+/).map(word => /^[(“"]?[A-Za-z’']{2,}[.,?!…)”"]*$/.test(word));
  return !NO_SENTENCES.includes(text) && words.some((isWord, index) => isWord && words[index + 1]);
}

function isTranslated(node: ts.Node): boolean {
  const call = node.parent;
  if (!ts.isCallExpression(call) || !ts.isPropertyAccessExpression(call.expression)) {
    return false;
  }
  const most = { __: 1, _n: 2 }[call.expression.name.text] ?? 0;
  return call.arguments.slice(0, most).includes(node as ts.Expression);
}

/** The name of the property, attribute or variable that a text is given to. */
function placeOf(node: ts.Node): string {
  for (let around = node.parent; !ts.isStatement(around); around = around.parent) {
    if (ts.isPropertyAssignment(around) || ts.isJsxAttribute(around)) {
      return around.name.getText();
    }
    if (ts.isBinaryExpression(around) && ts.isPropertyAccessExpression(around.left)) {
      return around.left.name.text;
    }
    if (ts.isNewExpression(around)) {
      // What a token is for is told to developers.
      return around.expression.getText() === 'Token' ? 'description' : '';
    }
    if (ts.isCallExpression(around)) {
      return '';
    }
  }
  return '';
}

function textOf(node: ts.Node): string | null {
  if (ts.isStringLiteral(node) || ts.isNoSubstitutionTemplateLiteral(node)) {
    return ts.isImportDeclaration(node.parent) || ts.isLiteralTypeNode(node.parent)
      ? null
      : node.text;
  }
  if (ts.isTemplateExpression(node)) {
    return [node.head.text, ...node.templateSpans.map(({ literal }) => literal.text)].join('0');
  }
  return null;
}

/** The texts of a program that a person reads and nobody can translate. */
function untranslated(name: string, program: string): string[] {
  const found: string[] = [];
  const look = (node: ts.Node): void => {
    const text = textOf(node);
    const isShown =
      (text !== null &&
        !isTranslated(node) &&
        !NOT_SHOWN.includes(placeOf(node)) &&
        (isSentence(text) || (READ.includes(placeOf(node)) && /\p{L}/u.test(text)))) ||
      (ts.isJsxText(node) && /\p{L}/u.test(node.text));
    if (isShown) {
      found.push(`${name}: ${node.getText()}`);
    }
    node.forEachChild(look);
  };
  look(ts.createSourceFile(name, program, ts.ScriptTarget.Latest, true));
  return found;
}

test('every sentence of the source goes through the translation', () => {
  const files = readdirSync(SOURCE, { recursive: true, encoding: 'utf8' })
    .filter(name => /\.tsx?$/.test(name) && !FOR_MODELS.includes(name))
    .map(name => untranslated(name, readFileSync(join(SOURCE, name), 'utf8')));
  expect(files.length).toBeGreaterThan(30);
  expect(files.flat()).toEqual([]);
});

test.each([
  "throw new Error('The upload was stopped.')",
  'const note = `the ${count} oldest turns no longer fit`',
  "fail('No model answers.')",
  "f({ error: isEmpty ? 'This file is empty.' : null })",
  "words.__('a', 'not this one, either')",
  '<p>Nothing</p>',
  '<p>{"Nothing found"}</p>',
  '<Button label="Stop" />',
  '<Button label={isOn ? "On" : words.__("Off")} />',
  "node.title = 'Tokens'"
])('%s cannot be translated, and is found', program =>
  expect(untranslated('x.tsx', program)).toHaveLength(1)
);

test.each([
  "throw new Error(words.__('The upload was stopped.'))",
  "const note = words._n('the oldest turn no longer fits', 'the %1 oldest turns no longer fit', 2)",
  '<p class="aqueduct-menu a b">{words.__("Nothing found")}</p>',
  "import x from 'a b'",
  "node.querySelector('details[open] button')",
  '`${ADDRESS}/${id}`'
])('%s is as it should be', program => expect(untranslated('x.tsx', program)).toEqual([]));

test.each([0, 1, 2, 1.5])(
  'of %d, English says what JupyterLab says without a translation',
  count => {
    const lab = nullTranslator.load('aqueduct_jupyter');
    const said = ['%1 token of %2', '%1 tokens of %2', count, 'x$1'] as const;
    expect(ENGLISH._n(...said)).toBe(lab._n(...said));
    expect(ENGLISH.__('%1 and %2, %1', count, 'x')).toBe(lab.__('%1 and %2, %1', count, 'x'));
  }
);

/** A language whose sentences are told from ours at a glance. */
const MARKED: Words = {
  __: (...said) => `«${ENGLISH.__(...said)}»`,
  _n: (...said) => `«${ENGLISH._n(...said)}»`
};

function chatWith(server: JupyterServer): ChatModel {
  return new ChatModel(new ServerCarrier(server.api(MARKED)), null, MARKED);
}

test('a question that fails is said in the language of the page', async () => {
  const server = new JupyterServer();
  server.keep('a');
  const carrier = new ServerCarrier(server.api(MARKED));
  const model = new ChatModel(carrier, null, MARKED);
  await carrier.open('a');
  server.answers.set('POST conversations/a/turns', () => new Response('', { status: 500 }));
  model.send('Hi');
  await settled();
  expect(model.turns[0]!.error).toBe('«The server answered with status 500.»');
});

test('a conversation that cannot be read is said in the language of the page', async () => {
  const server = new JupyterServer();
  server.answers.set('GET conversations/a/events', () => new Response('data: nope\n\n'));
  const opening = new ServerCarrier(server.api(MARKED)).open('a');
  await expect(opening).rejects.toThrow('«The Jupyter server sent something that cannot be read');
});

test('what is wrong with a file is said in the language of the page', async () => {
  const model = chatWith(new JupyterServer());
  await settled();
  await model.draft.attachments.add(new File(['x'.repeat(11)], 'large'));
  await model.draft.attachments.add(new File([], 'empty'));
  const errors = model.draft.attachments.items.map(({ error }) => error);
  expect(errors).toEqual([expect.stringMatching(/^«.*the limit.*»$/), '«This file is empty.»']);
});

test('a file that is stopped on its way to a kernel is said in the language of the page', async () => {
  const channel = { send: () => undefined, onMessage: () => () => undefined };
  const carrier = new KernelCarrier(channel, MARKED);
  const piece = { slice: () => ({ arrayBuffer: () => Promise.resolve(new ArrayBuffer(0)) }) };
  const upload = carrier.upload(piece as unknown as File, () => undefined, AbortSignal.abort());
  await expect(upload).rejects.toThrow('«The upload was stopped.»');
});

test('what is attached without a name is named in the language of the page', () => {
  const parts: Part[] = [
    { type: 'image_url', image_url: { url: 'data:' } },
    { type: 'file', file: {} },
    { type: 'text', text: 'Hi' }
  ];
  expect(attachedTo(newTurn('Hi', parts), MARKED)).toEqual(['«image»', '«file»']);
});
