// The lines of a log as they come, and which of them are shown: folded by step, found by a search. Pure, but for the reader below.
import type { LogLine } from '../../api/types';
import { plain } from './ansi';

export const LINES_MAX = 500_000; // more than a page should hold; the rest is in the raw log

export interface Segment {
	step: string;
	from: number; // index of its first line
	to: number; // behind its last
	t0: number | undefined;
	t1: number | undefined;
}
export type Row = { kind: 'step'; segment: number } | { kind: 'line'; line: number };

export class LogStore {
	readonly text: string[] = [];
	readonly time: (number | undefined)[] = [];
	readonly segments: Segment[] = [];
	full = false;
	private folded = new Set<number>();
	// Rows before each segment; rebuilt when folding changed or segments came.
	private starts: number[] = [0];
	private counted = 0;

	get length(): number {
		return this.text.length;
	}
	add(line: LogLine): void {
		if (this.text.length >= LINES_MAX) {
			this.full = true;
			return;
		}
		if (line.n <= this.text.length) return; // read again after a lost connection
		const step = line.step ?? '';
		let last = this.segments[this.segments.length - 1];
		if (!last || last.step !== step) {
			last = { step, from: this.text.length, to: this.text.length, t0: line.t, t1: line.t };
			this.segments.push(last);
		}
		this.text.push(line.cut ? `${line.text} ...` : line.text);
		this.time.push(line.t);
		last.to = this.text.length;
		last.t1 = line.t ?? last.t1;
		this.counted = -1;
	}

	// Headings are shown only when there is more than one step to tell apart.
	get hasSteps(): boolean {
		return this.segments.length > 1 || (this.segments[0]?.step ?? '') !== '';
	}
	isFolded(segment: number): boolean {
		return this.folded.has(segment);
	}
	fold(segment: number, fold: boolean): void {
		if (fold) this.folded.add(segment);
		else this.folded.delete(segment);
		this.counted = -1;
	}
	foldAll(fold: boolean): void {
		this.folded = new Set(fold ? this.segments.keys() : []);
		this.counted = -1;
	}
	private count(): void {
		if (this.counted === this.segments.length) return;
		const head = this.hasSteps ? 1 : 0;
		this.starts = [0];
		this.segments.forEach((s, i) => this.starts.push((this.starts[i] as number) + head + (this.folded.has(i) ? 0 : s.to - s.from)));
		this.counted = this.segments.length;
	}
	get rows(): number {
		this.count();
		return this.starts[this.starts.length - 1] as number;
	}
	private segmentAt(starts: (i: number) => number, n: number): number {
		let from = 0;
		let to = this.segments.length - 1;
		while (from < to) {
			const middle = (from + to + 1) >> 1;
			if (starts(middle) <= n) from = middle;
			else to = middle - 1;
		}
		return from;
	}
	row(n: number): Row {
		this.count();
		const segment = this.segmentAt((i) => this.starts[i] as number, n);
		const at = n - (this.starts[segment] as number);
		if (this.hasSteps && at === 0) return { kind: 'step', segment };
		return { kind: 'line', line: (this.segments[segment] as Segment).from + at - (this.hasSteps ? 1 : 0) };
	}
	// Where a line stands among the rows; its step is unfolded.
	rowOf(line: number): number {
		if (!this.segments.length) return 0;
		const segment = this.segmentAt((i) => (this.segments[i] as Segment).from, line);
		if (this.folded.has(segment)) this.fold(segment, false);
		this.count();
		return (this.starts[segment] as number) + (this.hasSteps ? 1 : 0) + line - (this.segments[segment] as Segment).from;
	}
	// Indices of lines that hold the text; letters' case does not count unless there is a capital in it.
	find(text: string, max = 10_000): number[] {
		const found: number[] = [];
		if (!text) return found;
		const exact = text !== text.toLowerCase();
		const wanted = exact ? text : text.toLowerCase();
		for (let i = 0; i < this.text.length && found.length < max; i++) {
			const line = plain(this.text[i] as string);
			if ((exact ? line : line.toLowerCase()).includes(wanted)) found.push(i);
		}
		return found;
	}
}

// "#L120" or "#L120-L125", lines from 1.
export function linesOf(hash: string): { from: number; to: number } | null {
	const found = /^L(\d+)(?:-L?(\d+))?$/.exec(hash);
	if (!found) return null;
	const a = Number(found[1]);
	const b = found[2] ? Number(found[2]) : a;
	return a > 0 && b > 0 ? { from: Math.min(a, b), to: Math.max(a, b) } : null;
}

// NDJSON in pieces of any size. A line that is no JSON is skipped: it is the end of a cut-off answer.
export class LineParser {
	private rest = '';
	constructor(private readonly take: (line: LogLine) => void) {}
	feed(text: string): void {
		const lines = (this.rest + text).split('\n');
		this.rest = lines.pop() as string;
		for (const line of lines) {
			if (!line.trim()) continue;
			try {
				const parsed = JSON.parse(line) as LogLine;
				if (typeof parsed.n === 'number') this.take(parsed);
			} catch {
				// as said above
			}
		}
	}
}
