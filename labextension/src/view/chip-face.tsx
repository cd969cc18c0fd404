/** What the chips before and after sending have in common: a sign, a name, and how much it is. */
import type { JSX } from 'preact';

import { beginningOf } from '../model/plain-text';
import { tokensOf } from '../model/weight';
import type { Kind, LeftOut } from '../protocol-types';
import type { Words } from '../translation';
import { Icon, type IconName } from './icons';
import { PICTURES, useObjectUrl, type Opened } from './opened';

/** The longest text that is shown of an attachment, in characters. */
const MOST_SHOWN = 100_000;

const PICTURE_NAMES = /\.(png|jpe?g|gif|webp)$/i;

const MIB = 2 ** 20;

const ICONS: Record<Kind, IconName> = {
  cell: 'cell',
  output: 'output',
  selection: 'selection',
  error: 'error',
  notebook: 'notebook',
  variable: 'variable',
  file: 'file',
  picture: 'picture',
  server: 'server',
  conversation: 'conversation',
  prompt: 'prompt',
  text: 'text'
};

/** The sign of a kind of attachment. */
export function KindIcon({ kind }: { kind: Kind }): JSX.Element {
  return <Icon name={ICONS[kind]} />;
}

/** Whether a file is a picture, by its type or, if its bytes are not here, by its name. */
export function isPicture(file: Blob | null, name: string): boolean {
  return file ? PICTURES.test(file.type) : PICTURE_NAMES.test(name);
}

/** A picture as a sign, or the sign of a kind for as long as there is none. */
export function Sign(props: {
  kind: Kind;
  picture: Blob | null;
  /** Told of the picture's size, in words. */
  tell: (pixels: string) => void;
}): JSX.Element {
  const url = useObjectUrl(props.picture);
  return url ? (
    <img
      class="aqueduct-thumbnail"
      src={url}
      alt=""
      onLoad={({ currentTarget: { naturalWidth, naturalHeight } }) =>
        props.tell(`${naturalWidth} × ${naturalHeight}`)
      }
    />
  ) : (
    <KindIcon kind={props.kind} />
  );
}

/** What a chip shows, as the button that opens it. */
export function Face(props: {
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

export function aboutTokens(text: string, words: Words): string {
  const count = tokensOf(text);
  return words._n('about %2 token', 'about %2 tokens', count, count.toLocaleString());
}

export function leftOut(left: LeftOut | undefined, words: Words): string[] {
  const { characters = 0, pictures = 0, rows = 0, columns = 0 } = left ?? {};
  return [
    characters && words.__('%1 characters left out', characters.toLocaleString()),
    pictures && words._n('%1 picture left out', '%1 pictures left out', pictures),
    rows && words._n('%1 row left out', '%1 rows left out', rows),
    columns && words._n('%1 column left out', '%1 columns left out', columns)
  ].filter(fact => typeof fact === 'string');
}

export function sizeOf(bytes: number, words: Words): string {
  return bytes < MIB
    ? words.__('%1 kB', Math.ceil(bytes / 1024))
    : words.__('%1 MB', (bytes / MIB).toFixed(1));
}

/** What there is to see of a file: its text, if it has one; of another one the server reads it. */
export async function readable(file: Blob): Promise<Partial<Opened>> {
  const text = await file.slice(0, MOST_SHOWN).text();
  return text.includes('\0') || text.startsWith('%PDF') ? {} : { text: shortened(text) };
}

export function shortened(text: string): string {
  return text.length > MOST_SHOWN ? `${beginningOf(text, MOST_SHOWN)}…` : text;
}
