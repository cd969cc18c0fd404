/** Which of several tries at the same thing is the newest: what an older one brings comes too late. */
export class Newest {
  private _begun = 0;

  /** Whether nothing was begun yet. */
  get isUntouched(): boolean {
    return this._begun === 0;
  }

  /** Begin another try; gives the function that tells whether it is still the newest. */
  begin(): () => boolean {
    const number = (this._begun += 1);
    return () => number === this._begun;
  }
}
