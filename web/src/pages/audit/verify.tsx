// That nobody changed the journal: said by the server, and computed again here from the bytes it sends.
import { useEffect, useRef, useState } from 'preact/hooks';
import { BASE } from '../../api/client';
import { Button, Command, Digest, Failure } from '../../ui/basics';
import { count, plural } from '../../ui/format';
import { Icon } from '../../ui/icon';
import { Menu } from '../../ui/menu';
import { ChainChecker, type Checked } from './chain';
import { stream } from './source';

const WINDOW = 20_000; // records that are hashed here at most

function Here({ first, last }: { first: number; last: number }) {
	const [checked, setChecked] = useState<Checked & { done: boolean }>();
	const [problem, setProblem] = useState<unknown>();
	const stop = useRef<AbortController>(undefined);
	useEffect(() => () => stop.current?.abort(), []);
	const from = Math.max(first, last - WINDOW + 1);
	const want = last - from + 1;
	const running = checked && !checked.done;
	const begin = async () => {
		const abort = new AbortController();
		stop.current = abort;
		setProblem(undefined);
		const checker = new ChainChecker();
		setChecked({ ...checker.result, done: false });
		try {
			await stream(`/journal?from=${from}&limit=${want}`, async (text) => {
				await checker.feed(text);
				setChecked({ ...checker.result, done: false });
			}, abort.signal);
			const result = await checker.end();
			if (!result.wrong && result.n < want) result.wrong = `the server sent ${plural(result.n, 'record')} of ${count(want)}`;
			setChecked({ ...result, done: true });
		} catch (failure) {
			setChecked(undefined);
			if (!abort.signal.aborted) setProblem(failure);
		}
	};
	if (!globalThis.crypto?.subtle)
		return <p class="muted">This browser computes hashes only over https or on this machine: open these pages by https to check the chain here.</p>;
	return (
		<div class="stack">
			<p>Computes the SHA-256 of each of the {plural(want, 'record')} from {count(from)} to {count(last)} again, from the bytes that the server sends: you need not believe it.</p>
			{running && <progress class="progress" max={want} value={checked.n} aria-label={`${checked.n} of ${want} records checked`} />}
			{checked?.done && !checked.wrong && (
				<div class="notice tone-ok" role="status"><Icon name="passed" /><div>{plural(checked.n, 'record')} checked here: each names the hash before it, and its bytes give its own. The last hash is <Digest value={checked.head} label="Copy the hash" />. Note it elsewhere: it proves later that nothing up to record {count(checked.last)} was changed.</div></div>
			)}
			{checked?.wrong && <div class="notice tone-bad" role="alert"><Icon name="failed" /><div>The chain is broken: {checked.wrong}. Keep a copy of the data folder as it is, and compare with an export from before.</div></div>}
			{problem !== undefined && <Failure problem={problem} />}
			<div class="button-row">
				<Button icon="shield" onClick={() => void begin()} why={running ? 'It is being computed' : undefined}>{running ? `${count(checked.n)} of ${count(want)}` : 'Check here'}</Button>
				{running && <Button kind="quiet" onClick={() => stop.current?.abort()}>Stop</Button>}
			</div>
		</div>
	);
}

interface Line {
	ok?: boolean; // in the last one only
	checked?: number;
	total?: number;
	head?: string;
	bad?: number;
	detail?: string;
	archive?: string; // that is read, or where the first bad record is
	missing?: { from: number; to: number }[]; // records that are in no archive there
}
function OnServer() {
	const [line, setLine] = useState<Line>();
	const [problem, setProblem] = useState<unknown>();
	const stop = useRef<AbortController>(undefined);
	useEffect(() => () => stop.current?.abort(), []);
	const running = line !== undefined && line.ok === undefined;
	const begin = async () => {
		const abort = new AbortController();
		stop.current = abort;
		setProblem(undefined);
		setLine({});
		let rest = '';
		let last: Line = {};
		try {
			await stream('/audit/verify', async (text) => {
				const lines = (rest + text).split('\n');
				rest = lines.pop() ?? '';
				for (const one of lines) if (one.trim()) setLine((last = JSON.parse(one) as Line));
			}, abort.signal);
			if (last.ok === undefined) throw new Error(last.detail ?? 'The answer was cut off: try again.');
		} catch (failure) {
			setLine(undefined);
			if (!abort.signal.aborted) setProblem(failure);
		}
	};
	return (
		<div class="stack">
			<p>The daemon reads all records, in its archives and in its store, checks each hash, and says at which the chain breaks, if it does. On an export alone, anywhere: <Command text="penstock audit verify --export FILE --head HASH" /></p>
			{running && <progress class="progress" {...(line.total ? { max: line.total, value: line.checked ?? 0 } : {})} aria-label="The journal is being read" />}
			{line?.ok && <div class="notice tone-ok" role="status"><Icon name="passed" /><div>{line.missing ? 'The chain holds' : 'The whole chain holds'}: {plural(line.checked ?? 0, 'record')}. The last hash is <Digest value={line.head} label="Copy the hash" />.{line.missing?.map(({ from, to }) => ` Records ${count(from)} to ${count(to)} are in no archive here: they were put elsewhere, and are not checked.`)}</div></div>}
			{line?.ok === false && <div class="notice tone-bad" role="alert"><Icon name="failed" /><div>The chain is broken{line.bad ? ` at record ${count(line.bad)}` : ''}{line.archive ? ` in ${line.archive}` : ''}: {line.detail}. Keep a copy of the data folder as it is, and compare with an export from before.</div></div>}
			{problem !== undefined && <Failure problem={problem} />}
			<div class="button-row"><Button icon="shield" onClick={() => void begin()} why={running ? 'It is being read' : undefined}>{running && line.total ? `${count(line.checked ?? 0)} of ${count(line.total)}` : 'Verify all of it'}</Button></div>
		</div>
	);
}

export function Export({ since, text }: { since: number; text: string }) {
	const save = (query: Record<string, string>) => () => location.assign(`${BASE}/audit/export?${new URLSearchParams(query)}`);
	const narrowed: Record<string, string> = since ? { since: String(since) } : {};
	return (
		<Menu
			label="Export" icon="down"
			items={[
				{ label: 'Whole journal, NDJSON: it verifies by itself', icon: 'audit', act: save({ format: 'ndjson' }) },
				...(since ? [{ label: `${text}, NDJSON`, icon: 'clock' as const, act: save({ format: 'ndjson', ...narrowed }) }] : []),
				{ label: `${since ? text : 'Whole journal'}, CDEvents`, icon: 'external', act: save({ format: 'cdevents', ...narrowed }) },
			]}
		>
			Export
		</Menu>
	);
}

export function Chain({ first, last }: { first: number; last: number }) {
	return (
		<section class="panel" aria-labelledby="chain-head">
			<header class="panel-head"><h2 id="chain-head">The chain</h2></header>
			<div class="panel-body chain">
				<div><h3>In this browser</h3><Here key={`${first}`} first={first} last={last} /></div>
				<div><h3>On the server</h3><OnServer /></div>
			</div>
		</section>
	);
}
