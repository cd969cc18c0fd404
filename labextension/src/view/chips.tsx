/**
 * The chips of what goes along with the question in preparation.
 *
 * A click on a chip opens it. What is attached is chosen in `mentions.tsx`.
 */
import type { JSX } from 'preact';
import { useState } from 'preact/hooks';

import type { Attachment } from '../model/attachments';
import type { ChatModel } from '../model/chat';
import { plainText } from '../model/plain-text';
import type { Context } from '../protocol-types';
import type { Words } from '../translation';
import {
  aboutTokens,
  Face,
  isPicture,
  KindIcon,
  leftOut,
  readable,
  shortened,
  Sign,
  sizeOf
} from './chip-face';
import { IconButton } from './icons';
import { OpenedView, type Opened } from './opened';

/** What is attached to the question in preparation. */
export function Chips({ model, words }: { model: ChatModel; words: Words }): JSX.Element | null {
  const [opened, open] = useState<Opened | null>(null);
  const { contexts, attachments } = model.draft;
  if (!contexts.length && !attachments.items.length) {
    return null;
  }
  return (
    <>
      <ul class="aqueduct-chips" aria-label={words.__('Attached to your question')}>
        {contexts.map(context => (
          <ContextChip
            key={context.name}
            {...{ context, words, open }}
            remove={() => model.draft.remove(context)}
          />
        ))}
        {attachments.items.map(item => (
          <FileChip key={item.id} {...{ item, model, words, open }} />
        ))}
      </ul>
      {opened && <OpenedView opened={opened} words={words} close={() => open(null)} />}
    </>
  );
}

function ContextChip(props: {
  context: Context;
  words: Words;
  open: (opened: Opened) => void;
  remove: () => void;
}): JSX.Element {
  const { context, words, open, remove } = props;
  const name = plainText(context.name);
  const facts = [
    aboutTokens(context.text, words),
    ...leftOut(context.left, words),
    ...(context.cut ?? []).map(what => words.__('left out: %1', plainText(what)))
  ];
  return (
    <li class="aqueduct-chip">
      <Face
        {...{ name, facts, words }}
        sign={<KindIcon kind={context.kind ?? 'variable'} />}
        act={() => open({ name, facts, text: shortened(context.text) })}
      />
      <IconButton icon="close" label={words.__('Remove %1', name)} act={remove} />
    </li>
  );
}

function FileChip(props: {
  item: Attachment;
  model: ChatModel;
  words: Words;
  open: (opened: Opened) => void;
}): JSX.Element {
  const { item, model, words, open } = props;
  const [pixels, setPixels] = useState('');
  const isUploading = !item.part && !item.error;
  const { file } = item;
  const isSeen = isPicture(file, item.name);
  const name = plainText(item.name);
  const facts = [pixels || sizeOf(item.bytes, words)];
  const look = async (): Promise<void> => {
    const from = item.from ? [words.__('from %1', plainText(item.from))] : [];
    const bytes = file ?? (await model.sent.download(item.part!));
    const shown = isSeen ? { picture: bytes } : await readable(bytes);
    open({ name, facts: [...facts, ...from], ...shown });
  };
  return (
    <li class={item.error ? 'aqueduct-chip aqueduct-refused' : 'aqueduct-chip'}>
      <Face
        {...{ name, facts, words }}
        sign={
          <Sign
            kind={isSeen ? 'picture' : 'file'}
            picture={isSeen ? file : null}
            tell={setPixels}
          />
        }
        act={() => {
          look().catch(model.complain);
        }}
      />
      {isUploading && (
        <progress value={item.progress} aria-label={words.__('Uploading %1', name)} />
      )}
      {item.error && <span role="alert">{item.error}</span>}
      <IconButton
        icon="close"
        label={words.__('Remove %1', name)}
        act={() => model.draft.attachments.remove(item)}
      />
    </li>
  );
}
