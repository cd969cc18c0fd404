/**
 * The chat's model: its turns, and what is asked.
 *
 * It does not use the DOM, and a carrier sends its questions. How answers grow is in `turn-list.ts`,
 * what was not sent yet in `drafts.ts`, the models in `choice.ts`.
 */
import type { Carrier, CarrierEvent } from '../carriers/carrier';
import { ENGLISH, type Words } from '../translation';
import { newId, type Context, type Part, type Setup, type Turn } from '../protocol-types';
import { AskingAgain, type More } from './asking-again';
import { Attachments } from './attachments';
import { ModelChoice } from './choice';
import { Draft } from './draft';
import { Drafts } from './drafts';
import { isCut, partsOf } from './endings';
import { GoingBack } from './going-back';
import type { MentionSource } from './mentions';
import { sentenceOf } from './plain-text';
import { Queue } from './queue';
import { SentFiles } from './sent-files';
import { Signal } from './signal';
import { TurnList } from './turn-list';

export class ChatModel {
  /** Emitted after any change. */
  readonly changed = new Signal();
  /** Emitted when an answer has ended. */
  readonly ended = new Signal<Turn>();
  /** The files that went along with questions. */
  readonly sent: SentFiles;
  /** The questions that wait for the end of an answer. */
  readonly queue = new Queue(this.changed);
  /** What offers things to attach. */
  readonly mentions: MentionSource[] = [];
  /** What offers prompts. */
  readonly prompts: MentionSource[] = [];

  editing: Turn | null = null;
  trouble: string | null = null;
  /** Whether what happens elsewhere has not been heard of for a while. */
  isCutOff = false;
  /** What leads back to earlier turns. */
  readonly back: GoingBack;
  /** The drafts and waiting questions of all conversations. */
  readonly drafts: Drafts;
  readonly again: AskingAgain;
  readonly choice: ModelChoice;

  private readonly _list = new TurnList();

  /**
   * @param carrier - sends the questions and reports the answers
   * @param chosen - the model selected at first; null for the default
   * @param _words - translates the reasons for refused files, and what is asked in our words
   */
  constructor(
    private readonly _carrier: Carrier,
    chosen: string | null = null,
    private readonly _words: Words = ENGLISH
  ) {
    this.choice = new ModelChoice(this.changed, chosen);
    this.sent = new SentFiles(_carrier, _words);
    this.back = new GoingBack(_carrier, this._list, this.changed);
    this.drafts = new Drafts(this.queue, () => this._newDraft(), _words, this.complain);
    this.again = new AskingAgain(this, _carrier, _words, (...asked) => this._ask(...asked));
    this.changed.connect(() => this.drafts.note());
    _carrier.connect(event => this._apply(event));
  }

  /** The question in preparation. */
  get draft(): Draft {
    return this.drafts.current;
  }

  get turns(): readonly Turn[] {
    return this._list.turns;
  }

  get isRunning(): boolean {
    return this._list.running !== null;
  }

  get setup(): Setup | null {
    return this.choice.setup;
  }

  /** The model to ask. */
  get model(): string | null {
    return this.choice.model;
  }

  /** Whether a question can be sent now. */
  get isReady(): boolean {
    return !this.isRunning && !this.draft.isBusy;
  }

  /** Send a question with its attachments, or have it wait; returns whether it was accepted. */
  send(prompt: string): boolean {
    const { attachments, contexts, isBusy } = this.draft;
    if (!prompt.trim() || isBusy || (this.isRunning && this.editing)) {
      return false;
    }
    const [failed] = attachments.failed;
    if (failed) {
      // Without it, the model would be asked about something that it never got.
      this.complain(
        this._words.__('%1 was not attached. Remove it or attach it again, then send.', failed.name)
      );
      return false;
    }
    const files = [...(this.editing ? partsOf(this.editing) : []), ...attachments.parts];
    if (this.isRunning) {
      this.queue.add({ prompt, files, contexts });
    } else if (!this._ask(prompt, files, contexts, this.editing?.id ?? null)) {
      return false;
    }
    this.editing = null;
    this.draft.clear();
    return true;
  }

  /** Send the question in preparation, once all that goes along is there; returns whether it was accepted. */
  sendDraft(): boolean {
    const { draft } = this;
    if (draft.waits(() => draft === this.draft && this.sendDraft())) {
      return false;
    }
    const isSent = this.send(draft.text);
    if (isSent) {
      this.drafts.sent();
    }
    return isSent;
  }

  /** Send the first of the waiting questions. */
  sendNext(): void {
    this.queue.leaveOut(this.turns.map(({ id }) => id));
    const [next] = this.queue.items;
    if (next && !this.isRunning) {
      const { id: turn, prompt, files, contexts } = next;
      if (this._ask(prompt, files, contexts, null, { turn })) {
        this.queue.remove(next);
      }
    }
  }

  stop(): void {
    const request = this._list.running;
    if (request !== null) {
      const ended = this._list.end({ state: 'stopped' });
      this._carrier.stop(request);
      this._ended(ended);
      this.changed.emit();
    }
  }

  /** Put a turn's question back into the composer for editing; null cancels. */
  edit(turn: Turn | null): void {
    const { draft } = this;
    const own = draft.ownText;
    this.editing = turn;
    draft.aside = turn ? own : null;
    this.drafts.offer(turn?.prompt ?? own);
    this.changed.emit();
  }

  /** Add a source of things to attach; those of a lower rank are listed first. */
  offer(source: MentionSource): void {
    this.mentions.push(source);
    this.mentions.sort(({ rank: one = 0 }, { rank: other = 0 }) => one - other);
    this.changed.emit();
  }

  /** Show what went wrong: a message, or anything thrown. The view's promises use this handler. */
  readonly complain = (error: unknown): void => {
    this.trouble = sentenceOf(error);
    this.changed.emit();
  };

  /** Dismiss the message about what went wrong. */
  dismissTrouble(): void {
    this.trouble = null;
    this.changed.emit();
  }

  dispose(): void {
    this.drafts.dispose();
    this._carrier.dispose();
  }

  private _newDraft(): Draft {
    const { changed, _carrier: carrier, _words: words, sent, complain } = this;
    const files = new Attachments(carrier, () => this.choice.limits, changed, words, sent);
    return new Draft(files, changed, complain, carrier.takesTexts === true);
  }

  private _ask(
    prompt: string,
    files: readonly Part[],
    contexts: readonly Context[],
    before: string | null,
    more: More = {}
  ): boolean {
    this.trouble = null;
    const request = newId();
    this._list.send(request);
    try {
      this._carrier.ask({
        request,
        prompt,
        // The rest of a context is for the page.
        contexts: contexts.map(({ name, text }) => ({ name, text })),
        files,
        model: this.model,
        before,
        ...more
      });
    } catch (error) {
      this._list.giveUp();
      this.complain(error);
      return false;
    }
    this.changed.emit();
    return true;
  }

  private _apply(event: CarrierEvent): void {
    const list = this._list;
    if ('request' in event && event.request !== list.running) {
      return;
    }
    switch (event.type) {
      case 'setup':
        this.choice.setup = event.setup;
        break;
      case 'opened': {
        if (this.editing) {
          this.edit(null);
        }
        list.leave(event.request ?? null);
        this.back.forget();
        const { draft } = this;
        this.drafts.show(event.to);
        if (event.isInPlace) {
          this.drafts.adopt(draft);
        }
        break;
      }
      case 'created':
        this.drafts.begin(event.id);
        break;
      case 'turns': {
        const ended = list.show(event);
        this.queue.leaveOut(event.ids);
        const isGone = this.editing && !event.ids.includes(this.editing.id);
        this.editing = isGone ? null : this.editing;
        this._ended(ended);
        break;
      }
      case 'attached':
        event.contexts.forEach(context => this.draft.add(context));
        break;
      case 'begun':
        list.begin(event.turn, event.before);
        break;
      case 'delta':
        list.grow(event.text, event.reasoning);
        break;
      case 'ended':
        this._ended(list.end(event.turn));
        break;
      case 'connection':
        this.isCutOff = event.isLost;
        break;
      case 'trouble':
        list.giveUp();
        this.trouble = sentenceOf(event.message);
        break;
    }
    this.changed.emit();
  }

  /** Go on after an answer has ended: with the next question, if nothing is missing. */
  private _ended(turn: Turn | null): void {
    if (!turn) {
      return;
    }
    if (turn.error_code === 'answer_running') {
      // Somebody else was faster, so it waits like any other.
      const { id, prompt } = turn;
      this.queue.restore([{ id, prompt, files: partsOf(turn), contexts: [] }]);
      this.back.remove(turn);
      return;
    }
    this.ended.emit(turn);
    if (turn.state === 'whole' && !isCut(turn)) {
      this.sendNext();
    }
  }
}
