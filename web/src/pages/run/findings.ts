// What several jobs found alike (the jobs of a matrix) is one finding. Pure.
import type { Annotation } from '../../api/types';

export interface Found {
	annotation: Annotation;
	jobs: string[];
}
const rank = { error: 0, warning: 1, notice: 2 };

// By file, in the order in which a file has its worst.
export function byFile(list: { job?: string; annotation: Annotation }[]): Map<string, Found[]> {
	const files = new Map<string, Found[]>();
	const known = new Map<string, Found>();
	for (const { job, annotation: a } of [...list].sort((x, y) => rank[x.annotation.level ?? 'notice'] - rank[y.annotation.level ?? 'notice'])) {
		const key = JSON.stringify([a.path, a.line, a.column, a.level, a.source, a.rule, a.message]);
		const before = known.get(key);
		if (before) {
			if (job && !before.jobs.includes(job)) before.jobs.push(job);
			continue;
		}
		const found = { annotation: a, jobs: job ? [job] : [] };
		known.set(key, found);
		const path = a.path ?? 'of no file';
		files.set(path, [...(files.get(path) ?? []), found]);
	}
	return files;
}
