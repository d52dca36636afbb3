// That nobody changed the journal: said by the server, and computed again here from the bytes it sends.
import { useEffect, useRef, useState } from 'preact/hooks';
import { BASE, read } from '../../api/client';
import { Problem } from '../../api/problem';
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

interface Verified {
	ok?: boolean;
	records?: number;
	first?: number;
	last?: number;
	hash?: string;
	head?: string;
	error?: string;
	detail?: string;
}
function OnServer({ last }: { last: number }) {
	const [state, set] = useState<{ busy?: boolean; answer?: Verified; problem?: unknown }>({});
	const begin = async () => {
		set({ busy: true });
		try {
			set({ answer: (await read<Verified>('/audit/verify')).data ?? {} });
		} catch (problem) {
			set({ problem });
		}
	};
	const missing = state.problem instanceof Problem && state.problem.status === 404;
	const bad = state.answer && (state.answer.ok === false || state.answer.error);
	return (
		<div class="stack">
			<p>The daemon reads all {plural(last, 'record')} from its store, checks each hash, and says at which the chain breaks, if it does.</p>
			{state.busy && <progress class="progress" aria-label="The journal is being read" />}
			{state.answer && !bad && <div class="notice tone-ok" role="status"><Icon name="passed" /><div>The whole chain holds{state.answer.records ? `, ${plural(state.answer.records, 'record')}` : ''}.</div></div>}
			{bad && <div class="notice tone-bad" role="alert"><Icon name="failed" /><div>The chain is broken: {state.answer?.error ?? state.answer?.detail ?? 'see the log of the daemon'}.</div></div>}
			{missing && <div class="notice tone-idle"><Icon name="terminal" /><div>This daemon has no such request. In a terminal: <Command text="penstock audit verify" /></div></div>}
			{state.problem !== undefined && !missing && <Failure problem={state.problem} />}
			<div class="button-row"><Button icon="shield" onClick={() => void begin()} why={state.busy ? 'It is being read' : undefined}>Verify all of it</Button></div>
		</div>
	);
}

export function Export({ type, subject }: { type: string; subject: string }) {
	const query = new URLSearchParams();
	if (type) query.set('type', type);
	if (subject) query.set('subject', subject);
	const narrowed = query.toString();
	return (
		<Menu
			label="Export" icon="down"
			items={[
				{ label: 'Whole journal, NDJSON: it verifies by itself', icon: 'audit', act: () => location.assign(`${BASE}/journal`) },
				...(narrowed ? [{ label: 'What is shown, NDJSON', icon: 'filter' as const, act: () => location.assign(`${BASE}/journal?${narrowed}`) }] : []),
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
				<div><h3>On the server</h3><OnServer last={last} /></div>
			</div>
		</section>
	);
}
