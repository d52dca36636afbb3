// A log: only the rows on the screen are in the document, so that 200,000 lines scroll like 200.
import { useEffect, useLayoutEffect, useMemo, useRef, useState } from 'preact/hooks';
import { BASE, idPath } from '../../api/client';
import type { Job } from '../../api/types';
import { currentPlace, go, usePlace, withQuery } from '../../router';
import { Button, Command, cx, Failure, Skeleton } from '../../ui/basics';
import { clockMs, count, duration, exact, plural } from '../../ui/format';
import { Icon } from '../../ui/icon';
import { useShortcut } from '../../ui/keys';
import { pieces, plain, type Piece } from './ansi';
import { readLog, type Reading } from './log_read';
import { linesOf, LogStore } from './log_store';

const px = (n: number) => `${n}px`;
const ROW = 20; // px, as in run.css
const SPARE = 20; // rows drawn beyond the edges, for fast scrolling

function useLog(job: Job): { store: LogStore; reading: Reading; version: number } {
	const store = useMemo(() => new LogStore(), [job.id, job.attempt]);
	const [state, setState] = useState<{ reading: Reading; version: number }>({ reading: { done: false }, version: 0 });
	const begun = job.started_at !== undefined || job.state === 'cached';
	useEffect(() => {
		setState({ reading: { done: false }, version: 0 });
		if (!begun) return;
		// A burst of lines is one render: as often as the screen is drawn.
		let latest: Reading = { done: false };
		let frame: ReturnType<typeof setTimeout> | undefined;
		const stop = readLog(job.id, store, (reading) => {
			latest = reading;
			frame ??= setTimeout(() => {
				frame = undefined;
				setState((s) => ({ reading: latest, version: s.version + 1 }));
			}, 33);
		});
		return () => {
			stop();
			clearTimeout(frame);
		};
	}, [store, begun]);
	return { store, ...state };
}

// The pieces of a line with what was searched for marked.
function marked(list: Piece[], wanted: string): (Piece & { mark?: boolean })[] {
	if (!wanted) return list;
	const exactCase = wanted !== wanted.toLowerCase();
	const out: (Piece & { mark?: boolean })[] = [];
	for (const piece of list) {
		const hay = exactCase ? piece.text : piece.text.toLowerCase();
		let at = 0;
		for (let found; (found = hay.indexOf(wanted, at)) >= 0; at = found + wanted.length) {
			if (found > at) out.push({ ...piece, text: piece.text.slice(at, found) });
			out.push({ ...piece, text: piece.text.slice(found, found + wanted.length), mark: true });
		}
		if (at < piece.text.length) out.push({ ...piece, text: piece.text.slice(at) });
	}
	return out;
}

// A color of a program's own, moved toward the text's so that it can be read on light and on dark.
const tinted = (color: string) => `color-mix(in oklab, ${color} 70%, var(--text))`;

function Text({ line, wanted }: { line: string; wanted: string }) {
	return (
		<>
			{marked(pieces(line), wanted).map((p, i) => {
				const style = p.color || p.back ? { ...(p.color ? { color: tinted(p.color) } : {}), ...(p.back ? { backgroundColor: `color-mix(in oklab, ${p.back} 35%, var(--log-bg))` } : {}) } : undefined;
				if (p.mark) return <mark key={i} class={p.class}>{p.text}</mark>;
				return p.class || style ? <span key={i} class={p.class} {...(style ? { style } : {})}>{p.text}</span> : p.text;
			})}
		</>
	);
}

export function LogView({ job }: { job: Job }) {
	const place = usePlace();
	const { store, reading, version } = useLog(job);
	const box = useRef<HTMLDivElement>(null);
	const [top, setTop] = useState(0);
	const [height, setHeight] = useState(600);
	const [stamps, setStamps] = useState(false);
	const [follow, setFollow] = useState(job.ended_at === undefined && !linesOf(currentPlace().hash));
	const [wanted, setWanted] = useState('');
	const [at, setAt] = useState(0);
	const [, folded] = useState(0);
	const chosen = linesOf(place.hash);
	const needle = wanted !== wanted.toLowerCase() ? wanted : wanted.toLowerCase();
	const found = useMemo(() => store.find(wanted), [store, wanted, version]);
	const widest = useRef(0);

	useLayoutEffect(() => {
		const element = box.current;
		if (!element) return;
		const observer = new ResizeObserver(() => setHeight(element.clientHeight));
		observer.observe(element);
		return () => observer.disconnect();
	}, [store.length > 0]);
	// False: the document is not that long yet, lines came since it was drawn.
	const showRow = (row: number): boolean => {
		const element = box.current;
		const y = row * ROW;
		if (!element || element.scrollHeight < y + ROW) return false;
		if (y < element.scrollTop + ROW * 2 || y > element.scrollTop + element.clientHeight - ROW * 3) element.scrollTop = Math.max(0, y - element.clientHeight / 3);
		setTop(element.scrollTop); // the event of scrolling comes with a later frame, if there is one
		return true;
	};
	// To the linked line as soon as it is there.
	const shownHash = useRef('');
	useLayoutEffect(() => {
		if (!chosen) shownHash.current = '';
		if (!chosen || shownHash.current === place.hash || store.length < chosen.from) return;
		// The box may still grow, or be laid out anew, in the next frames: looked at again until it has stood still for three.
		let frame = 0;
		const look = (left: number, good: number): void => {
			const is = showRow(store.rowOf(chosen.from - 1)) ? good + 1 : 0;
			if (is >= 3) shownHash.current = place.hash;
			else if (left) frame = requestAnimationFrame(() => look(left - 1, is));
		};
		look(120, 0);
		return () => cancelAnimationFrame(frame);
	}, [place.hash, version]);
	useLayoutEffect(() => {
		if (follow && box.current) box.current.scrollTop = box.current.scrollHeight;
	}, [version, follow, height]);
	useEffect(() => {
		const line = found[at];
		if (wanted && line !== undefined) {
			setFollow(false);
			showRow(store.rowOf(line));
		}
	}, [wanted, at, found.length > 0]);
	useEffect(() => setAt(0), [wanted]);

	const step = (by: number) => found.length && setAt((at + by + found.length) % found.length);
	useShortcut('n', 'Next match', 'Log', () => step(1));
	useShortcut('p', 'Match before', 'Log', () => step(-1));
	useShortcut('f', 'Follow the end', 'Log', () => setFollow(!follow));
	useShortcut('t', 'Times of the lines', 'Log', () => setStamps(!stamps));

	const onScroll = () => {
		const element = box.current;
		if (!element) return;
		setTop(element.scrollTop);
		const atEnd = element.scrollTop + element.clientHeight >= element.scrollHeight - ROW * 2;
		if (follow && !atEnd) setFollow(false);
	};
	const choose = (event: MouseEvent, line: number) => {
		event.preventDefault();
		const n = line + 1;
		const hash = event.shiftKey && chosen ? `L${Math.min(chosen.from, n)}-L${Math.max(chosen.from, n)}` : `L${n}`;
		shownHash.current = hash;
		setFollow(false);
		go(withQuery({ ...currentPlace(), hash }, { job: job.id }), { replace: true, keepScroll: true });
	};

	if (!store.length && reading.waiting) return <p class="muted">{reading.problem?.message ?? 'This job has no log yet.'}</p>;
	if (!store.length && reading.problem && !reading.waiting) return <Failure problem={reading.problem} />;
	if (job.started_at === undefined && job.state !== 'cached')
		return <p class="muted">{job.state === 'ready' ? 'The job waits for a slot; its log begins when it starts.' : job.state === 'manual' ? 'The job waits for somebody to start it.' : `The job did not run (${job.state}): there is no log.`}</p>;
	if (!store.length && !reading.done) return job.ended_at === undefined ? <p class="muted log-live"><Icon name="running" size={12} />Nothing is written yet: lines appear here as the job writes them.</p> : <Skeleton lines={8} />;
	if (!store.length) return <p class="muted">The job wrote nothing.</p>;

	const rows = store.rows;
	const from = Math.max(0, Math.floor(top / ROW) - SPARE);
	const to = Math.min(rows, Math.ceil((top + height) / ROW) + SPARE);
	const shown = [];
	for (let n = from; n < to; n++) {
		const row = store.row(n);
		if (row.kind === 'step') {
			const s = store.segments[row.segment]!;
			const closed = store.isFolded(row.segment);
			shown.push(
				<button
					key={`s${row.segment}`} type="button" class="log-step" aria-expanded={!closed} style={{ top: px(n * ROW) }}
					onClick={() => { store.fold(row.segment, !closed); folded((x) => x + 1); }}
				>
					<Icon name={closed ? 'right' : 'down'} size={12} />
					<span>{s.step || 'before the first step'}</span>
					<span class="log-step-note">{plural(s.to - s.from, 'line')}{s.t0 && s.t1 && s.t1 > s.t0 ? `, ${duration(s.t1 - s.t0)}` : ''}</span>
				</button>,
			);
			continue;
		}
		const i = row.line;
		const text = store.text[i] as string;
		const t = store.time[i];
		widest.current = Math.max(widest.current, Math.min(4000, plain(text).length));
		shown.push(
			<div key={i} class={cx('log-line', chosen && i + 1 >= chosen.from && i + 1 <= chosen.to && 'log-chosen', found[at] === i && wanted && 'log-found')} style={{ top: px(n * ROW) }}>
				<a class="log-n" href={`#L${i + 1}`} onClick={(e) => choose(e, i)} tabIndex={-1} aria-label={`Line ${i + 1}`}>{i + 1}</a>
				{stamps && <span class="log-t" title={t ? exact(t) : ''}>{t ? clockMs(t) : ''}</span>}
				<span class="log-text"><Text line={text} wanted={needle} /></span>
			</div>,
		);
	}
	const digits = String(store.length).length;
	return (
		<div class="log">
			<div class="log-bar">
				<div class="log-search">
					<Icon name="search" size={14} />
					<input
						type="search" data-filter aria-label="Search the log" placeholder="Search the log" value={wanted} onInput={(e) => setWanted(e.currentTarget.value)}
						onKeyDown={(e) => { if (e.key === 'Enter') { e.preventDefault(); step(e.shiftKey ? -1 : 1); } if (e.key === 'Escape') { setWanted(''); e.currentTarget.blur(); } }}
					/>
					{wanted && <span class="log-count" role="status">{found.length ? `${count(at + 1)} of ${count(found.length)}${found.length >= 10_000 ? '+' : ''}` : 'no match'}</span>}
				</div>
				{wanted && <><Button small kind="quiet" icon="up" aria-label="Match before" onClick={() => step(-1)} /><Button small kind="quiet" icon="down" aria-label="Next match" onClick={() => step(1)} /></>}
				<span class="log-space" />
				{store.hasSteps && <Button small kind="quiet" onClick={() => { const any = store.segments.some((_, i) => !store.isFolded(i)); store.foldAll(any); folded((x) => x + 1); }}>{store.segments.some((_, i) => !store.isFolded(i)) ? 'Fold all' : 'Unfold all'}</Button>}
				<Button small kind="quiet" icon="clock" aria-label="Times of the lines" title="Times of the lines (t)" aria-pressed={stamps} onClick={() => setStamps(!stamps)} />
				<Button small kind="quiet" icon="down" aria-pressed={follow} title="Follow the end (f)" onClick={() => setFollow(!follow)}>Follow</Button>
				<a class="button button-quiet button-small" href={`${BASE}/jobs/${idPath(job.id)}/log`} target="_blank" rel="noopener">Raw</a>
			</div>
			{reading.problem && <Failure problem={reading.problem} />}
			<div ref={box} class="log-box" tabIndex={0} role="region" aria-label={`Log of ${job.name}, ${count(store.length)} lines`} onScroll={onScroll} style={{ '--digits': digits, '--rows': rows }}>
				<div class="log-rows" style={{ height: px(rows * ROW), minWidth: `calc(${widest.current + digits + (stamps ? 16 : 4)} * 1ch + 40px)` }}>{shown}</div>
			</div>
			<div class="log-foot">
				<span>{plural(store.length, 'line')}</span>
				{!reading.done && !reading.problem && job.ended_at === undefined && <span class="log-live"><Icon name="running" size={12} />writing</span>}
				{store.full && <span>More lines stand in the raw log. <Command text={`penstock logs ${job.id}`} /></span>}
			</div>
		</div>
	);
}
