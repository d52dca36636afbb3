// A list that grows by pages: the newest page is kept current, older ones stay as they were read.
import type { ComponentChildren } from 'preact';
import { useState } from 'preact/hooks';
import { read } from '../../api/client';
import { useQuery } from '../../api/hooks';
import { Button, Failure } from '../../ui/basics';
import { count } from '../../ui/format';

export interface Pages<T> {
	rows: T[];
	ready: boolean;
	problem: unknown;
	more: (() => void) | undefined; // reads the next page; undefined: there is none
}
type Answer<T> = { next?: string } & Record<string, T[] | string | undefined>;

export function usePages<T>(path: string | null, member: string, keyOf: (row: T) => string): Pages<T> {
	const { data, problem } = useQuery<Answer<T>>(path);
	const [older, setOlder] = useState<{ path: string; rows: T[]; next: string | undefined }>();
	const [failure, setFailure] = useState<unknown>();
	const tail = older && older.path === path ? older : undefined;
	const first = (data?.[member] as T[] | undefined) ?? [];
	const seen = new Set(first.map(keyOf));
	const next = tail ? tail.next : data?.next;
	const readMore = async () => {
		if (!path || !next) return;
		setFailure(undefined);
		try {
			const answer = (await read<Answer<T>>(`${path}${path.includes('?') ? '&' : '?'}cursor=${encodeURIComponent(next)}`)).data;
			setOlder({ path, rows: [...(tail?.rows ?? []), ...((answer?.[member] as T[] | undefined) ?? [])], next: answer?.next });
		} catch (reason) {
			setFailure(reason);
		}
	};
	return {
		rows: [...first, ...(tail?.rows ?? []).filter((r) => !seen.has(keyOf(r)))], ready: data !== undefined, problem: problem ?? failure,
		more: next ? () => void readMore() : undefined,
	};
}

export function Older({ pages, what }: { pages: Pages<unknown>; what: string }) {
	return (
		<>
			{pages.problem !== undefined && <Failure problem={pages.problem} />}
			{pages.more && <Button kind="quiet" class="center" onClick={pages.more}>Show older {what}</Button>}
		</>
	);
}

// The first of a list that may be long, and what shows the rest.
export function useFew<T>(all: T[], few: number, what: string): { shown: T[]; more: ComponentChildren } {
	const [whole, setWhole] = useState(false);
	if (all.length <= few + 1) return { shown: all, more: null };
	return {
		shown: whole ? all : all.slice(0, few),
		more: <Button small kind="quiet" class="few" aria-expanded={whole} onClick={() => setWhole(!whole)}>{whole ? 'Show fewer' : `Show all ${count(all.length)} ${what}`}</Button>,
	};
}
