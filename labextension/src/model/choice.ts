/** The models that can be asked, and the one that is. */
import type { Setup } from '../protocol-types';
import type { Signal } from './signal';

const NO_SETUP: Setup = {
  models: [],
  default_model: null,
  notices: [],
  limits: { attachment_bytes: Infinity, attachments_bytes: Infinity }
};

export class ModelChoice {
  /** Null until it is known. */
  setup: Setup | null = null;

  /**
   * @param _changed - emitted after any change by the user
   * @param _chosen - the model selected at first; null for the default
   */
  constructor(
    private readonly _changed: Signal,
    private _chosen: string | null
  ) {}

  /** Whether the user has chosen a model. */
  get isChosen(): boolean {
    return this._chosen !== null;
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

  choose(model: string): void {
    this._chosen = model;
    this._changed.emit();
  }
}
