// What a rollout page says, out of the rollout and its curves. Pure.
import { QUANTILES, type Column, type Curves, type DifferenceColumns, type Quantile } from '../../api/deliver';
import type { Rollout } from '../../api/types';
import type { ChartMark, ChartShade } from '../shared/chart';
import { count, duration, percent, plural, SEC } from '../../ui/format';

const over = new Set(['done', 'aborted']);
export const rolloutIsOver = (r: Rollout): boolean => over.has(r.state);

// Requests come unevenly: a point alone says little, so a rate is that of the `window` points up to it. Null: no request in them.
export function rolling(part: Column, whole: Column, window: number): Column {
	const out: Column = [];
	let p = 0;
	let w = 0;
	for (let i = 0; i < whole.length; i++) {
		p += part[i] ?? 0;
		w += whole[i] ?? 0;
		if (i >= window) {
			p -= part[i - window] ?? 0;
			w -= whole[i - window] ?? 0;
		}
		out.push(w > 0 ? Math.max(0, p) / w : null);
	}
	return out;
}
// Shares back to counts, so that they can be summed.
export const weighted = (share: Column, n: Column): Column => share.map((s, i) => (s === null || s === undefined ? null : s * (n[i] ?? 0)));

export const SMOOTH = 10; // points

export function shadesOf(c: Curves): ChartShade[] {
	const shades: ChartShade[] = [];
	for (let i = 0; i < c.t.length; i++) {
		const weight = c.weight[i] ?? 0;
		const from = (c.t[i] as number) / SEC;
		const last = shades[shades.length - 1];
		if (last && last.depth === weight) last.to = from + c.seconds;
		else {
			if (last) last.to = from;
			shades.push({ from, to: from + c.seconds, depth: weight, label: share(weight) });
		}
	}
	return shades;
}
export const share = (v: number): string => `${Number((v * 100).toFixed(v < 0.01 && v > 0 ? 2 : 1))} %`;

export function marksOf(c: Curves, r: Rollout): ChartMark[] {
	const marks: ChartMark[] = [];
	const last = c.verdict.answer.lastIndexOf('fail');
	if (last >= 0 && r.verdict_at) marks.push({ at: r.verdict_at / SEC, color: '--bad', label: 'taken back' });
	return marks;
}

const metricWords: Record<string, string> = { errors: 'error rate', p50: 'median latency (p50)', p95: 'p95 latency', p99: 'p99 latency', guard: 'error rate against the fixed limit' };
export const metricWord = (metric: string | undefined): string => metricWords[metric ?? ''] ?? metric ?? 'measure';
const laneWords: Record<string, string> = { fast: 'in windows of 1 s', hard: 'as total failure, in windows of 1 s', robust: 'in windows long enough to be robust', guard: 'against the fixed limit', promote: 'over the step' };

// Canary requests a second, of the last points with time in them.
export function canaryRate(c: Curves | undefined): number {
	if (!c?.t.length) return 0;
	const tail = c.canary.n.slice(-SMOOTH);
	return tail.reduce<number>((n, v) => n + (v ?? 0), 0) / (tail.length * (c.seconds || 1));
}

// UINT64_MAX stands for "cannot be told"; as a double it is far above any real count.
const COUNTLESS = 1e15;

export interface Words {
	tone: 'ok' | 'bad' | 'run' | 'wait' | 'idle';
	title: string;
	text: string;
}
const RAISED = '\u2070\u00b9\u00b2\u00b3\u2074\u2075\u2076\u2077\u2078\u2079';
const e = (v: number): string => {
	if (v >= 1e6) return v.toExponential(1).replace(/e\+(\d+)/, (_, power: string) => `\u00d710${[...power].map((d) => RAISED[Number(d)]).join('')}`);
	return v >= 1000 ? count(Math.round(v)) : String(Number(v.toPrecision(3)));
};

export function verdictWords(r: Rollout, c: Curves | undefined): Words {
	const n = r.numbers;
	if (r.is_return) return { tone: 'idle', title: 'Not judged', text: 'It brings back a version that ran here before: that is done at once, without analysis.' };
	if (r.state === 'holding') return { tone: 'wait', title: 'On hold', text: r.reason ?? 'Somebody holds it. Traffic stays as it is until the hold is lifted or over; harm is still acted on.' };
	if (r.state === 'aborting' || r.state === 'aborted') {
		if (n?.answer === 'fail')
			return { tone: 'bad', title: `Harm found in the ${metricWord(n.metric)}`, text: `Evidence ${e(n.evidence ?? 0)} where ${e(n.wanted ?? 0)} is enough, ${laneWords[n.lane ?? ''] ?? ''}; ${requests(n.canary_errors ?? 0, n.canary_n ?? 0)} of the new version failed, ${requests(n.stable_errors ?? 0, n.stable_n ?? 0)} of the old one.` };
		return { tone: 'bad', title: 'Taken back', text: r.reason ?? 'It was taken back before the verdict.' };
	}
	if (!n?.answer) {
		if (r.strategy?.kind !== 'canary') return { tone: 'idle', title: 'Not judged', text: 'A rolling rollout waits for ready replicas only; a canary in penstock.yml would be compared with the old version.' };
		if (!r.previous) return { tone: 'idle', title: 'Nothing to compare with', text: 'It is the first version here.' };
		if (r.confirmed) return { tone: 'wait', title: 'No request yet', text: `${percent(r.confirmed)} of the traffic is on the new version, and nobody has called the service since. No traffic is no evidence: send some, or promote it by hand.` };
		return { tone: 'idle', title: 'Not begun', text: 'The analysis begins with the first confirmed traffic.' };
	}
	// Done without the proof of its last step: somebody sent it on, and that is not the same as passed.
	if (r.state === 'done' && n.answer !== 'pass' && c?.decisions.some((d) => d.text.startsWith('promoted '))) return { tone: 'idle', title: 'Promoted by hand', text: `The last step was not proven: ${metricWord(n.metric)}, evidence ${e(n.evidence ?? 0)} of ${e(n.wanted ?? 0)} wanted, after ${plural(n.canary_n ?? 0, 'request')} of the new version in ${plural(n.seconds ?? 0, 'second')}.` };
	if (n.answer === 'pass' || r.state === 'done') return { tone: 'ok', title: r.state === 'done' ? 'Passed every step' : 'This step passed', text: `Last: ${metricWord(n.metric)}, evidence ${e(n.evidence ?? 0)} of ${e(n.wanted ?? 0)} wanted, after ${plural(n.canary_n ?? 0, 'request')} of the new version in ${plural(n.seconds ?? 0, 'second')}.` };
	const need = n.need ?? 0;
	const head = `Slowest to prove: the ${metricWord(n.metric)}, evidence ${e(n.evidence ?? 0)} of ${e(n.wanted ?? 0)} wanted.`;
	if (need > COUNTLESS) return { tone: 'wait', title: 'No end in sight', text: `${head} As it goes now the new version looks too close to the allowed limit to ever prove itself: ${r.strategy?.max ? `after ${duration(r.strategy.max)} it is taken back` : 'decide by hand'}.` };
	if (!need) return { tone: 'run', title: 'Nearly there', text: `${head} No more requests are needed: the least time of the step, or an alarm half way up, is waited for.` };
	const rate = canaryRate(c);
	const eta = rate > 0 ? `, some ${duration((need / rate) * SEC)} at its ${rate < 10 ? rate.toFixed(1) : Math.round(rate)} requests/s` : '; none come now: is there any traffic?';
	return { tone: 'run', title: `About ${plural(need, 'more request')} needed`, text: `${head} So many more requests to the new version until there is evidence${eta}.` };
}
const requests = (bad: number, n: number): string => `${count(bad)} of ${plural(n, 'request')} (${n ? percent(bad / n, 2) : '0 %'})`;

// Evidence grows by factors: half way in its logarithm is half way in requests.
export function evidenceShare(have: number | undefined, want: number | undefined): number {
	if (!have || !want || have <= 1 || want <= 1) return 0;
	return Math.min(1, Math.log(have) / Math.log(want));
}
export const evidenceText = (v: number | undefined): string => e(v ?? 0);

export interface Difference {
	estimate: number;
	low: number;
	high: number;
	margin: number;
}
export function lastDifference(d: DifferenceColumns | undefined): Difference | undefined {
	for (let i = (d?.estimate.length ?? 0) - 1; d && i >= 0; i--) {
		const [estimate, low, high] = [d.estimate[i], d.low[i], d.high[i]];
		if (typeof estimate === 'number' && typeof low === 'number' && typeof high === 'number') return { estimate, low, high, margin: d.margin[i] ?? 0 };
	}
	return undefined;
}
export const lastOf = (values: Column | undefined): number | null => values?.filter((v) => v !== null).at(-1) ?? null;

export const quantileOf = (metric: string | undefined): Quantile | undefined => QUANTILES.find((q) => q === metric);
// The step that the curves stand in, or ended in.
const stepAt = (c: Curves): Curves['steps'][0] | undefined => c.steps[c.step.at(-1) ?? 0];
export const ratioOf = (c: Curves): number | undefined => stepAt(c)?.latency_ratio;
export const times = (ratio: number | undefined): string => (ratio ? `\u00d7 ${Number(ratio.toFixed(2))}` : 'times its margin');

export interface LatencyRow {
	quantile: Quantile;
	old: number | null; // usec
	now: number | null;
	allowed: number | null;
}
export function latencyRows(c: Curves | undefined): LatencyRow[] {
	if (!c?.latency) return [];
	const of = c.latency;
	return QUANTILES.map((quantile) => ({ quantile, old: lastOf(of[quantile].stable), now: lastOf(of[quantile].canary), allowed: lastOf(of[quantile].allowed) })).filter((r) => r.old !== null || r.now !== null);
}
export const latencyText = (usec: number | null): string => (usec === null ? '\u2013' : usec < 1e4 ? `${(usec / 1e3).toFixed(1)} ms` : duration(usec));

// "+0.31 points"
export const points = (v: number, digits = 2): string => `${v > 0 ? '+' : v < 0 ? '\u2212' : ''}${Math.abs(v * 100).toFixed(digits)}`;

export interface StepRow {
	share: number;
	state: string;
	from?: number;
	to?: number;
}
// Each step with when it was: from the first point that stands in it to the first of the next.
export function stepRows(r: Rollout, c: Curves | undefined): StepRow[] {
	const steps: StepRow[] = c?.steps.length ? c.steps.map((s) => ({ ...s })) : (r.strategy?.steps ?? []).map((s) => ({ share: s.share ?? 0, state: 'next' }));
	if (!c) return steps;
	steps.forEach((s, i) => {
		const first = c.step.indexOf(i);
		if (first < 0) return;
		s.from = c.t[first] as number;
		const next = c.step.findIndex((x) => x > i);
		if (next >= 0) s.to = c.t[next] as number;
		else if (s.state !== 'now') {
			const end = r.verdict_at ?? r.ended_at;
			if (end) s.to = end;
		}
	});
	return steps;
}

// Which steps have room for their share in words below the bar: "all" screens, "wide" ones only, "none". The step that it is at always has.
export function labelsOf(steps: number[], here: number | undefined): ('all' | 'wide' | 'none')[] {
	const rooms: ('all' | 'wide' | 'none')[] = steps.map(() => 'none');
	const near = (i: number, room: number, among: string[]) => steps.some((s, j) => j !== i && among.includes(rooms[j] as string) && Math.abs(s - (steps[i] as number)) < room);
	const first = [here, steps.length - 1, ...steps.keys()].filter((i): i is number => i !== undefined && i >= 0 && i < steps.length);
	for (const i of first) if (rooms[i] === 'none' && !near(i, 0.13, ['all'])) rooms[i] = 'all';
	for (const i of first) if (rooms[i] === 'none' && !near(i, 0.045, ['all', 'wide'])) rooms[i] = 'wide';
	return rooms;
}

export interface Can {
	promote: string | undefined; // why not; undefined: it can
	abort: string | undefined;
	rollback: string | undefined;
}
// The daemon's own conditions (core/step_person.c): here they only keep people from pressing what would be refused.
export function canDo(r: Rollout, isLive: boolean): Can {
	const steps = r.strategy?.steps?.length ?? 0;
	const last = (r.step ?? 0) + 1 >= steps;
	return {
		promote: r.state !== 'baking' ? 'Only a rollout that is being watched can be promoted' : last ? 'It is at its last step' : (r.confirmed ?? 0) !== (r.weight ?? 0) ? 'The weight of this step is not confirmed yet' : undefined,
		abort: rolloutIsOver(r) || r.state === 'aborting' ? 'It is over' : undefined,
		rollback: r.state !== 'done' ? 'It is not over: abort it instead' : !isLive ? 'Another version is live there now' : !r.previous ? 'There was no version before it' : undefined,
	};
}
