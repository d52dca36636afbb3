// What the history of one test says, out of GET /tests/history. Pure.
import type { Job, TestOutcome } from '../../api/types';
import { duration, exact, plural, shortDigest, shortRef } from '../../ui/format';

// Shards share a definition, and a test wanders between them; a row of a matrix is a job of its own.
export function historyPath(job: Pick<Job, 'unit' | 'name' | 'stage'> & { def?: string; shards?: number }, test: string): string {
	const query = new URLSearchParams({ job: job.shards && job.def ? job.def : job.name, test });
	if (job.unit) query.set('unit', job.unit);
	if (job.stage && job.stage !== 'ci') query.set('stage', job.stage);
	return `/tests/history?${query}`;
}

// Tests are often faster than a millisecond.
export function testTook(usec: number | undefined): string {
	if (!usec) return '0 ms';
	return usec < 10_000 ? `${Number((usec / 1000).toPrecision(2))} ms` : duration(usec);
}

export function median(values: number[]): number {
	const sorted = [...values].sort((a, b) => a - b);
	const middle = Math.floor(sorted.length / 2);
	return sorted.length === 0 ? 0 : sorted.length % 2 ? (sorted[middle] as number) : ((sorted[middle - 1] as number) + (sorted[middle] as number)) / 2;
}

export interface HistoryWords {
	text: string;
	tone: 'ok' | 'bad' | 'wait' | 'idle';
	since?: TestOutcome; // the first of the failures in a row that reach to now
	before?: boolean; // it failed already in the oldest one that is known
	trend: string; // of its duration
}

// Newest first, as the API gives them.
export function historyWords(outcomes: TestOutcome[]): HistoryWords {
	const ran = outcomes.filter((o) => o.outcome !== 'skipped');
	const failed = ran.filter((o) => o.outcome === 'failed');
	const took = ran.filter((o) => o.outcome === 'passed' && o.usec).map((o) => o.usec as number);
	const usual = median(took);
	const newest = took[0] ?? 0;
	const slower = took.length >= 5 && usual >= 1000 ? newest / usual : 1;
	const trend = !took.length ? '' : `${took.length > 1 ? 'usually ' : ''}${testTook(usual)}${slower >= 1.5 ? `, last ${testTook(newest)}: ${slower.toFixed(1)} times as long` : slower <= 0.67 ? `, last ${testTook(newest)}: faster` : ''}`;
	if (!ran.length) return { text: outcomes.length ? `Skipped in ${outcomes.length === 1 ? 'the one run' : `all ${plural(outcomes.length, 'run')}`} that recorded it` : 'No run recorded it', tone: 'idle', trend };
	if (!failed.length) return { text: ran.length === 1 ? 'Passed in the one run that recorded it' : `Passed in all of the last ${plural(ran.length, 'run')}`, tone: 'ok', trend };
	let row = 0;
	while (ran[row]?.outcome === 'failed') row++;
	const both = new Set(failed.map((o) => o.commit).filter(Boolean));
	const twice = ran.some((o) => o.outcome === 'passed' && both.has(o.commit));
	const of = `Failed in ${failed.length} of the last ${plural(ran.length, 'run')}${twice ? ', and passed on the same commit' : ''}`;
	if (!row) return { text: of, tone: 'wait', trend };
	const since = ran[row - 1] as TestOutcome;
	return { text: row === ran.length ? (row === 1 ? 'Failed in the one run that recorded it' : `Failed in all of the last ${plural(row, 'run')}`) : `${of}, ${row === 1 ? 'the newest' : `the newest ${row} in a row`}`, tone: 'bad', since, before: row === ran.length, trend };
}

export function markTitle(o: TestOutcome): string {
	return [`${o.run}: ${o.outcome}${o.outcome === 'skipped' ? '' : ` in ${testTook(o.usec)}`}`, o.at ? exact(o.at) : '', [o.ref ? shortRef(o.ref) : '', o.commit ? shortDigest(o.commit) : '', o.subject ?? ''].filter(Boolean).join(' '), o.message ?? ''].filter(Boolean).join('\n');
}

// Heights of the bars of its duration, 0..1 of the longest; newest first as the outcomes are.
export function heights(outcomes: TestOutcome[]): number[] {
	const most = Math.max(1, ...outcomes.map((o) => o.usec ?? 0));
	return outcomes.map((o) => (o.usec ?? 0) / most);
}
