// The journal's records for this page, newest first, kept current by events: GET /audit, page by page.
import { useEffect, useRef, useState } from 'preact/hooks';
import { BASE, read } from '../../api/client';
import { useTouches } from '../../api/hooks';
import { problemOf } from '../../api/problem';

export interface Change {
	subject?: string;
	field?: string;
	before?: unknown;
	after?: unknown;
}
export interface Entry {
	seq: number;
	at: number;
	actor: string;
	address?: string;
	via?: string;
	subject: string;
	type: string;
	summary?: string; // in words, beginning with who
	decision?: boolean;
	changes?: Change[];
	payload?: Record<string, unknown>;
	payload_bytes?: number; // instead of one that is too long
}
interface Page {
	entries: Entry[];
	next?: string; // cursor
	archived?: number; // records up to this one are in an archive
}
export interface Wanted {
	show: Show;
	search: string;
	actor: string;
	subject: string;
	type: string;
	since: number; // usec; 0: any time
}

// Which records, as the API is asked for them; a type that is chosen is narrower.
export const SHOWS = [
	{ value: '', label: 'Decisions', query: { decisions: '1' } },
	{ value: 'people', label: 'By people', query: { actor: 'user:*' } },
	{ value: 'access', label: 'Access', query: { type: 'access.*' } },
	{ value: 'job', label: 'Jobs', query: { type: 'job.*' } },
	{ value: 'deploy', label: 'Deployments', query: { type: 'deploy.*' } },
	{ value: 'all', label: 'Everything', query: {} },
] as const;
export type Show = (typeof SHOWS)[number]['value'];

const LIMIT = '100';
const TRIES = 5; // pages that may be empty one after the other: each looks at 20,000 records

export function pathOf(want: Wanted, cursor?: string): string {
	const query = new URLSearchParams({ limit: LIMIT, ...(want.type ? {} : (SHOWS.find((s) => s.value === want.show) ?? SHOWS[0]).query) });
	for (const key of ['type', 'actor', 'subject', 'search'] as const) if (want[key]) query.set(key, want[key]);
	if (want.since) query.set('since', String(want.since));
	if (cursor) query.set('cursor', cursor);
	return `/audit?${query}`;
}

// Newer ones first; none twice.
export function merge(newer: Entry[], older: Entry[]): Entry[] {
	const bySeq = new Map([...older, ...newer].map((e) => [e.seq, e]));
	return [...bySeq.values()].sort((a, b) => b.seq - a.seq);
}

// A search may look at many records before it finds one.
async function pageOf(want: Wanted, cursor?: string): Promise<Page> {
	let page: Page = { entries: [] };
	for (let i = 0; i < TRIES; i++) {
		page = (await read<Page>(pathOf(want, cursor))).data ?? { entries: [] };
		if (page.entries.length || !page.next) break;
		cursor = page.next;
	}
	return page;
}

interface State {
	key: string;
	entries: Entry[] | undefined;
	next: string | undefined;
	archived: number;
	problem: unknown;
}
export interface Source extends Omit<State, 'key'> {
	busy: boolean;
	older: () => void;
	retry: () => void;
}
export function useEntries(want: Wanted): Source {
	const [state, set] = useState<State>({ key: '', entries: undefined, next: undefined, archived: 0, problem: undefined });
	const [round, ask] = useState(0);
	const [busy, setBusy] = useState(false);
	const key = JSON.stringify(want);
	const timer = useRef<ReturnType<typeof setTimeout>>(undefined);
	const latest = useRef(key);
	latest.current = key;
	useEffect(() => {
		pageOf(want).then(
			(page) => latest.current === key && set((old) => {
				const before = old.key === key ? (old.entries ?? []) : [];
				// What came since is more than a page: the older ones are read again when they are asked for.
				const gap = before.length > 0 && page.next !== undefined && (page.entries.at(-1)?.seq ?? 0) > (before[0]?.seq ?? 0);
				const kept = before.length > page.entries.length && !gap;
				return { key, entries: gap ? page.entries : merge(page.entries, before), next: kept ? old.next : page.next, archived: page.archived ?? 0, problem: undefined };
			}),
			(problem) => latest.current === key && set((old) => (old.key === key ? { ...old, problem } : { key, entries: undefined, next: undefined, archived: 0, problem })),
		);
	}, [key, round]);
	useEffect(() => () => clearTimeout(timer.current), []);
	// A burst of events is one asking, a second later.
	useTouches(() => {
		timer.current ??= setTimeout(() => {
			timer.current = undefined;
			ask((n) => n + 1);
		}, 1_000);
	}, []);
	const mine = state.key === key ? state : { entries: undefined, next: undefined, archived: 0, problem: undefined };
	const older = () => {
		if (!mine.next || busy) return;
		setBusy(true);
		pageOf(want, mine.next).then(
			(page) => latest.current === key && set((old) => ({ ...old, entries: merge(old.entries ?? [], page.entries), next: page.next })),
			(problem) => latest.current === key && set((old) => ({ ...old, problem })),
		).finally(() => setBusy(false));
	};
	return { entries: mine.entries, next: mine.next, archived: mine.archived, problem: mine.problem, busy, older, retry: () => ask((n) => n + 1) };
}

// An answer's own bytes, in pieces.
export async function stream(path: string, each: (text: string) => Promise<void>, signal: AbortSignal): Promise<void> {
	const response = await fetch(BASE + path, { credentials: 'same-origin', cache: 'no-store', signal });
	if (!response.ok || !response.body) throw await problemOf(response);
	const decoder = new TextDecoder();
	const reader = response.body.getReader();
	for (;;) {
		const { done, value } = await reader.read();
		if (done) break;
		await each(decoder.decode(value, { stream: true }));
	}
	await each(decoder.decode());
}
