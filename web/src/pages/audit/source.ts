// The journal's records for this page, newest first, kept current by events.
import { useEffect, useRef, useState } from 'preact/hooks';
import { BASE, readText } from '../../api/client';
import { useTouches } from '../../api/hooks';
import { problemOf } from '../../api/problem';
import type { JournalRecord } from '../../api/types';

export const NEWEST = 1000; // records of one kind that are asked for

// Which records: by the front of their type, as the API takes it.
export const SHOWS = [
	{ value: '', label: 'Decisions', types: ['person.*', 'access.*'] },
	{ value: 'access', label: 'Access', types: ['access.*'] },
	{ value: 'release', label: 'Releases', types: ['deploy.*', 'route.*', 'evidence.*'] },
	{ value: 'run', label: 'Runs', types: ['source.*', 'job.*', 'queue.*'] },
	{ value: 'all', label: 'Everything', types: [''] },
] as const;
export type Show = (typeof SHOWS)[number]['value'];

export function paths(show: Show, subject: string, type: string): string[] {
	const types = type ? [type] : (SHOWS.find((s) => s.value === show) ?? SHOWS[0]).types;
	return types.map((t) => {
		const query = new URLSearchParams({ last: String(NEWEST) });
		if (t) query.set('type', t);
		if (subject) query.set('subject', subject);
		return `/journal?${query}`;
	});
}

export function parseLines(text: string): JournalRecord[] {
	const records: JournalRecord[] = [];
	for (const line of text.split('\n')) {
		if (!line.trim()) continue;
		const record = JSON.parse(line) as JournalRecord & { code?: string; detail?: string };
		// A stream that breaks says why in its last line.
		if (record.seq === undefined) throw new Error(record.detail ?? 'The journal could not be read to its end.');
		records.push(record);
	}
	return records;
}

export function merge(lists: JournalRecord[][]): JournalRecord[] {
	const bySeq = new Map(lists.flat().map((r) => [r.seq, r]));
	return [...bySeq.values()].sort((a, b) => b.seq - a.seq);
}

export interface Source {
	records: JournalRecord[] | undefined;
	problem: unknown;
	full: boolean; // there may be older ones
	retry: () => void;
}
export function useRecords(show: Show, subject: string, type: string): Source {
	const [state, set] = useState<{ key: string; records: JournalRecord[] | undefined; problem: unknown; full: boolean }>({ key: '', records: undefined, problem: undefined, full: false });
	const [round, ask] = useState(0);
	const key = JSON.stringify([show, subject, type]);
	const timer = useRef<ReturnType<typeof setTimeout>>(undefined);
	useEffect(() => {
		let stop = false;
		Promise.all(paths(show, subject, type).map(async (path) => parseLines(await readText(path)))).then(
			(lists) => !stop && set({ key, records: merge(lists), problem: undefined, full: lists.some((l) => l.length >= NEWEST) }),
			(problem) => !stop && set((old) => ({ key, records: old.key === key ? old.records : undefined, problem, full: false })),
		);
		return () => {
			stop = true;
		};
	}, [key, round]);
	useEffect(() => () => clearTimeout(timer.current), []);
	// A burst of events is one asking, a second later.
	useTouches(() => {
		if (timer.current) return;
		timer.current = setTimeout(() => {
			timer.current = undefined;
			ask((n) => n + 1);
		}, 1_000);
	}, []);
	const mine = state.key === key;
	return { records: mine ? state.records : undefined, problem: mine ? state.problem : undefined, full: mine && state.full, retry: () => ask((n) => n + 1) };
}

// The journal's own bytes, in pieces.
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
