/**
 * The chips of what goes along with a question, before and after it is sent.
 *
 * A click on a chip opens it. What is attached is chosen in `mentions.tsx`.
 */
import type { JSX } from 'preact';
import { useState } from 'preact/hooks';

import type { Attachment } from '../model/attachments';
import type { ChatModel } from '../model/chat';
import { beginningOf, plainText } from '../model/plain-text';
import { tokensOf } from '../model/weight';
import {
  attachedPart,
  type Context,
  type Kind,
  type LeftOut,
  type Part,
  type Turn
} from '../protocol-types';
import type { Words } from '../translation';
import { Icon, IconButton, type IconName } from './icons';
import { OpenedView, useObjectUrl, type Opened } from './opened';

/** The longest text that is shown of an attachment, in characters. */
const MOST_SHOWN = 100_000;

/** The pictures that every browser can show. */
const PICTURES = /^image\/(png|jpeg|gif|webp)$/;
const PICTURE_NAMES = /\.(png|jpe?g|gif|webp)$/i;

const MIB = 2 ** 20;

const ICONS: Record<Kind, IconName> = {
  cell: 'context',
  output: 'picture',
  selection: 'selection',
  error: 'error',
  notebook: 'notebook',
  variable: 'variable',
  file: 'attach',
  picture: 'picture',
  text: 'list',
  server: 'server',
  conversation: 'conversation',
  prompt: 'prompt'
};

/** The sign of a kind of attachment. */
export function KindIcon({ kind }: { kind: Kind }): JSX.Element {
  return <Icon name={ICONS[kind]} />;
}

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

/** What went along with a turn's question. */
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
        {parts.map((part, index) => (
          <SentChip key={index} {...{ part, model, words, open }} />
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
  const isPicture = file ? PICTURES.test(file.type) : PICTURE_NAMES.test(item.name);
  const url = useObjectUrl(isPicture ? file : null);
  const name = plainText(item.name);
  const facts = [pixels || sizeOf(item.bytes, words)];
  const look = async (): Promise<void> => {
    const from = item.from ? [words.__('from %1', plainText(item.from))] : [];
    const bytes = file ?? (await model.sent.download(item.part!));
    const shown = isPicture ? { picture: bytes } : await readable(bytes);
    open({ name, facts: [...facts, ...from], ...shown });
  };
  return (
    <li class={item.error ? 'aqueduct-chip aqueduct-refused' : 'aqueduct-chip'}>
      <Face
        {...{ name, facts, words }}
        sign={
          url ? (
            <img
              class="aqueduct-thumbnail"
              src={url}
              alt=""
              onLoad={({ currentTarget: { naturalWidth, naturalHeight } }) =>
                setPixels(`${naturalWidth} × ${naturalHeight}`)
              }
            />
          ) : (
            <KindIcon kind={isPicture ? 'picture' : 'file'} />
          )
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

function SentChip(props: {
  part: Part;
  model: ChatModel;
  words: Words;
  open: (opened: Opened) => void;
}): JSX.Element {
  const { part, model, words, open } = props;
  const { name, text } = attachedPart(part, words);
  const facts = text === null ? [] : [aboutTokens(text, words)];
  const isPicture = part.type === 'image_url' || PICTURE_NAMES.test(name);
  const picture = isPicture ? () => model.sent.download(part) : null;
  const content = (): Partial<Opened> =>
    text === null ? { picture: picture?.() } : { text: shortened(text) };
  return (
    <li class="aqueduct-chip">
      {text === null && !picture ? (
        <span>{name}</span>
      ) : (
        <Face
          {...{ name, facts, words }}
          sign={<KindIcon kind={isPicture ? 'picture' : 'cell'} />}
          act={() => open({ name, facts, ...content() })}
        />
      )}
    </li>
  );
}

/** What a chip shows, as the button that opens it. */
function Face(props: {
  sign: JSX.Element;
  name: string;
  facts: readonly string[];
  words: Words;
  act: () => void;
}): JSX.Element {
  const { sign, name, facts, words, act } = props;
  return (
    <button
      type="button"
      class="aqueduct-chip-face"
      title={[name, ...facts, words.__('Show what goes along')].join(' · ')}
      onClick={act}
    >
      {sign}
      <span>{name}</span>
      {facts.length > 0 && <small>{facts.join(' · ')}</small>}
    </button>
  );
}

function aboutTokens(text: string, words: Words): string {
  const count = tokensOf(text);
  return words._n('about %2 token', 'about %2 tokens', count, count.toLocaleString());
}

function leftOut(left: LeftOut | undefined, words: Words): string[] {
  const { characters = 0, pictures = 0, rows = 0, columns = 0 } = left ?? {};
  return [
    characters && words.__('%1 characters left out', characters.toLocaleString()),
    pictures && words._n('%1 picture left out', '%1 pictures left out', pictures),
    rows && words._n('%1 row left out', '%1 rows left out', rows),
    columns && words._n('%1 column left out', '%1 columns left out', columns)
  ].filter(fact => typeof fact === 'string');
}

function sizeOf(bytes: number, words: Words): string {
  return bytes < MIB
    ? words.__('%1 kB', Math.ceil(bytes / 1024))
    : words.__('%1 MB', (bytes / MIB).toFixed(1));
}

/** The text of a file, if it has one; of another file the server reads the text. */
async function readable(file: Blob): Promise<Partial<Opened>> {
  const text = await file.slice(0, MOST_SHOWN).text();
  return text.includes('\0') || text.startsWith('%PDF') ? {} : { text: shortened(text) };
}

function shortened(text: string): string {
  return text.length > MOST_SHOWN ? `${beginningOf(text, MOST_SHOWN)}…` : text;
}
