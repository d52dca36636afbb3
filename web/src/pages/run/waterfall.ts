// A run's jobs along the time they took. Pure.
import type { Job, Run, Stage } from '../../api/types';

export interface Bar {
	job: Job;
	wait: { from: number; to: number } | null; // from being ready to being started
	run: { from: number; to: number } | null;
	critical: boolean;
}
export interface Group {
	stage: Stage;
	bars: Bar[];
	idle: Job[]; // cached, unaffected, skipped: nothing to draw
	from: number;
	to: number;
	open: boolean;
}

const idleStates = new Set(['cached', 'unaffected', 'skipped']);
const order: Stage[] = ['ci', 'staging', 'gate', 'production'];

// The chain of jobs that decided how long it took: from the one that ended last back through the need that ended last.
export function criticalPath(jobs: Job[], now: number): Set<string> {
	const byId = new Map(jobs.map((j) => [j.id, j]));
	const end = (j: Job) => j.ended_at ?? (j.started_at ? now : 0);
	let at: Job | undefined;
	for (const j of jobs) if (j.started_at && (!at || end(j) > end(at))) at = j;
	const path = new Set<string>();
	while (at && !path.has(at.id)) {
		path.add(at.id);
		let next: Job | undefined;
		for (const id of at.needs ?? []) {
			const need = byId.get(id);
			if (need?.started_at && (!next || end(need) > end(next))) next = need;
		}
		at = next;
	}
	return path;
}

export function groupsOf(run: Run, jobs: Job[], now: number): Group[] {
	const groups: Group[] = [];
	for (const stage of order) {
		const mine = jobs.filter((j) => j.stage === stage);
		if (!mine.length) continue;
		const path = stage === 'ci' && run.critical?.length ? new Set(run.critical) : criticalPath(mine, now);
		// Alone on it says nothing.
		const critical = path.size > 1 || mine.length > 1 ? path : new Set<string>();
		const bars: Bar[] = [];
		const idle: Job[] = [];
		let from = Infinity;
		let to = 0;
		for (const job of mine) {
			if (idleStates.has(job.state)) {
				idle.push(job);
				continue;
			}
			const wait = job.ready_at && (job.started_at ?? (job.state === 'ready' ? now : 0)) > job.ready_at ? { from: job.ready_at, to: job.started_at ?? now } : null;
			const ran = job.started_at ? { from: job.started_at, to: Math.max(job.ended_at ?? now, job.started_at) } : null;
			bars.push({ job, wait, run: ran, critical: critical.has(job.id) });
			for (const span of [wait, ran]) {
				if (!span) continue;
				from = Math.min(from, span.from);
				to = Math.max(to, span.to);
			}
		}
		if (stage === 'ci' && run.created_at) from = Math.min(from, run.created_at);
		const open = mine.some((j) => j.started_at && !j.ended_at);
		bars.sort((a, b) => (a.run?.from ?? a.wait?.from ?? Infinity) - (b.run?.from ?? b.wait?.from ?? Infinity) || (a.job.id < b.job.id ? -1 : 1));
		groups.push({ stage, bars, idle, from: from === Infinity ? now : from, to: to || now, open });
	}
	return groups;
}

// Ticks of an axis at round numbers: about `n` of them, in microseconds from 0.
export function ticks(span: number, n = 6): number[] {
	const steps = [0.1, 0.2, 0.5, 1, 2, 5, 10, 15, 30, 60, 120, 300, 600, 900, 1800, 3600, 7200, 21600, 43200, 86400].map((s) => s * 1e6);
	const step = steps.find((s) => span / s <= n) ?? Math.ceil(span / n / 86400e6) * 86400e6;
	const out: number[] = [];
	// None at the very end: its text would not fit.
	for (let t = step; t < span * 0.97; t += step) out.push(t);
	return out;
}
