// Queries by path: shown at once from what is known, asked for again when an event touches them, at most three times a second each.
import { forgetAhead } from './ahead';
import { read } from './client';
import { onResync, onTouch } from './live';
import { Problem } from './problem';
import { touches, type Touch } from './touch';

export interface Query<T> {
	data: T | undefined;
	problem: Problem | undefined; // of the last try; data may still be there from before
	at: number; // ms: when data was last known to be true
	loading: boolean;
}

interface Entry {
	path: string;
	query: Query<unknown>;
	etag: string | undefined;
	watchers: Set<() => void>;
	stale: boolean;
	asking: boolean;
	asked: number; // ms: when it was last asked for
	timer: ReturnType<typeof setTimeout> | undefined;
	touched: (touch: Touch) => boolean;
}

const EACH = 340; // ms between two askings of one query
const KEPT = 200; // entries that nobody watches

const entries = new Map<string, Entry>();
const hidden = () => typeof document !== 'undefined' && document.visibilityState === 'hidden';

function entryOf(path: string): Entry {
	let entry = entries.get(path);
	if (!entry) {
		entry = {
			path, query: { data: undefined, problem: undefined, at: 0, loading: false }, etag: undefined, watchers: new Set(), stale: true,
			asking: false, asked: 0, timer: undefined, touched: (touch) => touches(path, touch),
		};
		entries.set(path, entry);
	}
	return entry;
}

function set(entry: Entry, change: Partial<Query<unknown>>): void {
	entry.query = { ...entry.query, ...change };
	for (const fn of [...entry.watchers]) fn();
}

async function ask(entry: Entry): Promise<void> {
	entry.asking = true;
	entry.stale = false;
	entry.asked = Date.now();
	if (!entry.query.data) set(entry, { loading: true });
	try {
		const answer = await read<unknown>(entry.path, entry.etag);
		if (answer.data !== undefined) {
			entry.etag = answer.etag;
			set(entry, { data: answer.data, problem: undefined, at: Date.now(), loading: false });
		} else {
			const told = entry.query.problem !== undefined || entry.query.loading;
			entry.query = { ...entry.query, at: Date.now() };
			if (told) set(entry, { problem: undefined, loading: false });
		}
	} catch (problem) {
		set(entry, { problem: problem instanceof Problem ? problem : new Problem(0, 'internal', 'Failed', String(problem)), loading: false });
	}
	entry.asking = false;
	if (entry.stale) plan(entry);
}

// Now, or when its turn comes; not at all while nobody looks.
function plan(entry: Entry): void {
	entry.stale = true;
	if (entry.asking || entry.timer || entry.watchers.size === 0 || hidden()) return;
	const wait = Math.max(0, entry.asked + EACH - Date.now());
	entry.timer = setTimeout(() => {
		entry.timer = undefined;
		if (entry.stale && entry.watchers.size) void ask(entry);
	}, wait);
}

function forget(): void {
	if (entries.size <= KEPT) return;
	for (const [path, entry] of entries) {
		if (entry.watchers.size === 0 && !entry.asking) entries.delete(path);
		if (entries.size <= KEPT) return;
	}
}

// Calls fn whenever the query changed. Returns how to stop.
export function watchQuery(path: string, fn: () => void, touched?: (touch: Touch) => boolean): () => void {
	const entry = entryOf(path);
	if (touched) entry.touched = touched;
	entry.watchers.add(fn);
	// What nobody watched may have changed unseen.
	if (entry.watchers.size === 1) plan(entry);
	return () => {
		entry.watchers.delete(fn);
		forget();
	};
}
// Asks before anybody watches. What comes of it is kept for who will; a failure is thrown, and not kept.
export async function primeQuery<T>(path: string): Promise<T> {
	const entry = entryOf(path);
	await ask(entry);
	const { data, problem } = entry.query;
	if (problem) {
		set(entry, { problem: undefined });
		throw problem;
	}
	return data as T;
}
export function peekQuery<T>(path: string): Query<T> {
	return entryOf(path).query as Query<T>;
}
export function refetch(match?: (path: string) => boolean): void {
	for (const entry of entries.values()) if (!match || match(entry.path)) plan(entry);
}
// Another person looks now: nothing of the last one's is to be seen.
export function forgetAll(): void {
	forgetAhead();
	for (const entry of entries.values()) {
		entry.etag = undefined;
		set(entry, { data: undefined, problem: undefined, at: 0 });
		plan(entry);
	}
}

let begun = false;
export function startStore(): void {
	if (begun) return;
	begun = true;
	onTouch((touch) => {
		for (const entry of entries.values()) if (entry.touched(touch)) plan(entry);
	});
	onResync(() => refetch());
	document.addEventListener('visibilitychange', () => {
		if (!hidden()) for (const entry of entries.values()) if (entry.stale) plan(entry);
	});
	// A query that failed is tried again, seldom, also when no event comes.
	setInterval(() => {
		for (const entry of entries.values()) if (entry.query.problem && entry.query.problem.status !== 401 && (entry.query.problem.status === 0 || entry.query.problem.status >= 500)) plan(entry);
	}, 4_000);
}
