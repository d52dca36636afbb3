// The curves of a rollout: errors and latency of both versions; of each, the difference with its interval and what is allowed.
import { useMemo, useState } from 'preact/hooks';
import { QUANTILES, type Column, type Curves, type DifferenceColumns, type Quantile } from '../../api/deliver';
import type { Rollout } from '../../api/types';
import { percent, SEC } from '../../ui/format';
import { Segments } from '../../ui/tabs';
import { lastDifference, lastOf, latencyText, marksOf, points, quantileOf, ratioOf, rolling, rolloutIsOver, shadesOf, SMOOTH, times, weighted } from '../rollout/model';
import type { ChartData } from './chart';
import { ChartView } from './chart_view';

const share = (v: number | null) => (v === null ? 'no requests' : percent(v, 2));
const format = (v: number) => percent(v, v !== 0 && Math.abs(v) < 0.1 ? 1 : 0);

type Base = Pick<ChartData, 'x' | 'shades' | 'marks'>;
const both = (now: Column, old: Column): ChartData['lines'] => [
	{ label: 'new', color: '--accent', values: now, width: 2 },
	{ label: 'old', color: '--idle-solid', values: old },
];

// The first requests know nothing: their interval is far wider than what matters, and would flatten the rest. It is cut off at what the
// estimates and the last interval need.
function differenceData(base: Base, d: DifferenceColumns): ChartData {
	const last = lastDifference(d);
	const margin = last?.margin ?? 0.05;
	const reach = Math.max(margin * 4, 0.01, ...(last ? [Math.abs(last.low) * 1.1, Math.abs(last.high) * 1.1] : []), ...d.estimate.slice(-30).map((v) => Math.abs(v ?? 0) * 1.1));
	const cut = (values: Column) => ({ values: values.map((v) => (v === null ? null : Math.max(-reach, Math.min(reach, v)))), exact: values });
	const least = Math.max(margin, 0.01);
	return {
		...base,
		lines: [
			{ label: 'new less old', color: '--accent', ...cut(d.estimate), width: 2 },
			{ label: 'low', color: '--accent', ...cut(d.low), hidden: true },
			{ label: 'high', color: '--accent', ...cut(d.high), hidden: true },
			{ label: 'allowed', color: '--wait-solid', values: d.margin, width: 1.25, dash: [4, 4] },
		],
		band: { low: 1, high: 2, color: '--accent' }, min: -least, max: least * 1.6, format: (v) => points(v, 1),
	};
}
const saidDifference = (what: string, d: DifferenceColumns): string => {
	const last = lastDifference(d);
	return last ? `${what} of the new version less that of the old one: ${points(last.estimate)} points, 95 % interval ${points(last.low)} to ${points(last.high)}, allowed ${points(last.margin)}.` : 'No difference known yet.';
};

function errorsOf(rollout: Rollout, curves: Curves, base: Base) {
	const now = rolling(curves.canary.errors, curves.canary.n, SMOOTH);
	const old = rolling(curves.stable.errors, curves.stable.n, SMOOTH);
	const guard = rollout.strategy?.guard_error_rate;
	// The fixed limit is drawn when the curves come near it; else it would flatten them.
	const highest = Math.max(0, ...[...now, ...old].map((v) => v ?? 0));
	const near = guard !== undefined && guard > 0 && highest > guard * 0.4;
	const data: ChartData = { ...base, lines: [...both(now, old), ...(near && guard ? [{ label: 'fixed limit', color: '--bad', values: base.x.map(() => guard), width: 1.25, dash: [4, 4] }] : [])], min: 0, max: 0.02, format };
	return { now, old, data, difference: differenceData(base, curves.difference) };
}

function latencyOf(curves: Curves, base: Base, quantile: Quantile) {
	const over = `over_${quantile}` as const;
	const now = rolling(weighted(curves.canary[over], curves.canary.n), curves.canary.n, SMOOTH);
	const old = rolling(weighted(curves.stable[over], curves.stable.n), curves.stable.n, SMOOTH);
	const slow: ChartData = { ...base, lines: both(now, old), min: 0, max: quantile === 'p50' ? 1 : 0.1, format };
	const known = curves.latency?.[quantile];
	const time: ChartData | undefined = known && {
		...base,
		lines: [...both(known.canary, known.stable), { label: 'slow from here on', color: '--wait-solid', values: known.allowed, width: 1.25, dash: [4, 4] }],
		min: 0, max: 1000, format: latencyText,
	};
	const columns = curves.over_difference?.[quantile];
	return { now, old, slow, known, time, columns, difference: columns && differenceData(base, columns) };
}

export function CurvesView({ rollout, curves, brief }: { rollout: Rollout; curves: Curves; brief?: boolean }) {
	const [quantile, setQuantile] = useState<Quantile>(quantileOf(rollout.numbers?.metric) ?? 'p95');
	const base = useMemo(() => ({ x: curves.t.map((t) => t / SEC), shades: shadesOf(curves), marks: marksOf(curves, rollout) }), [curves, rollout.verdict_at]);
	const errors = useMemo(() => errorsOf(rollout, curves, base), [base, rollout.strategy]);
	const latency = useMemo(() => latencyOf(curves, base, quantile), [base, quantile]);
	const window = `mean of ${SMOOTH * curves.seconds} s`;
	const shared = { group: `curves-${rollout.id}`, live: !rolloutIsOver(rollout) && rollout.state !== 'aborting' };
	const threshold = lastOf(latency.known?.allowed);
	const ratio = times(ratioOf(curves));
	return (
		<div class="plots">
			<ChartView
				{...shared} title="Errors" note={`share of requests answered 5xx or not at all, ${window}${rollout.strategy?.guard_error_rate ? `; never above ${percent(rollout.strategy.guard_error_rate, 0)}` : ''}`} data={errors.data} height={brief ? 150 : 180}
				said={`Error rate over time. Lately: new version ${share(lastOf(errors.now))}, old version ${share(lastOf(errors.old))}.`}
			/>
			{!brief && (
				<ChartView
					{...shared} title="Difference in errors" note="percentage points: the new version's error rate less the old one's, over the step so far" data={errors.difference} height={150}
					said={saidDifference('Error rate', curves.difference)}
				/>
			)}
			<div class="plot-tools">
				<h3>Latency</h3>
				<Segments label="Latency quantile" value={quantile} onChange={setQuantile} options={QUANTILES.map((q) => ({ value: q, label: q }))} />
			</div>
			{latency.time && (
				<ChartView
					{...shared} title={`Latency (${quantile})`} note={`new: of this step so far; old: of its last minutes; a request of the new version counts as slow at the old ${quantile} ${ratio}`} data={latency.time} height={brief ? 150 : 180}
					said={`${quantile} latency over time. Lately: new version ${latencyText(lastOf(latency.known?.canary))}, old version ${latencyText(lastOf(latency.known?.stable))}, slow from ${latencyText(threshold)} on.`}
				/>
			)}
			<ChartView
				{...shared} title={`Slow requests (${quantile})`} note={`share of requests slower than the old version's ${quantile} (its last minutes), of the new version than that ${ratio}${threshold ? `, now ${latencyText(threshold)}` : ''}; ${window}`} data={latency.slow} height={brief ? 150 : 180}
				said={`Share of slow requests over time. Lately: new version ${share(lastOf(latency.now))}, old version ${share(lastOf(latency.old))}.`}
			/>
			{!brief && latency.columns && latency.difference && (
				<ChartView
					{...shared} title={`Difference in slow requests (${quantile})`} note={`percentage points: the new version's share less the old one's, over the step so far; 0 is allowed, as the tolerance (${ratio}) is in the threshold`} data={latency.difference} height={150}
					said={saidDifference('Share of slow requests', latency.columns)}
				/>
			)}
		</div>
	);
}
