/**
 * The chat's model: its turns, the running request, and the question in preparation.
 *
 * It does not use the DOM, and a carrier sends its questions. Late events of a request that is no
 * longer running are ignored, so a stopped answer does not change.
 */
import type { Carrier, CarrierEvent } from '../carriers/carrier';
import { ENGLISH, type Words } from '../translation';
import { newId, type Context, type Part, type Setup, type Turn } from '../protocol-types';
import { Attachments } from './attachments';
import { sentenceOf } from './plain-text';
import { Signal } from './signal';

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

  turns: readonly Turn[] = [];
  setup: Setup | null = null;
  contexts: readonly Context[] = [];
  editing: Turn | null = null;
  trouble: string | null = null;
  /** Whether what happens elsewhere has not been heard of for a while. */
  isCutOff = false;

  private _running: string | null = null;
  /** The turn that the running request answers; others may run elsewhere at the same time. */
  private _answering: string | null = null;
  /** Whether the running request's question has been sent but has not begun yet. */
  private _isUnderway = false;
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
    _carrier.connect(event => this._apply(event));
  }

  /** Whether the user has chosen a model. */
  get isChosen(): boolean {
    return this._chosen !== null;
  }

  get isRunning(): boolean {
    return this._running !== null;
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

  /** Send a question with its attachments; returns whether it was sent. */
  send(prompt: string): boolean {
    if (!prompt.trim() || !this.isReady) {
      return false;
    }
    const before = this.editing?.id ?? null;
    const kept = this.editing ? partsOf(this.editing) : [];
    if (!this._ask(prompt, [...kept, ...this.attachments.parts], this.contexts, before)) {
      return false;
    }
    this.attachments.clear();
    this.contexts = [];
    this.editing = null;
    this.changed.emit();
    return true;
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
    const isFailed = turn.state === 'failed' && this._carrier.continuesFailed === true;
    const isCut = turn.finish_reason === 'length' || turn.finish_reason === 'content_filter';
    const isEarly = turn.state === 'stopped' || isFailed || isCut;
    return isEarly && turn.answer !== '' && turn === this.turns[this.turns.length - 1];
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
    if (this._running === null) {
      return;
    }
    const request = this._running;
    this._running = null;
    this._isUnderway = false;
    this._carrier.stop(request);
    this._end({ state: 'stopped' });
    this.changed.emit();
  }

  /** Put a turn's question back into the composer for editing; null cancels. */
  edit(turn: Turn | null): void {
    this.editing = turn;
    this.drafted.emit(turn?.prompt ?? '');
    this.changed.emit();
  }

  remove(turn: Turn): void {
    this._carrier.remove(turn.id);
    this.turns = this.turns.filter(other => other.id !== turn.id);
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
    this._running = newId();
    this._isUnderway = true;
    try {
      this._carrier.ask({
        request: this._running,
        prompt,
        // The rest of a context is for the page.
        contexts: contexts.map(({ name, text }) => ({ name, text })),
        files,
        model: this.model,
        before,
        ...(continues && this._carrier.continuesFailed ? { continues } : {})
      });
    } catch (error) {
      this._running = null;
      this._isUnderway = false;
      this.complain(error);
      return false;
    }
    this.changed.emit();
    return true;
  }

  private _apply(event: CarrierEvent): void {
    if ('request' in event && event.request !== this._running) {
      return;
    }
    switch (event.type) {
      case 'setup':
        this.setup = event.setup;
        break;
      case 'turns':
        this._show(event.ids, event.turns, event.running, event.answering ?? null);
        break;
      case 'attached':
        event.contexts.forEach(context => this.addContext(context));
        break;
      case 'begun':
        this._isUnderway = false;
        this._answering = event.turn.id;
        // A list of the turns may already have contained it.
        this.turns = [
          ...this._until(event.before).filter(({ id }) => id !== event.turn.id),
          event.turn
        ];
        break;
      case 'delta':
        this._grow(event.text, event.reasoning);
        break;
      case 'ended':
        this._running = null;
        this._end(event.turn);
        break;
      case 'connection':
        this.isCutOff = event.isLost;
        break;
      case 'trouble':
        // If nothing has begun, no end will follow.
        this._isUnderway = false;
        this._running = this._growing ? this._running : null;
        this.trouble = sentenceOf(event.message);
        break;
    }
    this.changed.emit();
  }

  private _show(
    ids: readonly string[],
    news: readonly Turn[],
    running: string | null,
    answering: string | null
  ): void {
    const known = new Map([...this.turns, ...news].map(turn => [turn.id, turn]));
    this.turns = ids.flatMap(id => known.get(id) ?? []);
    // An event from before our question arrived does not know about it.
    if (!this._isUnderway) {
      const last = this.turns[this.turns.length - 1];
      this._running = running;
      this._answering = running === null ? null : (answering ?? last?.id ?? null);
    }
    const isGone = this.editing && !ids.includes(this.editing.id);
    this.editing = isGone ? null : this.editing;
  }

  private _until(before: string | null): Turn[] {
    const index = this.turns.findIndex(turn => turn.id === before);
    return this.turns.slice(0, index < 0 ? undefined : index);
  }

  /** The turn whose answer is still growing, unless it has been removed elsewhere. */
  private get _growing(): Turn | undefined {
    return this.turns.find(({ id, state }) => id === this._answering && state === 'running');
  }

  private _grow(text: string, reasoning: string): void {
    const turn = this._growing;
    if (turn) {
      this._change({
        ...turn,
        answer: turn.answer + text,
        reasoning: turn.reasoning + reasoning
      });
    }
  }

  private _end(ending: Partial<Turn>): void {
    const turn = this._growing;
    if (turn) {
      const ended = { ...turn, ...ending };
      this._change(ended);
      this.ended.emit(ended);
    }
  }

  private _change(turn: Turn): void {
    this.turns = this.turns.map(other => (other.id === turn.id ? turn : other));
  }
}

/** The attachments of a turn. */
function partsOf(turn: Turn): Part[] {
  return typeof turn.content === 'string' ? [] : turn.content.slice(0, -1);
}
