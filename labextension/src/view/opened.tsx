/** A dialog with what is attached: the text that a model gets, or the picture. */
import type { JSX } from 'preact';
import { useEffect, useRef, useState } from 'preact/hooks';

import { fileNameOf, sentenceOf } from '../model/plain-text';
import type { Words } from '../translation';
import { IconButton } from './icons';

/** The pictures that every browser can show; they hold nothing that could run. */
export const PICTURES = /^image\/(png|jpeg|gif|webp)$/;

/** Something to look at. */
export interface Opened {
  name: string;
  /** What the chip says, too: its size, where it is from, what was left out. */
  facts: readonly string[];
  text?: string;
  /** The bytes of a picture, which may have to be fetched. */
  picture?: Blob | Promise<Blob>;
  /** A file that can be saved. */
  file?: Blob;
  /** Why there is nothing to see. */
  trouble?: string;
}

export function OpenedView(props: {
  opened: Opened;
  words: Words;
  close: () => void;
}): JSX.Element {
  const { opened, words, close } = props;
  const node = useRef<HTMLDialogElement>(null);
  useEffect(() => node.current!.showModal(), []);
  return (
    <dialog
      ref={node}
      class="aqueduct-opened"
      aria-label={opened.name}
      onClose={close}
      // Elsewhere in the chat, Escape stops the answer.
      onKeyDown={event => event.stopPropagation()}
      onClick={event => {
        if (event.target === event.currentTarget) {
          event.currentTarget.close();
        }
      }}
    >
      <header>
        <h2>{opened.name}</h2>
        <IconButton icon="close" label={words.__('Close')} act={() => node.current!.close()} />
      </header>
      {opened.facts.length > 0 && <p>{opened.facts.join(' · ')}</p>}
      {opened.trouble && <p role="alert">{opened.trouble}</p>}
      {opened.text !== undefined && <pre tabIndex={0}>{opened.text}</pre>}
      {opened.file && <Download file={opened.file} name={opened.name} words={words} />}
      {opened.picture && <Picture picture={opened.picture} name={opened.name} words={words} />}
    </dialog>
  );
}

function Picture(props: {
  picture: Blob | Promise<Blob>;
  name: string;
  words: Words;
}): JSX.Element {
  const [blob, setBlob] = useState<Blob | null>(null);
  const [trouble, setTrouble] = useState('');
  useEffect(() => {
    Promise.resolve(props.picture).then(setBlob, (error: unknown) => setTrouble(sentenceOf(error)));
  }, [props.picture]);
  const url = useObjectUrl(blob);
  if (trouble) {
    return <p role="alert">{trouble}</p>;
  }
  return url ? <img src={url} alt={props.name} /> : <p>{props.words.__('Loading…')}</p>;
}

/** Saves a file. */
function Download(props: { file: Blob; name: string; words: Words }): JSX.Element {
  const { file, name, words } = props;
  const url = useObjectUrl(file);
  return (
    <p>
      <a class="aqueduct-button" href={url} download={fileNameOf(name) || 'file'}>
        {words.__('Download')}
      </a>
    </p>
  );
}

/**
 * The address of bytes on this page, for as long as they are shown.
 *
 * Only pictures keep their type. Anything else could be a page, which would run with this page's
 * rights where somebody opens the address in a tab.
 */
export function useObjectUrl(blob: Blob | null): string {
  const [url, setUrl] = useState('');
  useEffect(() => {
    if (!blob) {
      return undefined;
    }
    const isHarmless = PICTURES.test(blob.type);
    const bytes = isHarmless ? blob : new Blob([blob], { type: 'application/octet-stream' });
    const created = URL.createObjectURL(bytes);
    setUrl(created);
    return () => URL.revokeObjectURL(created);
  }, [blob]);
  return url;
}
