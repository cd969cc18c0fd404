/**
 * The chat's model: its turns, the questions that wait, and the question in preparation.
 *
 * It does not use the DOM, and a carrier sends its questions. How answers grow is in `turn-list.ts`.
 */
import type { Carrier, CarrierEvent } from '../carriers/carrier';
import { ENGLISH, type Words } from '../translation';
import { newId, type Context, type Part, type Setup, type Turn } from '../protocol-types';
import { Attachments } from './attachments';
import { isCut, isEarly, partsOf } from './endings';
import { GoingBack } from './going-back';
import type { MentionSource } from './mentions';
import { sentenceOf } from './plain-text';
import { Queue, type Queued } from './queue';
import { Signal } from './signal';
import { TurnList } from './turn-list';

const NO_SETUP: Setup = {
  models: [],
  default_model: null,
  notices: [],
  limits: { attachment_bytes: Infinity, attachments_bytes: Infinity }
};

export class ChatModel {
  /** Emitted after any change. */
  readonly changed = new Signal();
  /** Emitted when an answer has ended. */
  readonly ended = new Signal<Turn>();
  readonly attachments: Attachments;
  /** Emitted with a draft that replaces the text in the composer. */
  readonly drafted = new Signal<string>();

  /** The questions that wait for the end of an answer. */
  readonly queue = new Queue(this.changed);

  /** What offers things to attach. */
  readonly mentions: MentionSource[] = [];
  /** What offers prompts. */
  readonly prompts: MentionSource[] = [];

  setup: Setup | null = null;
  contexts: readonly Context[] = [];
  editing: Turn | null = null;
  trouble: string | null = null;
  /** Whether what happens elsewhere has not been heard of for a while. */
  isCutOff = false;

  /** What leads back to earlier turns. */
  readonly back: GoingBack;

  private readonly _list = new TurnList();
  private _chosen: string | null = null;

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
    this._chosen = chosen;
    this.attachments = new Attachments(_carrier, () => this.limits, this.changed, _words);
    this.back = new GoingBack(_carrier, this._list, this.changed);
    _carrier.connect(event => this._apply(event));
  }

  /** Whether the user has chosen a model. */
  get isChosen(): boolean {
    return this._chosen !== null;
  }

  get turns(): readonly Turn[] {
    return this._list.turns;
  }

  get isRunning(): boolean {
    return this._list.running !== null;
  }

  get limits(): Setup['limits'] {
    return (this.setup ?? NO_SETUP).limits;
  }

  /** The model to ask: the chosen one if it is available, otherwise the default. */
  get model(): string | null {
    const { models, default_model } = this.setup ?? NO_SETUP;
    const isThere = this._chosen !== null && (!this.setup || models.includes(this._chosen));
    return isThere ? this._chosen : (default_model ?? models[0] ?? null);
  }

  /** The models to choose from. */
  get models(): string[] {
    const { models } = this.setup ?? NO_SETUP;
    const { model } = this;
    // An upstream may also answer for names that it does not list.
    return model === null || models.includes(model) ? models : [model, ...models];
  }

  /** Whether a question can be sent now. */
  get isReady(): boolean {
    return !this.isRunning && !this.attachments.isBusy;
  }

  choose(model: string): void {
    this._chosen = model;
    this.changed.emit();
  }

  /** Send a question with its attachments, or have it wait; returns whether it was accepted. */
  send(prompt: string): boolean {
    if (!prompt.trim() || this.attachments.isBusy || (this.isRunning && this.editing)) {
      return false;
    }
    const [failed] = this.attachments.failed;
    if (failed) {
      // Without it, the model would be asked about something that it never got.
      this.complain(
        this._words.__('%1 was not attached. Remove it or attach it again, then send.', failed.name)
      );
      return false;
    }
    const before = this.editing?.id ?? null;
    const kept = this.editing ? partsOf(this.editing) : [];
    const files = [...kept, ...this.attachments.parts];
    if (this.isRunning) {
      this.queue.add({ prompt, files, contexts: this.contexts });
    } else if (!this._ask(prompt, files, this.contexts, before)) {
      return false;
    }
    this.attachments.clear();
    this.contexts = [];
    this.editing = null;
    this.changed.emit();
    return true;
  }

  /** Send the first of the waiting questions. */
  sendNext(): void {
    const [next] = this.queue.items;
    if (next && !this.isRunning && this._askQueued(next)) {
      this.queue.remove(next);
    }
  }

  /** Ask a turn's question again. */
  askAgain(turn: Turn): void {
    if (this.isReady) {
      this._ask(turn.prompt, partsOf(turn), [], turn.id);
    }
  }

  /** Ask a turn's question again without its files, some of which no longer exist. */
  askWithoutFiles(turn: Turn): void {
    if (this.isReady) {
      const texts = partsOf(turn).filter(part => part.type === 'text');
      this._ask(turn.prompt, texts, [], turn.id);
    }
  }

  /** Whether an answer ended early, so that the model can go on with it. */
  canContinue(turn: Turn): boolean {
    const isLast = turn === this.turns[this.turns.length - 1];
    return isLast && isEarly(turn, this._carrier.continuesFailed === true);
  }

  /** Ask the model to go on where its answer ended. */
  goOn(turn: Turn): void {
    if (this.isReady && this.canContinue(turn)) {
      // What the kernel's `%chat continue` asks, too.
      const prompt = this._words.__('Continue exactly where you stopped. Repeat nothing.');
      this._ask(prompt, [], [], null, true);
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
    this.editing = turn;
    this.drafted.emit(turn?.prompt ?? '');
    this.changed.emit();
  }

  /** Add context and its pictures to the next question, in place of context with the same name. */
  addContext(context: Context): void {
    this.attachments.removeFrom(context.name);
    this.contexts = [...this.contexts.filter(({ name }) => name !== context.name), context];
    context.pictures?.forEach(picture => {
      this.attachments.add(picture, context.name).catch(this.complain);
    });
    this.changed.emit();
  }

  /** Add a source of things to attach. */
  offer(source: MentionSource): void {
    this.mentions.push(source);
    this.changed.emit();
  }

  removeContext(context: Context): void {
    this.attachments.removeFrom(context.name);
    this.contexts = this.contexts.filter(other => other !== context);
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
    this.attachments.clear();
    this._carrier.dispose();
  }

  private _ask(
    prompt: string,
    files: readonly Part[],
    contexts: readonly Context[],
    before: string | null,
    continues = false
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
        ...(continues && this._carrier.continuesFailed ? { continues } : {})
      });
    } catch (error) {
      this._list.giveUp();
      this.complain(error);
      return false;
    }
    this.changed.emit();
    return true;
  }

  private _askQueued({ prompt, files, contexts }: Queued): boolean {
    return this._ask(prompt, files, contexts, null);
  }

  private _apply(event: CarrierEvent): void {
    const list = this._list;
    if ('request' in event && event.request !== list.running) {
      return;
    }
    switch (event.type) {
      case 'setup':
        this.setup = event.setup;
        break;
      case 'opened':
        list.leave();
        this.back.forget();
        this.queue.show(event.from, event.to);
        break;
      case 'turns': {
        const ended = list.show(event);
        const isGone = this.editing && !event.ids.includes(this.editing.id);
        this.editing = isGone ? null : this.editing;
        this._ended(ended);
        break;
      }
      case 'attached':
        event.contexts.forEach(context => this.addContext(context));
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
      const files = partsOf(turn);
      this.queue.add({ prompt: turn.prompt, files, contexts: [] }, true);
      this.back.remove(turn);
      return;
    }
    this.ended.emit(turn);
    if (turn.state === 'whole' && !isCut(turn)) {
      this.sendNext();
    }
  }
}
