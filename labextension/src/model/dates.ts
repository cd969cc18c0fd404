/** When something was: the group in a list, and the time as people write it. */
import type { Words } from '../translation';

const DAY_MS = 86_400_000;

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
  return days < 7
    ? words.__('The last 7 days')
    : date.toLocaleDateString(undefined, { month: 'long', year: 'numeric' });
}

/** The time of a moment today or yesterday, its weekday within a week, otherwise its date. */
export function timeOf(seconds: number, now: number): string {
  const date = new Date(seconds * 1000);
  const days = daysBefore(date, now);
  if (days <= 1) {
    return date.toLocaleTimeString(undefined, { hour: 'numeric', minute: '2-digit' });
  }
  return days < 7
    ? date.toLocaleDateString(undefined, { weekday: 'long' })
    : date.toLocaleDateString();
}

/** How many calendar days ago. */
function daysBefore(date: Date, now: number): number {
  const today = new Date(now).setHours(0, 0, 0, 0);
  const day = new Date(date).setHours(0, 0, 0, 0);
  // Rounded, because a day on which the clocks change has 23 or 25 hours.
  return Math.round((today - day) / DAY_MS);
}
