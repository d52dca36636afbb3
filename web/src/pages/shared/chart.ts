// One line chart over time by uPlot. Fetched when a chart is shown first: the board does without it.
import uPlot from 'uplot';

export interface ChartLine {
	label: string;
	color: string; // a name of tokens.css: "--accent"
	values: (number | null)[];
	exact?: (number | null)[]; // where what is drawn was cut off to fit: what is said
	width?: number;
	dash?: number[];
	hidden?: boolean; // only an edge of a band
}
export interface ChartShade {
	from: number; // seconds since 1970
	to: number;
	depth: number; // 0..1
	label: string;
}
export interface ChartMark {
	at: number; // seconds since 1970
	color: string;
	label: string;
}
export interface ChartData {
	x: number[]; // seconds since 1970
	lines: ChartLine[];
	band?: { low: number; high: number; color: string }; // indexes of lines
	shades: ChartShade[];
	marks: ChartMark[];
	min: number; // the scale shows at least min..max
	max: number;
	format: (value: number) => string;
}
export interface Chart {
	update: (data: ChartData) => void;
	destroy: () => void;
}

// Canvases know no custom properties: each color is asked from an element that has it.
function colors(box: HTMLElement): (name: string, alpha?: number) => string {
	const probe = document.createElement('i');
	probe.hidden = true;
	box.append(probe);
	const found = new Map<string, string>();
	return (name, alpha = 1) => {
		let color = found.get(name);
		if (color === undefined) {
			probe.style.color = `var(${name})`;
			color = getComputedStyle(probe).color;
			found.set(name, color);
		}
		if (alpha === 1) return color;
		const parts = color.match(/[\d.]+/g) ?? ['0', '0', '0'];
		return `rgb(${parts.slice(0, 3).join(' ')} / ${alpha})`;
	};
}

const LABELS = 15; // px above the plot, for the names of the shades

const calm = (n: number) => Math.max(10, Math.round(n));

export function makeChart(box: HTMLElement, first: ChartData, height: number, group: string, onPoint: (index: number | null) => void): Chart {
	let data = first;
	let color = colors(box);
	let plot: uPlot | undefined;

	const drawShades = (u: uPlot) => {
		const { ctx, bbox } = u;
		const ratio = devicePixelRatio || 1;
		ctx.save();
		ctx.font = `${11 * ratio}px ${getComputedStyle(box).fontFamily}`;
		ctx.textBaseline = 'bottom';
		ctx.textAlign = 'left';
		let free = 0; // where the next label may begin
		for (const shade of data.shades) {
			const left = Math.max(u.valToPos(shade.from, 'x', true), bbox.left);
			const right = Math.min(u.valToPos(shade.to, 'x', true), bbox.left + bbox.width);
			if (right <= left) continue;
			ctx.fillStyle = color('--accent-solid', 0.03 + shade.depth * 0.11);
			ctx.fillRect(left, bbox.top, right - left, bbox.height);
			// Above the curves, which no label may hide, nor be hidden by.
			ctx.fillStyle = color('--line-strong');
			ctx.fillRect(left, bbox.top - LABELS * ratio, ratio, LABELS * ratio);
			const wide = ctx.measureText(shade.label).width;
			if (left < free || left + wide + 4 * ratio > bbox.left + bbox.width + 20 * ratio) continue;
			ctx.fillStyle = color('--text-3');
			ctx.fillText(shade.label, left + 4 * ratio, bbox.top - 1 * ratio);
			free = left + wide + 10 * ratio;
		}
		ctx.restore();
	};
	const drawMarks = (u: uPlot) => {
		const { ctx, bbox } = u;
		const ratio = devicePixelRatio || 1;
		ctx.save();
		for (const mark of data.marks) {
			const at = Math.round(u.valToPos(mark.at, 'x', true));
			if (at < bbox.left || at > bbox.left + bbox.width) continue;
			ctx.strokeStyle = color(mark.color);
			ctx.fillStyle = color(mark.color);
			ctx.lineWidth = 1.5 * ratio;
			ctx.beginPath();
			ctx.moveTo(at, bbox.top);
			ctx.lineTo(at, bbox.top + bbox.height);
			ctx.stroke();
			ctx.font = `600 ${11 * ratio}px ${getComputedStyle(box).fontFamily}`;
			ctx.textBaseline = 'bottom';
			const onLeft = at > bbox.left + bbox.width * 0.7;
			ctx.textAlign = onLeft ? 'right' : 'left';
			const x = at + (onLeft ? -5 : 5) * ratio;
			const y = bbox.top + bbox.height - 5 * ratio;
			ctx.strokeStyle = color('--surface');
			ctx.lineWidth = 4 * ratio;
			ctx.lineJoin = 'round';
			ctx.strokeText(mark.label, x, y); // to be read across a curve
			ctx.fillText(mark.label, x, y);
		}
		ctx.restore();
	};
	const table = (): uPlot.AlignedData => [data.x, ...data.lines.map((l) => l.values)] as uPlot.AlignedData;
	const make = () => {
		const axis: uPlot.Axis = { stroke: () => color('--text-3'), font: `11px ${getComputedStyle(box).fontFamily}`, ticks: { show: false }, grid: { stroke: () => color('--line'), width: 1 } };
		plot = new uPlot(
			{
				width: calm(box.clientWidth), height, pxAlign: true, legend: { show: false }, padding: [() => (data.shades.length ? LABELS + 3 : 8), 22, 0, 0],
				cursor: { y: false, points: { size: 6 }, sync: { key: group }, drag: { x: false, y: false } },
				scales: {
					x: { time: true },
					y: { range: (_u, low, high) => { const top = Math.max(data.max, (high ?? 0) * 1.08); const bottom = Math.min(data.min, (low ?? 0) < 0 ? (low ?? 0) * 1.08 : data.min); return [bottom, top]; } },
				},
				axes: [
					{ ...axis, grid: { show: false }, incrs: [...[1, 2, 5, 10, 15, 30], ...[1, 2, 5, 10, 15, 30].map((m) => m * 60), ...[1, 2, 3, 6, 12, 24, 48, 168].map((h) => h * 3600)], size: 28, gap: 8, space: 70, values: (_u, splits, _i, _s, step) => splits.map((s) => new Date(s * 1000).toLocaleTimeString('en-GB', { hour: '2-digit', minute: '2-digit', ...(step < 60 ? { second: '2-digit' } : {}) })) },
					{ ...axis, size: 52, space: 32, values: (_u, splits) => splits.map((v) => data.format(v)) },
				],
				series: [
					{},
					...data.lines.map((l): uPlot.Series => ({ label: l.label, stroke: l.hidden ? 'transparent' : () => color(l.color), width: l.hidden ? 0 : (l.width ?? 1.75), ...(l.dash ? { dash: l.dash } : {}), points: { show: !l.hidden && data.x.length < 3, size: 4 }, spanGaps: false })),
				],
				...(data.band ? { bands: [{ series: [data.band.high + 1, data.band.low + 1] as [number, number], fill: () => color((data.band as { color: string }).color, 0.16) }] } : {}),
				hooks: {
					drawClear: [drawShades], draw: [drawMarks],
					setCursor: [(u) => onPoint(u.cursor.idx ?? null)],
				},
			},
			table(), box,
		);
	};
	make();
	const again = () => {
		color = colors(box);
		plot?.redraw(false, true);
	};
	const sizes = new ResizeObserver(() => plot?.setSize({ width: calm(box.clientWidth), height }));
	sizes.observe(box);
	const scheme = matchMedia('(prefers-color-scheme: dark)');
	scheme.addEventListener('change', again);
	const theme = new MutationObserver(again);
	theme.observe(document.documentElement, { attributes: true, attributeFilter: ['data-theme'] });
	return {
		update: (next) => {
			const same = next.lines.length === data.lines.length && next.lines.every((l, i) => l.color === data.lines[i]?.color && l.label === data.lines[i]?.label);
			data = next;
			if (same) plot?.setData(table());
			else {
				plot?.destroy();
				make();
			}
		},
		destroy: () => {
			sizes.disconnect();
			theme.disconnect();
			scheme.removeEventListener('change', again);
			plot?.destroy();
		},
	};
}
