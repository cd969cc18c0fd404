/** Text that may be cut inside a character, as by JavaScript servers -> whole characters only. */

/** Half of a surrogate pair without the other half. */
const LONE_HALF = /\p{Surrogate}/gu;

export class WholeCharacters {
  private _half = '';

  /** Add text; returns it without half a character at its end, which waits for the other half. */
  take(text: string): string {
    const joined = this._half + text;
    this._half = /[\ud800-\udbff]$/.exec(joined.slice(-1))?.[0] ?? '';
    const whole = joined.slice(0, joined.length - this._half.length);
    return whole.replace(LONE_HALF, '\ufffd');
  }
}
