// A chart by days. uPlot is only here, so that it is fetched only with a page that has charts.
import { useEffect, useRef, useState } from 'preact/hooks';
import uPlot from 'uplot';
import { duration } from '../../ui/format';
import { DAY, dayText, type Series } from './model';

// What a custom property of the style is, as a color that a canvas understands.
function colorOf(name: string, within: Element): string {
	const probe = document.createElement('span');
	probe.style.color = `var(--${name})`;
	within.append(probe);
	const color = getComputedStyle(probe).color;
	probe.remove();
	return color;
}
const solid = { accent: 'accent-solid', idle: 'idle-solid', bad: 'bad-solid', wait: 'wait-solid', ok: 'ok-solid', kept: 'kept-solid' } as const;

// Steps of an axis of times that people can say, in usec.
const TIMES = [1, 2, 5, 10, 20, 50, 100, 200, 500].map((ms) => ms * 1e3).concat([1, 2, 5, 10, 15, 30, 60, 120, 300, 600, 900, 1800, 3600, 7200, 10800, 21600, 43200, 86400, 172800, 604800].map((s) => s * 1e6));

function useTheme(): number {
	const [n, set] = useState(0);
	useEffect(() => {
		const changed = () => set((x) => x + 1);
		const watch = new MutationObserver(changed);
		watch.observe(document.documentElement, { attributeFilter: ['data-theme'] });
		const media = matchMedia('(prefers-color-scheme: dark)');
		media.addEventListener('change', changed);
		return () => {
			watch.disconnect();
			media.removeEventListener('change', changed);
		};
	}, []);
	return n;
}

export interface ChartProps {
	days: number[]; // usec, 00:00 UTC
	series: Series[];
	format: (v: number) => string;
	label: string;
	height: number;
	chosen?: number | undefined; // a day
	onPick?: (day: number) => void;
	onPoint?: (day: number | undefined) => void;
}

export default function Chart({ days, series, format, label, height, chosen, onPick, onPoint }: ChartProps) {
	const box = useRef<HTMLDivElement>(null);
	const plot = useRef<uPlot>(undefined);
	const theme = useTheme();
	const latest = useRef({ onPick, onPoint, chosen });
	latest.current = { onPick, onPoint, chosen };
	const key = JSON.stringify([days, series]);
	useEffect(() => {
		const root = box.current;
		if (!root) return;
		const text = colorOf('text-3', root);
		const line = colorOf('line', root);
		const accent = colorOf('accent-soft', root);
		const font = `11px ${getComputedStyle(root).fontFamily}`;
		const bars = uPlot.paths.bars?.({ size: [0.7, 34, 1], radius: 0.12 });
		const whole = series.every((s) => s.kind === 'bars');
		const options: uPlot.Options = {
			width: root.clientWidth || 600, height, legend: { show: false }, padding: [8, 8, 0, 0],
			tzDate: (ts) => uPlot.tzDate(new Date(ts * 1000), 'Etc/UTC'),
			cursor: { y: false, drag: { x: false, y: false }, points: { size: 8 } },
			scales: {
				x: { time: true, range: (_, min, max) => [min - DAY / 2e6, max + DAY / 2e6] },
				y: { range: (_, __, max) => [0, max > 0 ? max * 1.08 : 1] },
			},
			axes: [
				{ stroke: text, font, size: 26, gap: 3, grid: { show: false }, ticks: { stroke: line, size: 4 }, space: 62, values: (_, at) => at.map((t) => (t % 86400 ? '' : dayText(t * 1e6).replace(/^\S+ /, ''))) },
				{ stroke: text, font, size: 62, space: 34, grid: { stroke: line, width: 1 }, ticks: { show: false }, ...(format === duration ? { incrs: TIMES } : {}), values: (_, at) => at.map((v) => (whole && v % 1 ? '' : format(v))) },
			],
			series: [
				{},
				...series.map((s): uPlot.Series => {
					const color = colorOf(solid[s.tone], root);
					return s.kind === 'bars'
						? { label: s.label, fill: color, stroke: color, width: 0, points: { show: false }, ...(bars ? { paths: bars } : {}) }
						: { label: s.label, stroke: color, width: s.tone === 'idle' ? 1 : 2, spanGaps: true, points: { show: true, size: s.tone === 'idle' ? 4 : 7, fill: color }, ...(s.tone === 'idle' ? { dash: [4, 4] } : {}) };
				}),
			],
			hooks: {
				setCursor: [(u) => latest.current.onPoint?.(u.cursor.idx === null || u.cursor.idx === undefined ? undefined : days[u.cursor.idx])],
				drawClear: [(u) => {
					const at = latest.current.chosen;
					if (at === undefined) return;
					const left = u.valToPos(at / 1e6 - DAY / 2e6, 'x', true);
					const right = u.valToPos(at / 1e6 + DAY / 2e6, 'x', true);
					u.ctx.fillStyle = accent;
					u.ctx.fillRect(left, u.bbox.top, right - left, u.bbox.height);
				}],
			},
		};
		const chart = new uPlot(options, [days.map((d) => d / 1e6), ...series.map((s) => s.values)], root);
		plot.current = chart;
		chart.over.addEventListener('click', () => {
			const at = chart.cursor.idx;
			const day = at === null || at === undefined ? undefined : days[at];
			if (day !== undefined) latest.current.onPick?.(day);
		});
		const watch = new ResizeObserver(() => {
			if (root.clientWidth) chart.setSize({ width: root.clientWidth, height });
		});
		watch.observe(root);
		return () => {
			watch.disconnect();
			chart.destroy();
			plot.current = undefined;
		};
	}, [key, theme, height]);
	// Paths and scales stay; before its first drawing a chart has none.
	useEffect(() => plot.current?.redraw(false, false), [chosen]);
	return <div ref={box} class={onPick ? 'chart chart-picks' : 'chart'} role="img" aria-label={label} />;
}
