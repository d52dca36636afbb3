// The chart, once its code is here.
import type { FunctionComponent } from 'preact';
import { useEffect, useState } from 'preact/hooks';
import type { ChartProps } from './chart';

let code: FunctionComponent<ChartProps> | undefined;

export function LazyChart(props: ChartProps) {
	const [, render] = useState(0);
	const [failed, setFailed] = useState(false);
	useEffect(() => {
		if (code) return;
		import('./chart').then((module) => {
			code = module.default;
			render((n) => n + 1);
		}, () => setFailed(true));
	}, []);
	const Chart = code;
	if (failed) return <p class="muted">The chart could not be fetched: the table below has the same numbers.</p>;
	if (!Chart) return <div class="chart-wait" style={{ height: `${props.height}px` }} role="status" aria-label="Loading the chart" />;
	return <Chart {...props} />;
}
