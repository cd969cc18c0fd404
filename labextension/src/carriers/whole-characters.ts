/** Text that may be cut within a character, as JavaScript servers cut it -> only whole characters. */

/** A half of a surrogate pair whose other half is not beside it. */
const LONE_HALF = /\p{Surrogate}/gu;

export class WholeCharacters {
  private _half = '';

  /** Take more text; gives it but for half a character at its end, which waits for the other. */
  take(text: string): string {
    const joined = this._half + text;
    this._half = /[\ud800-\udbff]$/.exec(joined.slice(-1))?.[0] ?? '';
    const whole = joined.slice(0, joined.length - this._half.length);
    return whole.replace(LONE_HALF, '\ufffd');
  }
}
