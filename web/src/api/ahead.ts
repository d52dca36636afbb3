// What a page asks for first. It is asked for by early.ts, while the code of the page is still on its way, and read by client.ts. Without imports: it is
// part of the first script.

// The board: what is under way (status), and the newest of each.
export function wayPaths(all: boolean): { status: string; runs: string; releases: string; rollouts: string } {
	const limit = all ? 100 : 40;
	return { status: '/status', runs: `/runs?limit=${limit}`, releases: `/releases?limit=${limit}`, rollouts: `/rollouts?limit=${limit * 3}` };
}

export function pathsAhead(path: string, query: URLSearchParams): string[] {
	if (path === '/login') return []; // nobody is known there
	if (path !== '/' && path !== '/way') return ['/me', '/status'];
	const way = wayPaths(query.get('all') === '1');
	return ['/me', way.status, way.runs, way.releases, way.rollouts];
}

const WHILE = 10_000; // ms after the navigation; later it would be old
const place = globalThis as { penstockAhead?: Map<string, Promise<Response>> };

export function askAhead(base: string, paths: string[]): void {
	place.penstockAhead = new Map(
		paths.map((path) => {
			const answer = fetch(base + path, { credentials: 'same-origin', cache: 'no-store', headers: { Accept: 'application/json' } });
			answer.catch(() => {}); // asked again by who wants it
			return [path, answer];
		}),
	);
}

// An answer that was asked for ahead, once. Undefined: it was not, or it is none to go on with.
export async function takeAhead(path: string): Promise<Response | undefined> {
	const answer = place.penstockAhead?.get(path);
	place.penstockAhead?.delete(path);
	if (!answer || performance.now() > WHILE) return undefined;
	const response = await answer.catch(() => undefined);
	return response?.ok ? response : undefined;
}
// Another person looks now.
export function forgetAhead(): void {
	place.penstockAhead?.clear();
}
export const isAhead = (path: string): boolean => place.penstockAhead?.has(path) ?? false;
