/** The questions that wait above the composer, and what can be done with each. */
import type { JSX } from 'preact';
import { useState } from 'preact/hooks';

import type { ChatModel } from '../model/chat';
import { plainText } from '../model/plain-text';
import type { Queued } from '../model/queue';
import type { Words } from '../translation';
import { IconButton } from './icons';

interface QueueProps {
  model: ChatModel;
  words: Words;
}

export function QueueView({ model, words }: QueueProps): JSX.Element | null {
  const { items } = model.queue;
  if (!items.length) {
    return null;
  }
  return (
    <section class="aqueduct-queue" aria-label={words.__('Waiting questions')}>
      <p>
        {model.isRunning
          ? words.__('Sent when this answer is complete:')
          : words.__('These questions wait:')}
        {!model.isRunning && (
          <button
            type="button"
            class="aqueduct-button"
            disabled={!model.isReady}
            onClick={() => model.sendNext()}
          >
            {words.__('Send now')}
          </button>
        )}
      </p>
      <ol>
        {items.map(item => (
          <QueuedView key={item.id} item={item} model={model} words={words} />
        ))}
      </ol>
    </section>
  );
}

function QueuedView({ item, model, words }: QueueProps & { item: Queued }): JSX.Element {
  const [draft, setDraft] = useState<string | null>(null);
  const attached = item.files.length + item.contexts.length;
  const keep = (): void => {
    if (draft?.trim()) {
      model.queue.change(item, draft);
    }
    setDraft(null);
  };
  return (
    <li>
      {draft === null ? (
        <span title={plainText(item.prompt)}>{plainText(item.prompt)}</span>
      ) : (
        <textarea
          rows={2}
          value={draft}
          aria-label={words.__('The waiting question')}
          ref={area => area?.focus()}
          onInput={event => setDraft(event.currentTarget.value)}
          onBlur={keep}
          onKeyDown={event => {
            if (event.key === 'Enter' && !event.shiftKey && !event.isComposing) {
              event.preventDefault();
              keep();
            } else if (event.key === 'Escape') {
              // It must not stop the answer.
              event.stopPropagation();
              setDraft(null);
            }
          }}
        />
      )}
      {attached > 0 && <small>{words._n('%1 attachment', '%1 attachments', attached)}</small>}
      <IconButton
        icon="edit"
        label={words.__('Edit this waiting question')}
        act={() => setDraft(item.prompt)}
      />
      <IconButton
        icon="remove"
        label={words.__('Remove this waiting question')}
        act={() => model.queue.remove(item)}
      />
    </li>
  );
}
