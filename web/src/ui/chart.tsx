// Curves over time by uPlot, in the theme's colors. Import this from pages only, so that the first view does not carry it.
import { useEffect, useRef } from 'preact/hooks';
import uPlot from 'uplot';
import { clock } from './format';

export interface Series {
	label: string;
	color: string; // a name of styles/tokens.css: "--run-solid"
	dash?: number[]; // also without color one curve must be told from another
	width?: number;
	fill?: string;
}
export interface Band {
	upper: number; // indices of series, from 1
	lower: number;
	fill: string;
}
export interface ChartProps {
	label: string; // what is drawn, for who does not see it
	at: number[]; // microseconds since 1970
	values: (number | null)[][]; // one list for each series
	series: Series[];
	bands?: Band[];
	height?: number;
	unit: (value: number) => string;
	from?: number;
	to?: number;
	sync?: string; // charts with the same word share the cursor
}

// light-dark() is resolved by the browser only in a property of an element: so it is asked of one.
function resolved(name: string, probe: HTMLElement): string {
	probe.style.color = name.startsWith('--') ? `var(${name})` : name;
	return getComputedStyle(probe).color;
}

export function Chart(props: ChartProps) {
	const box = useRef<HTMLDivElement>(null);
	const plot = useRef<uPlot | undefined>(undefined);
	const latest = useRef(props);
	latest.current = props;
	const height = props.height ?? 180;
	const shape = JSON.stringify([props.series, props.bands, height, props.sync]);
	const data = (): uPlot.AlignedData => [props.at.map((t) => t / 1e6), ...props.values] as uPlot.AlignedData;
	useEffect(() => {
		const element = box.current;
		if (!element) return;
		const draw = () => {
			plot.current?.destroy();
			const probe = document.createElement('span');
			element.append(probe);
			const text = resolved('--text-3', probe);
			const line = resolved('--line', probe);
			const axis = { stroke: text, grid: { stroke: line, width: 1 }, ticks: { show: false }, font: '11px sans-serif' };
			const options: uPlot.Options = {
				width: element.clientWidth || 300, height, legend: { show: false }, cursor: { points: { size: 6 }, y: false, ...(props.sync ? { sync: { key: props.sync } } : {}) },
				scales: { x: { time: true, range: (_u, min, max) => [(latest.current.from ?? min * 1e6) / 1e6, (latest.current.to ?? max * 1e6) / 1e6] }, y: { range: (_u, min, max) => [Math.min(0, min ?? 0), Math.max(max ?? 0, 1e-9) * 1.1] } },
				axes: [{ ...axis, values: (_u, at) => at.map((t) => clock(t * 1e6)) }, { ...axis, size: 62, values: (_u, at) => at.map((v) => latest.current.unit(v)) }],
				series: [{}, ...props.series.map((s) => ({ label: s.label, stroke: resolved(s.color, probe), width: s.width ?? 1.75, ...(s.dash ? { dash: s.dash } : {}), ...(s.fill ? { fill: resolved(s.fill, probe) } : {}), points: { show: false } }))],
				...(props.bands ? { bands: props.bands.map((b) => ({ series: [b.upper, b.lower] as [number, number], fill: resolved(b.fill, probe) })) } : {}),
			};
			probe.remove();
			plot.current = new uPlot(options, data(), element);
		};
		draw();
		const size = new ResizeObserver(() => plot.current?.setSize({ width: element.clientWidth, height }));
		size.observe(element);
		// Colors are drawn, not styled: another theme is another drawing.
		const theme = new MutationObserver(draw);
		theme.observe(document.documentElement, { attributes: true, attributeFilter: ['data-theme'] });
		const system = matchMedia('(prefers-color-scheme: dark)');
		system.addEventListener('change', draw);
		return () => {
			size.disconnect();
			theme.disconnect();
			system.removeEventListener('change', draw);
			plot.current?.destroy();
			plot.current = undefined;
		};
	}, [shape]);
	useEffect(() => plot.current?.setData(data()), [props.at, props.values, props.from, props.to]);
	return (
		<figure class="chart">
			<figcaption class="chart-legend">
				{props.series.map((s) => (
					<span key={s.label}>
						<svg width="18" height="8" aria-hidden="true"><path d="M0 4h18" stroke={`var(${s.color})`} stroke-width="2" stroke-dasharray={s.dash?.join(' ')} /></svg>
						{s.label}
					</span>
				))}
			</figcaption>
			<div ref={box} role="img" aria-label={props.label} />
		</figure>
	);
}
