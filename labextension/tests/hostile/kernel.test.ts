/** Whatever a kernel passes on to its panel: what is shown of it is bounded and harmless. */
import { expect, test } from 'vitest';

import { KernelCarrier } from '../../src/carriers/kernel';
import { ChatModel } from '../../src/model/chat';
import { redrawn } from '../page';
import { sample } from '../samples';
import { mutationsOf } from './mutations';
import { faultsIn, faultsWith, page } from './pages';

interface Messages {
  from_kernel: { type: string; request?: string }[];
}

const FROM_KERNEL = sample<Messages>('panel.json').from_kernel;

const IS_ASKED = FROM_KERNEL.findIndex(({ type }) => type === 'begun');

/** Tell a panel all that a kernel says; gives what is wrong with it before and after a question. */
async function faultsOfTalk(messages: readonly unknown[]): Promise<string[]> {
  let tell: (message: unknown) => void = () => undefined;
  const onMessage = (listener: typeof tell): (() => void) => {
    tell = listener;
    return () => undefined;
  };
  const asked: { request?: string }[] = [];
  const send = (message: object): number => asked.push(message);
  const model = new ChatModel(new KernelCarrier({ send, onMessage }));
  const node = await page(model);
  messages.slice(0, IS_ASKED).forEach(message => tell(message));
  await redrawn();
  const before = faultsIn(node);
  model.send('Hi');
  const request = asked.at(-1)!.request ?? 'r1';
  messages.slice(IS_ASKED).forEach(message => tell(answering(message, request)));
  await redrawn();
  return [...before, ...faultsIn(node)];
}

/** The samples answer a request of their own. */
function answering(message: unknown, request: string): unknown {
  const said = message as { request?: unknown } | null;
  return said?.request === 'r1' ? { ...said, request } : message;
}

test.each(FROM_KERNEL.map(({ type }, index) => ({ type, index })))(
  'the kernel’s message $type',
  async ({ index }) => {
    const faults = await faultsWith(mutationsOf(FROM_KERNEL[index]), said =>
      faultsOfTalk([...FROM_KERNEL.slice(0, index), said, ...FROM_KERNEL.slice(index + 1)])
    );
    expect(faults).toEqual([]);
  }
);
