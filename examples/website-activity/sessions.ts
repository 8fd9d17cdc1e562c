import type { Activity } from './visits.ts';

export interface Session {
  visitor: string;
  startedAt: string;
  seconds: number;
  pages: string[];
}

const gapMs = 30 * 60_000;

/** Cuts the activity of each visitor into sessions: half an hour without a sign of life ends one. */
export class Sessions {
  readonly #open = new Map<string, Activity[]>();

  /** The session that this activity shows to be over, if it does. */
  add(activity: Activity): Session | null {
    const open = this.#open.get(activity.visitor);
    if (open && Date.parse(activity.ts) - Date.parse(open.at(-1)!.ts) < gapMs) {
      open.push(activity);
      return null;
    }
    this.#open.set(activity.visitor, [activity]);
    return open ? sessionOf(open) : null;
  }

  /** Ends all that is still open. */
  finish(): Session[] {
    const last = [...this.#open.values()].map(sessionOf);
    this.#open.clear();
    return last;
  }
}

function sessionOf(activities: Activity[]): Session {
  const [first, last] = [activities[0]!, activities.at(-1)!];
  return {
    visitor: first.visitor,
    startedAt: first.ts,
    seconds: (Date.parse(last.ts) - Date.parse(first.ts)) / 1000,
    pages: activities.map(({ page }) => page),
  };
}
