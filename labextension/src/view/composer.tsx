/** The composer: the question's text and attachments, the model, and the send button. */
import type { JSX } from 'preact';
import { useLayoutEffect, useRef, useState } from 'preact/hooks';

import type { ChatModel } from '../model/chat';
import { plainText } from '../model/plain-text';
import type { Words } from '../translation';
import type { Context } from '../protocol-types';
import { Chips } from './chips';
import { Icon, IconButton } from './icons';
import { Popup } from './popup';

/** Something from the notebook that can be attached. */
export interface ContextSource {
  readonly label: string;
  /** A suggested question about it. */
  readonly suggestion?: string;
  /** Return its current content, or null if there is none. */
  take(): Context | null;
}

interface ComposerProps {
  model: ChatModel;
  words: Words;
  sources: readonly ContextSource[];
}

export function Composer({ model, words, sources }: ComposerProps): JSX.Element {
  const [draft, setDraft] = useState('');
  const area = useRef<HTMLTextAreaElement>(null);

  useLayoutEffect(
    () =>
      model.drafted.connect(text => {
        setDraft(text);
        area.current?.focus();
      }),
    [model]
  );
  useLayoutEffect(() => fitHeight(area.current), [draft]);

  const send = (): void => {
    if (model.send(draft)) {
      setDraft('');
    }
  };
  const onKeyDown = (event: KeyboardEvent): void => {
    if (event.isComposing) {
      return;
    }
    if (event.key === 'Enter' && !event.shiftKey) {
      event.preventDefault();
      send();
    } else if (event.key === 'ArrowUp' && !draft && model.turns.length && model.isReady) {
      event.preventDefault();
      model.edit(model.turns[model.turns.length - 1]!);
    }
  };
  const attach = (files: Iterable<File>): boolean => {
    const all = [...files];
    all.forEach(file => {
      model.attachments.add(file).catch(model.complain);
    });
    return all.length > 0;
  };
  const onPaste = (event: ClipboardEvent): void => {
    if (attach(event.clipboardData?.files ?? [])) {
      event.preventDefault();
    }
  };
  const onDrop = (event: DragEvent): void => {
    if (attach(event.dataTransfer?.files ?? [])) {
      event.preventDefault();
    }
  };

  return (
    <form
      class="aqueduct-composer"
      onSubmit={event => {
        event.preventDefault();
        send();
      }}
      onDragOver={event => event.preventDefault()}
      onDrop={onDrop}
    >
      {model.editing && (
        <div class="aqueduct-editing">
          {words.__('Editing: everything after it will be removed')}
          <IconButton icon="close" label={words.__('Cancel')} act={() => model.edit(null)} />
        </div>
      )}
      <Chips model={model} words={words} />
      <textarea
        ref={area}
        rows={2}
        value={draft}
        placeholder={words.__('Ask a model…')}
        aria-label={words.__('Your question')}
        onInput={event => setDraft(event.currentTarget.value)}
        onKeyDown={onKeyDown}
        onPaste={onPaste}
      />
      <div class="aqueduct-bar">
        <FileButton attach={attach} words={words} model={model} />
        {sources.length > 0 && <SourceMenu model={model} words={words} sources={sources} />}
        <ModelPicker model={model} words={words} />
        {model.isRunning ? (
          <IconButton
            icon="stop"
            label={words.__('Stop (Escape)')}
            act={() => model.stop()}
            isPrimary
          />
        ) : (
          <IconButton
            icon="send"
            label={words.__('Send (Enter)')}
            act={send}
            isPrimary
            isDisabled={!draft.trim() || !model.isReady}
          />
        )}
      </div>
    </form>
  );
}

function FileButton(props: {
  attach: (files: Iterable<File>) => boolean;
  words: Words;
  model: ChatModel;
}): JSX.Element {
  const input = useRef<HTMLInputElement>(null);
  const most = props.model.limits.attachment_bytes;
  const label = Number.isFinite(most)
    ? props.words.__('Attach files (up to %1 MB each)', Math.floor(most / 2 ** 20))
    : props.words.__('Attach files');
  return (
    <>
      <input
        ref={input}
        type="file"
        multiple
        hidden
        onChange={event => {
          props.attach(event.currentTarget.files ?? []);
          event.currentTarget.value = '';
        }}
      />
      <IconButton icon="attach" label={label} act={() => input.current?.click()} />
    </>
  );
}

function SourceMenu({ model, words, sources }: ComposerProps): JSX.Element {
  const take = (source: ContextSource): void => {
    const context = source.take();
    if (context) {
      model.addContext(context);
    } else {
      model.complain(words.__('There is nothing to attach: %1', source.label));
    }
  };
  return (
    <Popup label={words.__('Attach from the notebook')} face={<Icon name="context" />}>
      {close =>
        sources.map(source => (
          <button
            type="button"
            key={source.label}
            onClick={() => {
              close();
              take(source);
            }}
          >
            {source.label}
          </button>
        ))
      }
    </Popup>
  );
}

function ModelPicker({ model, words }: { model: ChatModel; words: Words }): JSX.Element {
  const names = namesByLook(model.models);
  return (
    <select
      class="aqueduct-models"
      aria-label={words.__('Model')}
      value={plainText(model.model)}
      disabled={!names.size}
      onChange={event => model.choose(names.get(event.currentTarget.value)!)}
    >
      {names.size ? (
        [...names.keys()].map(look => (
          <option key={look} value={look}>
            {look}
          </option>
        ))
      ) : (
        <option value="">{model.setup ? words.__('no model') : words.__('…')}</option>
      )}
    </select>
  );
}

/** Model names by their displayed form. If two look alike, the one that needs no change wins. */
function namesByLook(names: readonly string[]): Map<string, string> {
  const found = new Map<string, string>();
  for (const name of names) {
    const look = plainText(name);
    if (look && (look === name || !found.has(look))) {
      found.set(look, name);
    }
  }
  return found;
}

function fitHeight(area: HTMLTextAreaElement | null): void {
  if (area) {
    area.style.height = 'auto';
    // If it is not on the page yet, it cannot be measured: its rows determine the height.
    if (area.scrollHeight > 0) {
      area.style.height = `${area.scrollHeight}px`;
    }
  }
}
