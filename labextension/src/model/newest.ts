/** Finds the newest of several attempts at the same thing; results of older attempts are too late. */
export class Newest {
  private _begun = 0;

  /** Whether no attempt has begun yet. */
  get isUntouched(): boolean {
    return this._begun === 0;
  }

  /** Begin another attempt; returns a function that says whether it is still the newest. */
  begin(): () => boolean {
    const number = (this._begun += 1);
    return () => number === this._begun;
  }
}
