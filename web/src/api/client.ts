// Requests to the API. Reads send the ETag they have; writes carry the session's CSRF value and an idempotency key, so that one that is
// sent again after a lost answer is done once.
import { takeAhead } from './ahead';
import { noAnswer, Problem, problemOf } from './problem';
import type { Me } from './types';

export const BASE = '/api/v1';
const PATIENCE = 30_000; // ms; a longer silence is an answer, too

let csrf: string | undefined;
export function rememberCsrf(me: Me | undefined): void {
	csrf = me?.csrf;
}

// Set by the application: who is not known is sent to /login.
let onStranger: () => void = () => {};
export function whenStranger(fn: () => void): void {
	onStranger = fn;
}

export interface Answer<T> {
	data: T | undefined; // undefined: not modified since `etag`
	etag: string | undefined;
}

// Requests that wait for their answer longer than anybody is used to: since when the first of them does.
const SLOW = 3_000; // ms
const slow = new Map<object, number>();
const slowWatchers = new Set<() => void>();
export function slowSince(): number | undefined {
	return slow.size ? Math.min(...slow.values()) : undefined;
}
export function onSlow(fn: () => void): () => void {
	slowWatchers.add(fn);
	return () => void slowWatchers.delete(fn);
}
function setSlow(request: object, since: number | undefined): void {
	if (since !== undefined) slow.set(request, since);
	else if (!slow.delete(request)) return;
	for (const fn of slowWatchers) fn();
}

async function send(path: string, init: RequestInit): Promise<Response> {
	const patience = new AbortController();
	const since = Date.now();
	const timer = setTimeout(() => patience.abort(), PATIENCE);
	const late = setTimeout(() => setSlow(patience, since), SLOW);
	let response: Response;
	try {
		response = await fetch(BASE + path, { credentials: 'same-origin', cache: 'no-store', signal: patience.signal, ...init });
	} catch {
		throw noAnswer();
	} finally {
		clearTimeout(timer);
		clearTimeout(late);
		setSlow(patience, undefined);
	}
	if (response.status === 401) onStranger();
	if (!response.ok && response.status !== 304) throw await problemOf(response);
	return response;
}

export async function read<T>(path: string, etag?: string): Promise<Answer<T>> {
	const headers: Record<string, string> = { Accept: 'application/json' };
	if (etag) headers['If-None-Match'] = etag;
	const response = (etag ? undefined : await takeAhead(path)) ?? (await send(path, { headers }));
	if (response.status === 304) return { data: undefined, etag };
	try {
		return { data: (await response.json()) as T, etag: response.headers.get('ETag') ?? undefined };
	} catch {
		throw new Problem(response.status, 'corrupt', 'Not readable', 'The answer was cut off or is no JSON. It is asked for again.');
	}
}

export async function readText(path: string): Promise<string> {
	return (await send(path, {})).text();
}

export async function write<T = { ok: boolean; seq?: number }>(method: 'POST' | 'DELETE' | 'PUT' | 'PATCH', path: string, body?: unknown): Promise<T> {
	const headers: Record<string, string> = { Accept: 'application/json', 'Idempotency-Key': crypto.randomUUID?.() ?? `${Date.now()}-${Math.random()}` };
	if (csrf) headers['Penstock-Csrf'] = csrf;
	if (body !== undefined) headers['Content-Type'] = 'application/json';
	const init: RequestInit = { method, headers };
	if (body !== undefined) init.body = JSON.stringify(body);
	let response: Response;
	try {
		response = await send(path, init);
	} catch (problem) {
		// No answer is not a no: the same key makes the second try safe.
		if (!(problem instanceof Problem) || problem.status !== 0) throw problem;
		response = await send(path, init);
	}
	return (await response.json().catch(() => ({}))) as T;
}

// Ids of jobs hold slashes, which are path separators to the API as well; everything else is escaped.
export function idPath(id: string): string {
	return id.split('/').map(encodeURIComponent).join('/');
}
