/** The composer: the question's text and attachments, the model, and the send button. */
import type { ComponentChildren, JSX } from 'preact';
import { useLayoutEffect, useRef, useState } from 'preact/hooks';

import type { ChatModel } from '../model/chat';
import { triggerAt, withoutTrigger, type Mention, type Trigger } from '../model/mentions';
import { LONG_PASTE } from '../model/pasted';
import { plainText } from '../model/plain-text';
import { fullnessOf } from '../model/weight';
import type { Words } from '../translation';
import { Chips } from './chips';
import { ModelPicker } from './model-picker';
import { IconButton } from './icons';
import { Meter } from './meter';
import { Mentions, optionId, useMentions } from './mentions';

interface ComposerProps {
  model: ChatModel;
  words: Words;
}

/** A draft, and where its cursor is. */
interface Draft {
  text: string;
  cursor: number;
}

interface OnArea {
  currentTarget: HTMLTextAreaElement;
}

const atEnd = (text: string): Draft => ({ text, cursor: text.length });

export function Composer({
  model,
  words,
  tools
}: ComposerProps & { tools?: ComponentChildren }): JSX.Element {
  const [draft, setDraft] = useState(() => atEnd(model.draft.text));
  const [dismissed, dismiss] = useState<number | null>(null);
  /** The place of the list of prompts that the button has opened beside a question. */
  const [listed, listPrompts] = useState<Trigger | null>(null);
  const [said, say] = useState('');
  const area = useRef<HTMLTextAreaElement>(null);
  /** Where the cursor goes once a changed draft is on the page. */
  const target = useRef<number | null>(null);
  const isAskedFor = useRef(false);

  const change = (text: string, cursor = text.length): void => {
    listPrompts(null);
    target.current = cursor;
    model.drafts.write(text);
    setDraft({ text, cursor });
    area.current?.focus();
  };
  useLayoutEffect(() => model.drafts.offered.connect(text => change(text)), [model]);
  // Another draft is shown without taking the focus from wherever the user is.
  useLayoutEffect(() => {
    const swap = (): void => setDraft(atEnd(model.draft.text));
    // It may have been swapped before this was on the page.
    swap();
    return model.drafts.swapped.connect(swap);
  }, [model]);
  useLayoutEffect(() => {
    fitHeight(area.current, draft.text.length);
    if (target.current !== null) {
      area.current?.setSelectionRange(target.current, target.current);
      target.current = null;
    }
  }, [draft]);

  const found = triggerAt(draft.text, draft.cursor);
  const trigger = listed ?? (found?.start === dismissed ? null : found);
  const list = useMentions(trigger?.sign === '/' ? model.prompts : model.mentions, trigger);
  useLayoutEffect(() => {
    if (!found) {
      dismiss(null);
      isAskedFor.current = false;
    }
  }, [!found]);

  const choose = (mention: Mention): void => {
    const rest = withoutTrigger(draft.text, trigger!);
    change(rest.draft, rest.cursor);
    const isPrompt = list.isOfPrompts;
    const attach = async (): Promise<void> => {
      const attached = Promise.resolve(mention.attach(rest.draft));
      await (isPrompt ? attached : model.draft.expect(attached));
      say(isPrompt ? '' : words.__('%1 goes along', plainText(mention.label)));
    };
    attach().catch(model.complain);
  };
  /** Close the list; a sign that only the button put there goes, too. */
  const close = (): void => {
    if (listed) {
      listPrompts(null);
    } else if (isAskedFor.current && !trigger!.query) {
      const rest = withoutTrigger(draft.text, trigger!);
      change(rest.draft, rest.cursor);
    } else {
      dismiss(trigger!.start);
    }
  };
  const mention = (): void => {
    const { text, cursor } = draft;
    const sign = /[^\s]$/.test(text.slice(0, cursor)) ? ' @' : '@';
    change(text.slice(0, cursor) + sign + text.slice(cursor), cursor + sign.length);
    isAskedFor.current = true;
  };
  /** Open the list of prompts; beside a question, without a sign in it. */
  const openPrompts = (): void => {
    const { text, cursor } = draft;
    if (text) {
      area.current?.focus();
      listPrompts({ sign: '/', start: cursor, end: cursor, query: '' });
    } else {
      change('/');
      isAskedFor.current = true;
    }
  };
  const onKeyDown = (event: KeyboardEvent): void => {
    if (event.isComposing) {
      return;
    }
    if (list.isOpen && !event.shiftKey) {
      const pressed = event.key === 'Escape' || list.press(event.key);
      if (pressed) {
        event.preventDefault();
        event.stopPropagation();
        if (pressed === true) {
          if (event.key === 'Escape') {
            close();
          }
        } else {
          choose(pressed);
        }
        return;
      }
    }
    if (event.key === 'Enter' && !event.shiftKey) {
      event.preventDefault();
      model.sendDraft();
    } else if (event.key === 'ArrowUp' && !draft.text && model.turns.length && model.isReady) {
      event.preventDefault();
      model.edit(model.turns[model.turns.length - 1]!);
    }
  };
  const onPaste = (event: ClipboardEvent): void => {
    const text = event.clipboardData?.getData('text/plain') ?? '';
    if (attachFiles(model, event.clipboardData?.files ?? [])) {
      event.preventDefault();
    } else if (text.length >= LONG_PASTE) {
      event.preventDefault();
      model.draft.paste(text);
      say(words.__('The pasted text goes along'));
    }
  };
  const write = ({ currentTarget: { value, selectionEnd } }: OnArea): void => {
    listPrompts(null);
    model.drafts.write(value);
    setDraft({ text: value, cursor: selectionEnd });
  };
  const follow = ({ currentTarget: { selectionEnd } }: OnArea): void =>
    setDraft(({ text }) => ({ text, cursor: selectionEnd }));

  return (
    <form
      class="aqueduct-composer"
      onSubmit={event => {
        event.preventDefault();
        model.sendDraft();
      }}
    >
      {model.editing && (
        <div class="aqueduct-editing">
          {model.back.keepsVersions
            ? words.__('Editing: it stays as an earlier version, with what follows')
            : words.__('Editing: everything after it will be removed')}
          <IconButton icon="close" label={words.__('Cancel')} act={() => model.edit(null)} />
        </div>
      )}
      <Chips model={model} words={words} />
      <Mentions list={list} words={words} choose={choose} />
      <textarea
        ref={area}
        rows={2}
        value={draft.text}
        placeholder={
          model.mentions.length ? words.__('Ask a model… @ attaches') : words.__('Ask a model…')
        }
        aria-label={words.__('Your question')}
        aria-autocomplete="list"
        aria-haspopup="listbox"
        aria-controls={list.isOpen ? list.id : undefined}
        aria-activedescendant={list.isOpen && list.active ? optionId(list, list.active) : undefined}
        onInput={write}
        onSelect={follow}
        onKeyDown={onKeyDown}
        onPaste={onPaste}
        onBlur={() => {
          listPrompts(null);
          if (trigger) {
            dismiss(trigger.start);
          }
        }}
      />
      <Meter fullness={fullnessOf(model, draft.text)} words={words} />
      <div class="aqueduct-bar">
        <FileButton words={words} model={model} />
        {model.mentions.length > 0 && (
          <IconButton icon="mention" label={words.__('Attach something (@)')} act={mention} />
        )}
        {model.prompts.length > 0 && (
          <IconButton icon="prompt" label={words.__('Prompts (/)')} act={openPrompts} />
        )}
        {tools}
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
            act={() => model.sendDraft()}
            isPrimary
            isDisabled={!draft.text.trim() || !model.isReady}
          />
        )}
      </div>
      <div role="status" class="aqueduct-unseen">
        {said}
      </div>
    </form>
  );
}

/** Attach files of this computer; returns whether there are any. */
export function attachFiles(model: ChatModel, files: Iterable<File>): boolean {
  const all = [...files];
  all.forEach(file => {
    model.draft.attachments.add(file).catch(model.complain);
  });
  return all.length > 0;
}

function FileButton(props: ComposerProps): JSX.Element {
  const input = useRef<HTMLInputElement>(null);
  const most = props.model.choice.limits.attachment_bytes;
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
          attachFiles(props.model, event.currentTarget.files ?? []);
          event.currentTarget.value = '';
        }}
      />
      <IconButton icon="attach" label={label} act={() => input.current?.click()} />
    </>
  );
}

function fitHeight(area: HTMLTextAreaElement | null, length: number): void {
  if (area && length > LONG_PASTE) {
    // It is as high as it can be, and measuring it, or asking for its text, would take long.
    area.style.height = '40vh';
  } else if (area) {
    area.style.height = 'auto';
    // If it is not on the page yet, it cannot be measured: its rows determine the height.
    if (area.scrollHeight > 0) {
      area.style.height = `${area.scrollHeight}px`;
    }
  }
}
