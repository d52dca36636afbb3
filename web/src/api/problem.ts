// What went wrong with a request, in the API's own words (application/problem+json).
export class Problem extends Error {
	constructor(
		readonly status: number, // 0: no answer came
		readonly code: string,
		readonly title: string,
		readonly detail: string,
	) {
		super(detail || title);
	}
}

export async function problemOf(response: Response): Promise<Problem> {
	const fallback = `The server answered ${response.status} ${response.statusText}`.trim() + '.';
	try {
		const body = (await response.json()) as { code?: string; title?: string; error?: string; detail?: string };
		return new Problem(response.status, body.code ?? '', body.title ?? body.error ?? fallback, body.detail ?? '');
	} catch {
		return new Problem(response.status, '', fallback, '');
	}
}

export function noAnswer(): Problem {
	return new Problem(0, 'unavailable', 'No answer', 'Penstock cannot be reached from here: is the daemon running, and the network up?');
}

// For a person, with what to do next when the API's own text does not say it.
export function problemText(problem: unknown): string {
	if (!(problem instanceof Problem)) return problem instanceof Error ? problem.message : String(problem);
	if (problem.status === 429) return `${problem.message} Too many requests: wait a few seconds.`;
	return problem.message;
}
