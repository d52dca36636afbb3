// A chart with its title, its legend that says the value under the pointer, and the same in words for who does not see it.
import { useEffect, useRef, useState } from 'preact/hooks';
import { cx } from '../../ui/basics';
import { clock } from '../../ui/format';
import type { Chart, ChartData, ChartLine } from './chart';

export function ChartView({ title, note, data, group, said, live, height = 180 }: { title: string; note: string; data: ChartData; group: string; said: string; live?: boolean; height?: number }) {
	const box = useRef<HTMLDivElement>(null);
	const chart = useRef<Chart>(undefined);
	const latest = useRef(data);
	const [at, setAt] = useState<number | null>(null);
	const [failed, setFailed] = useState(false);
	latest.current = data;
	useEffect(() => {
		let stop = false;
		import('./chart').then(
			({ makeChart }) => {
				if (!stop && box.current) chart.current = makeChart(box.current, latest.current, height, group, setAt);
			},
			() => setFailed(true),
		);
		return () => {
			stop = true;
			chart.current?.destroy();
			chart.current = undefined;
		};
	}, [group, height]);
	useEffect(() => chart.current?.update(data), [data]);
	const point = at !== null && at < data.x.length ? at : data.x.length - 1;
	const time = data.x[point];
	const shown = (line: ChartLine | undefined) => {
		const v = (line?.exact ?? line?.values)?.[point];
		return v === null || v === undefined ? '\u2013' : data.format(v);
	};
	const band = data.band;
	return (
		<figure class="plot">
			<figcaption>
				<h3>{title}</h3>
				<span class="muted">{note}</span>
				<span class="plot-legend">
					{data.lines.filter((l) => !l.hidden).map((l) => <span key={l.label}><i class={cx('swatch', `swatch${l.color}`, l.dash && 'swatch-dash')} />{l.label} <b class="num">{shown(l)}</b></span>)}
					{band && <span><i class={cx('swatch swatch-band', `swatch${band.color}`)} />95 % interval <b class="num">{shown(data.lines[band.low])} to {shown(data.lines[band.high])}</b></span>}
					<span class="muted num">{at === null && live ? 'now' : time ? clock(time * 1e6) : ''}</span>
				</span>
			</figcaption>
			{failed ? <p class="muted">The chart could not be fetched: load the page again.</p> : <div ref={box} class={cx('plot-box', height === 150 && 'plot-mid')} role="img" aria-label={said} />}
		</figure>
	);
}
