// Which queries a record of the journal makes stale. Pure, so that it is tested without a browser.
import type { JournalRecord } from './types';

// What is told from tab to tab: a record without its payload, but with the ids that stand in it.
export interface Touch {
	seq: number;
	time: number;
	actor: string;
	subject: string;
	type: string;
	ids: string[];
}

const ID_MEMBERS = ['run', 'job', 'release', 'rollout', 'environment', 'incident', 'unit', 'id'];

export function touchOf(record: JournalRecord): Touch {
	const ids = [record.subject];
	for (const key of ID_MEMBERS) {
		const value = record.payload?.[key];
		if (typeof value === 'string' && value && !ids.includes(value)) ids.push(value);
	}
	return { seq: record.seq, time: record.time, actor: record.actor, subject: record.subject, type: record.type, ids };
}

// Facts come once a second for each service with traffic, and change what only a rollout shows.
const CHATTER = new Set(['watch.facts', 'watch.history', 'engine.timer']);

const NAMED = /^\/(runs|releases|rollouts|incidents|environments|jobs)\/([^?]+)/;

// The things that a path shows: "/runs/run-7/jobs" shows run-7. Undefined: a list, or something that anything may change.
export function subjectOf(path: string): string | undefined {
	const found = NAMED.exec(path);
	if (!found) return undefined;
	const rest = decodeURIComponent(found[2] as string);
	if (found[1] === 'jobs') return rest.replace(/\/(log|report|key)$/, '');
	return rest.split('/')[0];
}

// What moves a thing without naming it: a rollout that is done makes its release live and changes its environment, but its records say "ro-7" only.
const moves = { releases: /^(ro|inc)-\d+$|^run-\d+\/(staging|gate|production)\//, environments: /^ro-\d+$/, incidents: /^ro-\d+$/ } as const;
function movedBy(path: string, touch: Touch): boolean {
	const by = moves[NAMED.exec(path)?.[1] as keyof typeof moves];
	return by !== undefined && touch.ids.some((id) => by.test(id));
}

export function touches(path: string, touch: Touch): boolean {
	const subject = subjectOf(path);
	const calm = CHATTER.has(touch.type);
	if (subject === undefined) return !calm || path.startsWith('/rollouts') || path.startsWith('/traffic');
	if (calm && !path.startsWith('/rollouts/')) return false;
	if (movedBy(path, touch)) return true;
	// A run is touched by its jobs, a job by itself and by its run as a whole.
	return touch.ids.some((id) => id === subject || id.startsWith(`${subject}/`) || (path.startsWith('/jobs/') && subject.startsWith(`${id}/`)));
}
