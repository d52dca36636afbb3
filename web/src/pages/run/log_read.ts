// Reads a log as it is written, and goes on after a lost connection.
import { BASE, idPath } from '../../api/client';
import { Problem, problemOf } from '../../api/problem';
import { LineParser, type LogStore } from './log_store';

export interface Reading {
	problem?: Problem;
	done: boolean; // nothing more will come
	waiting?: boolean; // the job has no log yet
}

export function readLog(job: string, store: LogStore, changed: (reading: Reading) => void): () => void {
	const stop = new AbortController();
	let timer: ReturnType<typeof setTimeout> | undefined;
	let tries = 0;
	const again = (reading: Reading) => {
		changed(reading);
		timer = setTimeout(() => void once(), Math.min(10_000, 500 * 2 ** tries++));
	};
	const once = async () => {
		try {
			const response = await fetch(`${BASE}/jobs/${idPath(job)}/log?format=json&follow=1`, { credentials: 'same-origin', signal: stop.signal, cache: 'no-store' });
			if (!response.ok || !response.body) {
				const problem = await problemOf(response);
				// Not yet, or never: the page asks again when the job changes.
				if (response.status === 404) changed({ done: true, waiting: true, problem });
				else again({ done: false, problem });
				return;
			}
			const body = response.body.getReader();
			const decoder = new TextDecoder();
			const parser = new LineParser((line) => store.add(line));
			for (;;) {
				const { done, value } = await body.read();
				if (done) break;
				tries = 0;
				parser.feed(decoder.decode(value, { stream: true }));
				changed({ done: false });
				if (store.full) {
					stop.abort();
					break;
				}
			}
			changed({ done: true });
		} catch {
			if (stop.signal.aborted) {
				if (store.full) changed({ done: true });
				return;
			}
			again({ done: false, problem: new Problem(0, 'unavailable', 'The connection to the log was lost', 'It is tried again.') });
		}
	};
	void once();
	return () => {
		stop.abort();
		clearTimeout(timer);
	};
}
