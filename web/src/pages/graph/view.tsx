// The picture: nodes that can be reached by the arrow keys, moved by dragging, made larger by the wheel with Ctrl, by pinching, by + and -.
import { useEffect, useMemo, useRef, useState } from 'preact/hooks';
import { Button, cx } from '../../ui/basics';
import { plural, shortDigest } from '../../ui/format';
import { layout, pathOf, type Drawn, type Place } from './layout';
import { healthOf, hits, worstOf, type GraphEdge, type Shown, type View } from './model';
import { begin, fit, reveal, zoomAt, type Zoom } from './zoom';

const WIDTH = 196;
const HEAD = 30;
const LINE = 17;
const LABELS = 14; // with more calls than this, only those of the chosen node are named

const cut = (text: string, n: number): string => (text.length > n ? `${text.slice(0, n - 1)}\u2026` : text);

// What is not seen as text: its name is what is written on it.
export function describe(shown: Shown, edges: GraphEdge[]): string {
	const needs = edges.filter((e) => e.from === shown.id).length;
	const neededBy = edges.filter((e) => e.to === shown.id).length;
	const health = (shown.node?.live ?? []).map((l) => `${l.environment}: ${healthOf(l).text}`);
	return [...health, `needs ${needs}, needed by ${neededBy}`].join('; ');
}
const NAME = 22;
const groupNote = (nodes: { kind: string }[]): string => `${plural(nodes.length, 'unit')}, ${nodes.filter((n) => n.kind === 'service').length} of them services`;
function versionIn(shown: Shown, environment: string): string {
	const live = shown.node?.live?.find((l) => l.environment === environment);
	return live?.image ? shortDigest(live.image).slice(0, 8) : 'not live';
}

function Card({ shown, place, height, environments, here, far, hit, onFocus, onChoose, focusable }: {
	shown: Shown; place: Place; height: number; environments: string[]; here: boolean; far: boolean; hit: boolean;
	onFocus: () => void; onChoose: () => void; focusable: { index: 0 | -1; label: string };
}) {
	const group = shown.group;
	const name = group ? group.name : shown.id;
	const tone = worstOf(group ? group.nodes : shown.node ? [shown.node] : []);
	return (
		<g
			class={cx('gnode', `tone-${tone}`, here && 'gnode-here', far && 'gnode-far', hit && 'gnode-hit', group && 'gnode-group', shown.node?.kind === 'library' && 'gnode-library')}
			transform={`translate(${place.x} ${place.y})`} role="button" tabIndex={focusable.index} aria-description={focusable.label} aria-pressed={here} data-node={shown.id}
			onFocus={onFocus} onClick={onChoose}
			onKeyDown={(e) => {
				if (e.key !== 'Enter' && e.key !== ' ') return;
				e.preventDefault();
				onChoose();
			}}
		>
			{group && <rect class="gnode-behind" x={4} y={4} width={WIDTH} height={height} rx={8} />}
			<rect class="gnode-box" width={WIDTH} height={height} rx={8} />
			<rect class="gnode-edge" width={3} height={height - 12} x={0} y={6} rx={1.5} />
			<text class="gnode-name" x={12} y={20}>{cut(name, NAME)}</text>{' '}
			{group && <text class="gnode-note" x={12} y={HEAD + 10}>{groupNote(group.nodes)}</text>}
			{shown.node?.kind === 'library' && <text class="gnode-note" x={12} y={HEAD + 10}>library</text>}
			{!group && shown.node?.kind === 'service' && environments.map((env, i) => {
				const live = shown.node?.live?.find((l) => l.environment === env);
				const health = live ? healthOf(live) : undefined;
				const y = HEAD + 10 + i * LINE;
				return (
					<g key={env} class={health ? `tone-${health.tone}` : 'tone-idle'}>
						{health ? <circle class="gnode-dot" cx={15} cy={y - 4} r={3.5} /> : <circle class="gnode-dot-none" cx={15} cy={y - 4} r={3} />}
						{health && health.tone !== 'ok' && <path class="gnode-bang" d={`M15 ${y - 6}v2.4m0 1.4v.1`} />}
						<text class="gnode-env" x={25} y={y}>{cut(env, 12)}</text>{' '}
						<text class="gnode-version" x={WIDTH - 10} y={y} text-anchor="end">{versionIn(shown, env)}</text>{' '}
					</g>
				);
			})}
		</g>
	);
}

function useSize(box: { current: HTMLElement | null }): { width: number; height: number } {
	const [size, set] = useState({ width: 900, height: 560 });
	useEffect(() => {
		const element = box.current;
		if (!element) return;
		const watch = new ResizeObserver(() => set({ width: element.clientWidth, height: element.clientHeight }));
		watch.observe(element);
		return () => watch.disconnect();
	}, []);
	return size;
}

function nextBy(key: string, drawn: Drawn, edges: GraphEdge[], id: string): string | undefined {
	const place = drawn.places.get(id);
	if (!place) return undefined;
	const nearest = (ids: string[]) => ids.map((i) => drawn.places.get(i)).filter((p): p is Place => !!p).sort((a, b) => Math.abs(a.y - place.y) - Math.abs(b.y - place.y))[0]?.id;
	const layer = drawn.layers[place.layer] ?? [];
	switch (key) {
		case 'ArrowUp':
			return layer[place.row - 1];
		case 'ArrowDown':
			return layer[place.row + 1];
		case 'ArrowRight':
			return nearest(edges.filter((e) => e.from === id).map((e) => e.to)) ?? nearest(drawn.layers[place.layer + 1] ?? []);
		case 'ArrowLeft':
			return nearest(edges.filter((e) => e.to === id).map((e) => e.from)) ?? nearest(drawn.layers[place.layer - 1] ?? []);
		case 'Home':
			return drawn.layers[0]?.[0];
		case 'End':
			return drawn.layers[drawn.layers.length - 1]?.at(-1);
		default:
			return undefined;
	}
}

export function Picture({ view, environments, chosen, search, levels, onChoose }: {
	view: View; environments: string[]; chosen: string | undefined; search: string; levels: Map<string, number> | undefined; onChoose: (id: string) => void;
}) {
	const box = useRef<HTMLDivElement>(null);
	const size = useSize(box);
	const [zoom, setZoom] = useState<Zoom>();
	const [at, setAt] = useState<string>(); // the node that Tab reaches
	const services = view.shown.some((s) => s.node?.kind === 'service');
	const height = HEAD + (services ? Math.max(1, environments.length) : 1) * LINE + 6;
	const drawn = useMemo(() => {
		// One line for each pair: what it stands for is told beside.
		const pairs = [...new Map(view.edges.map((e) => [`${e.from}\n${e.to}`, e])).values()];
		return layout(view.shown.map((s) => s.id), pairs, { width: WIDTH, height, gapX: 84, gapY: 14, column: Math.max(12, Math.ceil(Math.sqrt(view.shown.length) * 1.5)) }, levels);
	}, [view, height, levels]);
	useEffect(() => {
		setZoom(undefined);
	}, [drawn.width, drawn.height]);
	const whole = fit(drawn.width, drawn.height, size);
	const now = zoom ?? begin(drawn.width, drawn.height, size);
	const latest = useRef(now);
	latest.current = now;
	const edgesOf = (id: string | undefined) => new Set(view.edges.filter((e) => e.from === id || e.to === id));
	const mine = edgesOf(chosen);
	const near = new Set([chosen, ...[...mine].flatMap((e) => [e.from, e.to])]);
	const named = view.edges.filter((e) => e.interface).length <= LABELS;
	const focusId = at && drawn.places.has(at) ? at : chosen && drawn.places.has(chosen) ? chosen : drawn.layers[0]?.[0];

	const show = (id: string) => {
		const place = drawn.places.get(id);
		if (place) setZoom(reveal(latest.current, { x: place.x, y: place.y, width: WIDTH, height }, size));
	};
	const scale = (factor: number, point = { x: size.width / 2, y: size.height / 2 }) => setZoom(zoomAt(latest.current, factor, point));

	// preventDefault of a wheel needs a listener that is not passive.
	useEffect(() => {
		const element = box.current;
		if (!element) return;
		const onWheel = (e: WheelEvent) => {
			if (!e.ctrlKey && !e.metaKey) return;
			e.preventDefault();
			const rect = element.getBoundingClientRect();
			setZoom(zoomAt(latest.current, Math.exp(-e.deltaY * 0.0032), { x: e.clientX - rect.left, y: e.clientY - rect.top }));
		};
		element.addEventListener('wheel', onWheel, { passive: false });
		return () => element.removeEventListener('wheel', onWheel);
	}, []);

	const pointers = useRef(new Map<number, { x: number; y: number }>());
	const dragged = useRef(false);
	const onDown = (e: PointerEvent) => {
		pointers.current.set(e.pointerId, { x: e.clientX, y: e.clientY });
		dragged.current = false;
	};
	const onMove = (e: PointerEvent) => {
		const before = pointers.current.get(e.pointerId);
		if (!before) return;
		const others = [...pointers.current].filter(([id]) => id !== e.pointerId).map(([, p]) => p);
		const dx = e.clientX - before.x;
		const dy = e.clientY - before.y;
		if (!dragged.current && Math.hypot(dx, dy) < 4) return;
		if (!dragged.current) box.current?.setPointerCapture(e.pointerId);
		dragged.current = true;
		pointers.current.set(e.pointerId, { x: e.clientX, y: e.clientY });
		const other = others[0];
		if (other) {
			const rect = box.current?.getBoundingClientRect();
			const was = Math.hypot(before.x - other.x, before.y - other.y) || 1;
			const is = Math.hypot(e.clientX - other.x, e.clientY - other.y) || 1;
			setZoom(zoomAt(latest.current, is / was, { x: (e.clientX + other.x) / 2 - (rect?.left ?? 0), y: (e.clientY + other.y) / 2 - (rect?.top ?? 0) }));
		} else setZoom({ ...latest.current, x: latest.current.x + dx, y: latest.current.y + dy });
	};
	const onUp = (e: PointerEvent) => void pointers.current.delete(e.pointerId);

	const onKey = (e: KeyboardEvent) => {
		const id = (e.target as Element).closest?.('[data-node]')?.getAttribute('data-node');
		if (e.key === '+' || e.key === '=') scale(1.25);
		else if (e.key === '-') scale(0.8);
		else if (e.key === '0') setZoom(whole);
		else {
			const next = id ? nextBy(e.key, drawn, view.edges, id) : undefined;
			if (!next) return;
			setAt(next);
			show(next);
			box.current?.querySelector<SVGGElement>(`[data-node="${CSS.escape(next)}"]`)?.focus({ preventScroll: true });
		}
		e.preventDefault();
	};
	return (
		<div
			ref={box} class={cx('graph-box', drawn.height < 260 && 'graph-low')} onKeyDown={onKey} onPointerDown={onDown} onPointerMove={onMove} onPointerUp={onUp} onPointerCancel={onUp}
			onClickCapture={(e) => {
				// The end of a drag is no click.
				if (dragged.current) e.stopPropagation();
				dragged.current = false;
			}}
		>
			<svg class={cx('graph-svg', now.k < 0.45 && 'graph-small')} width={size.width} height={size.height} role="group" aria-label="The graph; arrows move, Enter opens">
				<defs>
					<marker id="graph-tip" viewBox="0 0 8 8" refX="7" refY="4" markerWidth="7" markerHeight="7" orient="auto"><path class="gedge-tip" d="M0 .6 7.4 4 0 7.4Z" /></marker>
					<marker id="graph-tip-here" viewBox="0 0 8 8" refX="7" refY="4" markerWidth="7" markerHeight="7" orient="auto"><path class="gedge-tip-here" d="M0 .6 7.4 4 0 7.4Z" /></marker>
				</defs>
				<g transform={`translate(${now.x} ${now.y}) scale(${now.k})`}>
					<g aria-hidden="true">
						{drawn.edges.map(({ link, points }) => {
							const edge = link as GraphEdge;
							const same = view.edges.filter((e) => e.from === edge.from && e.to === edge.to);
							const here = same.some((e) => mine.has(e));
							return <path key={`${edge.from}\n${edge.to}`} class={cx('gedge', same.every((e) => e.kind === 'dep') && 'gedge-dep', here && 'gedge-here', chosen && !here && 'gedge-far')} d={pathOf(points)} marker-end={here ? 'url(#graph-tip-here)' : 'url(#graph-tip)'} />;
						})}
						{drawn.edges.map(({ link, points }) => {
							const same = view.edges.filter((e) => e.from === link.from && e.to === link.to);
							const names = same.flatMap((e) => (e.interface ? [e.interface] : [])).join(', ');
							const number = same.reduce((n, e) => n + (view.counts.get(e) ?? 0), 0);
							const text = names || (number > 1 ? String(number) : '');
							const here = same.some((e) => mine.has(e));
							if (!text || (!(named && !chosen) && !here)) return null;
							const end = points[points.length - 1] as { x: number; y: number };
							const before = points[points.length - 2] as { x: number; y: number };
							return <text key={`${link.from}\n${link.to}`} class="gedge-name" x={(end.x + before.x) / 2} y={(end.y + before.y) / 2 - 5} text-anchor="middle">{text}</text>;
						})}
					</g>
					{view.shown.map((shown) => {
						const place = drawn.places.get(shown.id);
						if (!place) return null;
						return (
							<Card
								key={shown.id} shown={shown} place={place} height={height} environments={environments} here={shown.id === chosen}
								far={search ? !hits(shown, search) : !!chosen && drawn.places.has(chosen) && !near.has(shown.id)} hit={!!search && hits(shown, search)}
								focusable={{ index: shown.id === focusId ? 0 : -1, label: describe(shown, view.edges) }} onFocus={() => setAt(shown.id)} onChoose={() => onChoose(shown.id)}
							/>
						);
					})}
				</g>
			</svg>
			<div class="graph-tools">
				<Button small aria-label="Smaller" title="Smaller ( - )" onClick={() => scale(0.8)}>{'\u2212'}</Button>
				<Button small aria-label="Larger" title="Larger ( + ), or the wheel with Ctrl" onClick={() => scale(1.25)}>+</Button>
				<Button small title="All of it ( 0 )" onClick={() => setZoom(whole)}>Fit</Button>
			</div>
		</div>
	);
}
