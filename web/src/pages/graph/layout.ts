// A picture of a graph in layers, left to right: who needs stands left of what it needs. Pure: no DOM, no clock, the same input gives the same
// picture. After Sugiyama (1981): layers, dummies where an edge passes a layer, order by barycenters, then places near the neighbors' median.

export interface Link {
	from: string;
	to: string;
}
export interface Place {
	id: string;
	x: number;
	y: number;
	layer: number;
	row: number; // in its layer, counted from the top, without dummies
}
export interface Drawn {
	places: Map<string, Place>;
	edges: { link: Link; points: { x: number; y: number }[] }[]; // from the right side of `from` to the left side of `to`
	layers: string[][]; // ids by layer, top to bottom
	width: number;
	height: number;
	crossings: number;
}
export interface Sizes {
	width: number;
	height: number;
	gapX: number;
	gapY: number;
	column: number; // at most so many in a column: a longer layer is several columns beside each other
}

// Edges that close a circle, found by walking in the order of ids: turned around for the layers, drawn as they are.
export function backEdges(ids: string[], links: Link[]): Set<Link> {
	const out = new Map<string, Link[]>(ids.map((id) => [id, []]));
	for (const link of links) out.get(link.from)?.push(link);
	const state = new Map<string, 'open' | 'done'>();
	const back = new Set<Link>();
	for (const start of ids) {
		if (state.has(start)) continue;
		const stack: { id: string; at: number }[] = [{ id: start, at: 0 }];
		state.set(start, 'open');
		while (stack.length) {
			const top = stack[stack.length - 1] as { id: string; at: number };
			const link = (out.get(top.id) as Link[])[top.at++];
			if (!link) {
				state.set(top.id, 'done');
				stack.pop();
			} else if (state.get(link.to) === 'open') back.add(link);
			else if (!state.has(link.to) && out.has(link.to)) {
				state.set(link.to, 'open');
				stack.push({ id: link.to, at: 0 });
			}
		}
	}
	return back;
}

// The longest way down to what needs nobody: 0 at the right edge.
export function levelsOf(ids: string[], links: Link[]): Map<string, number> {
	const back = backEdges(ids, links);
	const known = new Set(ids);
	const needs = new Map<string, string[]>(ids.map((id) => [id, []]));
	const neededBy = new Map<string, string[]>(ids.map((id) => [id, []]));
	for (const link of links) {
		if (!known.has(link.from) || !known.has(link.to) || link.from === link.to) continue;
		const [up, down] = back.has(link) ? [link.to, link.from] : [link.from, link.to];
		(needs.get(up) as string[]).push(down);
		(neededBy.get(down) as string[]).push(up);
	}
	const waits = new Map(ids.map((id) => [id, (needs.get(id) as string[]).length]));
	const level = new Map(ids.map((id) => [id, 0]));
	const ready = ids.filter((id) => waits.get(id) === 0);
	for (let i = 0; i < ready.length; i++) {
		const id = ready[i] as string;
		for (const up of neededBy.get(id) as string[]) {
			level.set(up, Math.max(level.get(up) as number, (level.get(id) as number) + 1));
			waits.set(up, (waits.get(up) as number) - 1);
			if (waits.get(up) === 0) ready.push(up);
		}
	}
	return level;
}

interface Cell {
	key: string;
	id: string | undefined; // undefined: a dummy
	left: Cell[]; // neighbors in the layer to the left
	right: Cell[];
	at: number; // in its layer
	y: number;
}

// Crossings between two layers: pairs of edges in another order at their ends. A tree of counts, so that thousands of edges are no matter.
function crossingsOf(layer: Cell[], next: Cell[]): number {
	const tree = new Array<number>(next.length + 1).fill(0);
	let seen = 0;
	let found = 0;
	for (const cell of layer) {
		const ends = cell.right.map((c) => c.at).sort((a, b) => a - b);
		for (const end of ends) {
			let before = 0;
			for (let i = end + 1; i > 0; i -= i & -i) before += tree[i] as number;
			found += seen - before;
		}
		for (const end of ends) {
			seen++;
			for (let i = end + 1; i <= next.length; i += i & -i) tree[i] = (tree[i] as number) + 1;
		}
	}
	return found;
}
function allCrossings(layers: Cell[][]): number {
	let n = 0;
	for (let i = 0; i + 1 < layers.length; i++) n += crossingsOf(layers[i] as Cell[], layers[i + 1] as Cell[]);
	return n;
}

function number(layer: Cell[]): void {
	layer.forEach((cell, i) => (cell.at = i));
}
function sweep(layers: Cell[][], toRight: boolean): void {
	const order = toRight ? layers : [...layers].reverse();
	for (const layer of order.slice(1)) {
		const weight = new Map<Cell, number>();
		for (const cell of layer) {
			const near = toRight ? cell.left : cell.right;
			weight.set(cell, near.length ? near.reduce((n, c) => n + c.at, 0) / near.length : cell.at);
		}
		layer.sort((a, b) => (weight.get(a) as number) - (weight.get(b) as number) || a.at - b.at);
		number(layer);
	}
}

function fewCrossings(layers: Cell[][]): number {
	let best = allCrossings(layers);
	let kept = layers.map((layer) => [...layer]);
	let without = 0;
	for (let round = 0; round < 24 && best > 0 && without < 6; round++) {
		sweep(layers, round % 2 === 0);
		const now = allCrossings(layers);
		if (now < best) {
			best = now;
			kept = layers.map((layer) => [...layer]);
			without = 0;
		} else without++;
	}
	kept.forEach((layer, i) => {
		layers[i] = layer;
		number(layer);
	});
	return best;
}

// Each near the middle of its neighbors, none nearer to another than `step`.
function settle(layers: Cell[][], step: (cell: Cell) => number): void {
	for (const layer of layers) {
		let y = 0;
		for (const cell of layer) {
			cell.y = y + step(cell) / 2;
			y += step(cell);
		}
	}
	for (let round = 0; round < 12; round++)
		for (const layer of round % 2 ? layers : [...layers].reverse()) {
			const want = layer.map((cell) => {
				const near = [...cell.left, ...cell.right].map((c) => c.y).sort((a, b) => a - b);
				const middle = near.length >> 1;
				return near.length ? (near.length % 2 ? (near[middle] as number) : ((near[middle - 1] as number) + (near[middle] as number)) / 2) : cell.y;
			});
			pack(layer, want, step);
		}
}

// The order stays; overlapping neighbors become one block around the mean of what they want (pool adjacent violators).
function pack(layer: Cell[], want: number[], step: (cell: Cell) => number): void {
	const blocks: { sum: number; n: number; from: number; to: number }[] = [];
	const offset: number[] = [];
	let run = 0;
	layer.forEach((cell, i) => {
		if (i) run += (step(layer[i - 1] as Cell) + step(cell)) / 2;
		offset.push(run);
	});
	layer.forEach((_, i) => {
		let block = { sum: (want[i] as number) - (offset[i] as number), n: 1, from: i, to: i };
		for (let last; (last = blocks[blocks.length - 1]) && last.sum / last.n > block.sum / block.n; ) {
			blocks.pop();
			block = { sum: block.sum + last.sum, n: block.n + last.n, from: last.from, to: block.to };
		}
		blocks.push(block);
	});
	for (const block of blocks) for (let i = block.from; i <= block.to; i++) (layer[i] as Cell).y = block.sum / block.n + (offset[i] as number);
}

const DUMMIES = 8_000;

export function layout(ids: string[], links: Link[], size: Sizes, given?: Map<string, number>): Drawn {
	const known = new Set(ids);
	const real = links.filter((l) => known.has(l.from) && known.has(l.to) && l.from !== l.to);
	const level = given ?? levelsOf(ids, real);
	const top = Math.max(0, ...ids.map((id) => level.get(id) ?? 0));
	const layers: Cell[][] = Array.from({ length: ids.length ? top + 1 : 0 }, () => []);
	const cells = new Map<string, Cell>();
	const add = (key: string, layer: number, id?: string): Cell => {
		const cell: Cell = { key, id, left: [], right: [], at: 0, y: 0 };
		(layers[layer] as Cell[]).push(cell);
		return cell;
	};
	for (const id of ids) cells.set(id, add(id, top - (level.get(id) ?? 0), id));
	// A way through each layer costs: of a graph that is one long tangle, only short edges get one.
	const spanOf = (link: Link) => Math.abs((level.get(link.from) ?? 0) - (level.get(link.to) ?? 0));
	const longest = real.reduce((n, l) => n + spanOf(l), 0) > DUMMIES ? 2 : Infinity;
	const ways = real.map((link, n) => {
		const from = cells.get(link.from) as Cell;
		const to = cells.get(link.to) as Cell;
		let a = top - (level.get(link.from) ?? 0);
		let b = top - (level.get(link.to) ?? 0);
		const turned = a > b;
		if (spanOf(link) > longest) return { link, way: [from, to] };
		const way: Cell[] = [turned ? to : from];
		if (turned) [a, b] = [b, a];
		for (let layer = a + 1; layer < b; layer++) way.push(add(`${n} ${layer}`, layer));
		way.push(turned ? from : to);
		if (a !== b)
			for (let i = 0; i + 1 < way.length; i++) {
				(way[i] as Cell).right.push(way[i + 1] as Cell);
				(way[i + 1] as Cell).left.push(way[i] as Cell);
			}
		return { link, way: turned ? way.reverse() : way };
	});
	layers.forEach(number);
	const crossings = fewCrossings(layers);
	return draw(layers, ways, size, crossings);
}

function draw(layers: Cell[][], ways: { link: Link; way: Cell[] }[], size: Sizes, crossings: number): Drawn {
	const pitch = size.height + size.gapY;
	const wide = layers.some((layer) => layer.filter((c) => c.id !== undefined).length > size.column);
	const column = new Map<Cell, number>(); // x of its left side
	let x = 0;
	const rowsOf = (n: number) => Math.ceil(n / Math.max(1, Math.ceil(n / size.column)));
	const tallest = Math.max(0, ...layers.map((layer) => rowsOf(layer.filter((c) => c.id !== undefined).length)));
	if (!wide) settle(layers, (cell) => (cell.id === undefined ? size.gapY : pitch));
	for (const layer of layers) {
		const nodes = layer.filter((c) => c.id !== undefined);
		// Columns of the same length, in the layer's order.
		const columns = Math.max(1, Math.ceil(nodes.length / size.column));
		const each = Math.ceil(nodes.length / columns) || 1;
		const top = ((tallest - Math.min(each, nodes.length)) / 2) * pitch;
		for (const cell of layer) column.set(cell, x);
		nodes.forEach((cell, i) => {
			if (columns > 1) column.set(cell, x + Math.floor(i / each) * (size.width + size.gapY * 2));
			if (wide) cell.y = top + (i % each) * pitch + pitch / 2;
		});
		if (wide) for (const cell of layer) if (cell.id === undefined) cell.y = ((cell.at + 0.5) / layer.length) * tallest * pitch;
		x += columns * size.width + (columns - 1) * size.gapY * 2 + size.gapX;
	}
	let least = Infinity;
	let most = -Infinity;
	for (const cell of layers.flat()) {
		const half = cell.id === undefined ? 0 : size.height / 2;
		least = Math.min(least, cell.y - half);
		most = Math.max(most, cell.y + half);
	}
	const shift = layers.length ? -least : 0;
	if (!layers.length) most = 0;
	const places = new Map<string, Place>();
	layers.forEach((layer, n) => {
		let row = 0;
		for (const cell of layer) if (cell.id !== undefined) places.set(cell.id, { id: cell.id, x: column.get(cell) as number, y: cell.y + shift - size.height / 2, layer: n, row: row++ });
	});
	const edges = ways.map(({ link, way }) => ({
		link,
		points: way.flatMap((cell, i) => {
			const left = column.get(cell) as number;
			const y = cell.y + shift;
			if (i === 0) return [{ x: left + size.width, y }];
			if (i === way.length - 1) return [{ x: left, y }];
			return [{ x: left, y }, { x: left + size.width, y }];
		}),
	}));
	return { places, edges, layers: layers.map((layer) => layer.flatMap((c) => (c.id === undefined ? [] : [c.id]))), width: Math.max(0, x - size.gapX), height: most + shift, crossings };
}

// A smooth way through points, as the d of a <path>.
export function pathOf(points: { x: number; y: number }[]): string {
	const first = points[0];
	if (!first) return '';
	let d = `M${r(first.x)} ${r(first.y)}`;
	for (let i = 1; i < points.length; i++) {
		const a = points[i - 1] as { x: number; y: number };
		const b = points[i] as { x: number; y: number };
		const reach = b.x > a.x ? (b.x - a.x) / 2 : 46; // backward: out to the right, in from the left
		d += a.y === b.y && b.x > a.x ? `L${r(b.x)} ${r(b.y)}` : `C${r(a.x + reach)} ${r(a.y)} ${r(b.x - reach)} ${r(b.y)} ${r(b.x)} ${r(b.y)}`;
	}
	return d;
}
const r = (n: number): number => Math.round(n * 10) / 10;
