/** The chips of what went along with a question; each opens, or says why there is nothing to see. */
import type { JSX, RefObject } from 'preact';
import { useEffect, useRef, useState } from 'preact/hooks';

import type { ChatModel } from '../model/chat';
import { sentenceOf } from '../model/plain-text';
import { attachedPart, type Kind, type Part, type Turn } from '../protocol-types';
import type { Words } from '../translation';
import { aboutTokens, Face, isPicture, readable, shortened, Sign, sizeOf } from './chip-face';
import { OpenedView, type Opened } from './opened';

/** How the names of contexts begin, which models read, too; others are those of variables. */
const NAMES: readonly [RegExp, Kind][] = [
  [/^(?:cell |In\[|markdown |raw )/, 'cell'],
  [/^output of /, 'output'],
  [/^selection/, 'selection'],
  [/^error in /, 'error'],
  [/^(?:notebook |cells of )/, 'notebook'],
  [/^conversation /, 'conversation'],
  [/^pasted text/, 'text']
];

interface ChipProps {
  part: Part;
  model: ChatModel;
  words: Words;
  open: (opened: Opened) => void;
}

export function SentChips(props: {
  turn: Turn;
  model: ChatModel;
  words: Words;
}): JSX.Element | null {
  const { turn, model, words } = props;
  const [opened, open] = useState<Opened | null>(null);
  const parts = typeof turn.content === 'string' ? [] : turn.content.slice(0, -1);
  if (!parts.length) {
    return null;
  }
  return (
    <>
      <ul class="aqueduct-chips" aria-label={words.__('Attached')}>
        {parts.map((part, index) =>
          part.type === 'text' ? (
            <TextChip key={index} {...{ part, model, words, open }} />
          ) : (
            <FileChip key={index} {...{ part, model, words, open }} />
          )
        )}
      </ul>
      {opened && <OpenedView opened={opened} words={words} close={() => open(null)} />}
    </>
  );
}

function TextChip({ part, words, open }: ChipProps): JSX.Element {
  const { name, text } = attachedPart(part, words);
  const facts = [aboutTokens(text ?? '', words)];
  const kind = NAMES.find(([beginning]) => beginning.test(name))?.[1] ?? 'variable';
  return (
    <li class="aqueduct-chip">
      <Face
        {...{ name, facts, words }}
        sign={<Sign kind={kind} picture={null} tell={() => undefined} />}
        act={() => open({ name, facts, text: shortened(text ?? '') })}
      />
    </li>
  );
}

function FileChip({ part, model, words, open }: ChipProps): JSX.Element {
  const node = useRef<HTMLLIElement>(null);
  const { name } = attachedPart(part, words);
  const isSeen = part.type === 'image_url' || isPicture(null, name);
  const isThere = model.sent.has(part);
  const [pixels, setPixels] = useState('');
  const picture = usePicture(node, isSeen && isThere ? part : null, model);
  const sign = <Sign kind={isSeen ? 'picture' : 'file'} picture={picture} tell={setPixels} />;
  const facts = pixels ? [pixels] : [];
  const look = async (): Promise<void> => {
    try {
      if (isSeen) {
        open({ name, facts, picture: model.sent.download(part) });
        return;
      }
      const file = await model.sent.download(part);
      open({ name, facts: [sizeOf(file.size, words)], file, ...(await readable(file)) });
    } catch (error) {
      open({ name, facts, trouble: sentenceOf(error) });
    }
  };
  return (
    <li class="aqueduct-chip" ref={node}>
      <Face
        {...{ name, facts, words, sign }}
        act={() => {
          look().catch(model.complain);
        }}
      />
    </li>
  );
}

/** The bytes of a sent picture, once it is on the screen; null if there are none. */
function usePicture(
  node: RefObject<HTMLElement>,
  part: Part | null,
  model: ChatModel
): Blob | null {
  const [picture, setPicture] = useState<Blob | null>(null);
  useEffect(() => {
    if (!part) {
      return undefined;
    }
    // One that cannot be had keeps its sign; who opens it is told why.
    const load = (): void => {
      model.sent.download(part).then(setPicture, () => undefined);
    };
    const observer = new IntersectionObserver(entries => {
      if (entries.some(({ isIntersecting }) => isIntersecting)) {
        observer.disconnect();
        load();
      }
    });
    observer.observe(node.current!);
    return () => observer.disconnect();
  }, []);
  return picture;
}
