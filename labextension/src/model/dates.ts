/** When something was: the group in a list, and the time as people write it. */
import type { Words } from '../translation';

const DAY_MS = 86_400_000;

// One of each for all rows of a list: making one takes a hundred times as long as using it.
const TIME = formatter({ hour: 'numeric', minute: '2-digit' });
const WEEKDAY = formatter({ weekday: 'long' });
const MONTH = formatter({ month: 'long', year: 'numeric' });
const DAY = formatter();

/**
 * The name of the group that a moment belongs to: today, yesterday, this week, or its month.
 *
 * @param seconds - seconds since 1970
 * @param now - milliseconds since 1970
 */
export function groupOf(seconds: number, now: number, words: Words): string {
  const date = new Date(seconds * 1000);
  const days = daysBefore(date, now);
  if (days <= 0) {
    return words.__('Today');
  }
  if (days === 1) {
    return words.__('Yesterday');
  }
  return days < 7 ? words.__('The last 7 days') : MONTH(date);
}

/** The time of a moment today or yesterday, its weekday within a week, otherwise its date. */
export function timeOf(seconds: number, now: number): string {
  const date = new Date(seconds * 1000);
  const days = daysBefore(date, now);
  if (days <= 1) {
    return TIME(date);
  }
  return days < 7 ? WEEKDAY(date) : DAY(date);
}

/** How many calendar days ago. */
function daysBefore(date: Date, now: number): number {
  const today = new Date(now).setHours(0, 0, 0, 0);
  const day = new Date(date).setHours(0, 0, 0, 0);
  // Rounded, because a day on which the clocks change has 23 or 25 hours.
  return Math.round((today - day) / DAY_MS);
}

function formatter(options?: Intl.DateTimeFormatOptions): (date: Date) => string {
  const made = new Intl.DateTimeFormat(undefined, options);
  return date => made.format(date);
}
