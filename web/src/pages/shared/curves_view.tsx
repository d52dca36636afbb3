// The curves of a rollout: errors, their difference with its interval and margin, and slow requests.
import { useMemo, useState } from 'preact/hooks';
import type { Curves } from '../../api/deliver';
import type { Rollout } from '../../api/types';
import { percent, SEC } from '../../ui/format';
import { Segments } from '../../ui/tabs';
import { lastDifference, marksOf, points, rolling, rolloutIsOver, shadesOf, SMOOTH, weighted } from '../rollout/model';
import type { ChartData } from './chart';
import { ChartView } from './chart_view';

type Quantile = 'p50' | 'p95' | 'p99';
const lastOf = (values: (number | null)[]): number | null => values.filter((v) => v !== null).at(-1) ?? null;
const share = (v: number | null) => (v === null ? 'no requests' : percent(v, 2));

export function CurvesView({ rollout, curves, brief }: { rollout: Rollout; curves: Curves; brief?: boolean }) {
	const [quantile, setQuantile] = useState<Quantile>((['p50', 'p95', 'p99'] as const).find((q) => q === rollout.numbers?.metric) ?? 'p95');
	const made = useMemo(() => {
		const x = curves.t.map((t) => t / SEC);
		const base = { x, shades: shadesOf(curves), marks: marksOf(curves, rollout) };
		const errors = [rolling(curves.canary.errors, curves.canary.n, SMOOTH), rolling(curves.stable.errors, curves.stable.n, SMOOTH)] as const;
		const over = `over_${quantile}` as const;
		const slow = [rolling(weighted(curves.canary[over], curves.canary.n), curves.canary.n, SMOOTH), rolling(weighted(curves.stable[over], curves.stable.n), curves.stable.n, SMOOTH)] as const;
		const both = (pair: readonly [ChartData['lines'][0]['values'], ChartData['lines'][0]['values']]): ChartData['lines'] => [
			{ label: 'new', color: '--accent', values: pair[0], width: 2 },
			{ label: 'old', color: '--idle-solid', values: pair[1] },
		];
		const guard = rollout.strategy?.guard_error_rate;
		// The fixed limit is drawn when the curves come near it; else it would flatten them.
		const highest = Math.max(0, ...errors.flatMap((l) => l.map((v) => v ?? 0)));
		const near = guard !== undefined && guard > 0 && highest > guard * 0.4;
		const format = (v: number) => percent(v, v !== 0 && Math.abs(v) < 0.1 ? 1 : 0);
		const d = lastDifference(curves);
		const margin = d?.margin ?? 0.05;
		// The first requests know nothing: their interval is far wider than what matters, and would flatten the rest. It is cut off at what the
		// estimates and the last interval need.
		const reach = Math.max(margin * 4, ...(d ? [Math.abs(d.low) * 1.1, Math.abs(d.high) * 1.1] : []), ...curves.difference.estimate.slice(-30).map((v) => Math.abs(v ?? 0) * 1.1));
		const cut = (values: (number | null)[]) => ({ values: values.map((v) => (v === null ? null : Math.max(-reach, Math.min(reach, v)))), exact: values });
		const errorLines: ChartData = { ...base, lines: [...both(errors), ...(near && guard ? [{ label: 'fixed limit', color: '--bad', values: x.map(() => guard), width: 1.25, dash: [4, 4] }] : [])], min: 0, max: 0.02, format };
		const difference: ChartData = {
			...base,
			lines: [
				{ label: 'new less old', color: '--accent', ...cut(curves.difference.estimate), width: 2 },
				{ label: 'low', color: '--accent', ...cut(curves.difference.low), hidden: true },
				{ label: 'high', color: '--accent', ...cut(curves.difference.high), hidden: true },
				{ label: 'allowed', color: '--wait-solid', values: curves.difference.margin, width: 1.25, dash: [4, 4] },
			],
			band: { low: 1, high: 2, color: '--accent' }, min: -margin, max: margin * 1.6, format: (v) => points(v, 1),
		};
		const slowLines: ChartData = { ...base, lines: both(slow), min: 0, max: quantile === 'p50' ? 1 : 0.1, format };
		return { errors, slow, errorLines, difference, slowLines };
	}, [curves, rollout.verdict_at, rollout.strategy, quantile]);
	const window = `mean of ${SMOOTH * curves.seconds} s`;
	const last = lastDifference(curves);
	const live = !rolloutIsOver(rollout) && rollout.state !== 'aborting';
	const group = `curves-${rollout.id}`;
	return (
		<div class="plots">
			<ChartView
				title="Errors" note={`share answered 5xx or not at all, ${window}${rollout.strategy?.guard_error_rate ? `; never above ${percent(rollout.strategy.guard_error_rate, 0)}` : ''}`} group={group} live={live} data={made.errorLines} height={brief ? 150 : 180}
				said={`Error rate over time. Lately: new version ${share(lastOf(made.errors[0]))}, old version ${share(lastOf(made.errors[1]))}.`}
			/>
			{!brief && (
				<ChartView
					title="Difference in errors" note="percentage points, over the step so far" group={group} live={live} data={made.difference} height={150}
					said={last ? `Error rate of the new version less that of the old one: ${points(last.estimate)} points, 95 % interval ${points(last.low)} to ${points(last.high)}, allowed ${points(last.margin)}.` : 'No difference known yet.'}
				/>
			)}
			<ChartView
				title={`Slow requests (${quantile})`} note={`share above the old version's ${quantile}, for the new one times its margin; ${window}`} group={group} live={live} data={made.slowLines} height={brief ? 150 : 180}
				said={`Share of slow requests over time. Lately: new version ${share(lastOf(made.slow[0]))}, old version ${share(lastOf(made.slow[1]))}.`}
			/>
			<div class="plot-tools"><Segments label="Latency quantile" value={quantile} onChange={setQuantile} options={[{ value: 'p50', label: 'p50' }, { value: 'p95', label: 'p95' }, { value: 'p99', label: 'p99' }]} /></div>
		</div>
	);
}
