// Audit: who did what, when, from where, and what it changed.
import { useEffect, useMemo, useState } from 'preact/hooks';
import { BASE, readText } from '../../api/client';
import { go, usePlace, withQuery } from '../../router';
import type { PageProps } from '../../routes';
import { Button, Copy, cx, Digest, Empty, Failure, Skeleton, useTitle } from '../../ui/basics';
import { count, exact, plural, SEC, serverNow } from '../../ui/format';
import { Icon } from '../../ui/icon';
import { Segments } from '../../ui/tabs';
import { Ago } from '../../ui/time';
import { readRecord, type ChainRecord } from './chain';
import { SHOWS, useEntries, type Entry, type Show, type Wanted } from './source';
import { Chain, Export } from './verify';
import { hrefOf, kindOf, sentence, shownPayload, shownValue } from './words';

const TYPING = 250; // ms without a key: then the search is sent
const DAY = 24 * 3600 * SEC;
const within = [
	{ value: '', label: 'Any time', usec: 0 },
	{ value: '1', label: 'Last 24 hours', usec: DAY },
	{ value: '7', label: 'Last 7 days', usec: 7 * DAY },
	{ value: '30', label: 'Last 30 days', usec: 30 * DAY },
];

function Changes({ record }: { record: Entry }) {
	const changes = record.changes ?? [];
	if (!changes.length) return null;
	return (
		<div class="table-wrap" tabIndex={0} role="region" aria-label="What it changed">
			<table>
				<caption class="offscreen">What record {record.seq} changed</caption>
				<thead><tr><th scope="col">Of</th><th scope="col">Field</th><th scope="col">Before</th><th scope="col">After</th></tr></thead>
				<tbody>
					{changes.map((c, i) => (
						<tr key={i}>
							<td class="nowrap">{c.subject}</td>
							<td class="nowrap"><code>{c.field}</code></td>
							<td>{c.before === undefined ? <span class="muted">was not there</span> : <del class="value">{shownValue(c.before)}</del>}</td>
							<td>{c.after === undefined ? <span class="muted">is gone</span> : <ins class="value">{shownValue(c.after)}</ins>}</td>
						</tr>
					))}
				</tbody>
			</table>
		</div>
	);
}

// Its hashes stand beside its own bytes only.
function useHashes(seq: number): ChainRecord | undefined {
	const [record, set] = useState<ChainRecord>();
	useEffect(() => {
		let stop = false;
		readText(`/journal?from=${seq}&limit=1`).then((text) => !stop && set(readRecord(text.trim())), () => {});
		return () => {
			stop = true;
		};
	}, [seq]);
	return record;
}

function Details({ record }: { record: Entry }) {
	const payload = shownPayload(record);
	const { hash, prev } = useHashes(record.seq) ?? {};
	return (
		<div class="entry-body">
			<dl class="entry-facts">
				<div><dt>When</dt><dd>{exact(record.at)}</dd></div>
				<div><dt>Who</dt><dd><code>{record.actor}</code></dd></div>
				{record.address && <div><dt>From</dt><dd><code>{addressOf(record)}</code></dd></div>}
				{record.via && <div><dt>By</dt><dd><code>{record.via}</code></dd></div>}
				<div><dt>Type</dt><dd><code>{record.type}</code></dd></div>
				<div><dt>About</dt><dd>{hrefOf(record.subject) ? <a href={hrefOf(record.subject)}>{record.subject}</a> : <code>{record.subject}</code>}</dd></div>
				{hash && <div><dt>Hash</dt><dd><Digest value={hash} label="Copy the hash" /></dd></div>}
				{prev && <div><dt>Before it</dt><dd><Digest value={prev} label="Copy the hash before" /></dd></div>}
			</dl>
			<Changes record={record} />
			{payload.text && (
				<div class="entry-json">
					<div class="entry-json-head"><h3>Payload</h3>{record.payload && <Copy text={JSON.stringify(record.payload, null, 2)} label="Copy the payload" />}{payload.short && <a class="muted" href={`${BASE}/journal?from=${record.seq}&limit=1`} target="_blank" rel="noopener">The whole record</a>}</div>
					<pre tabIndex={0} aria-label="Payload">{payload.text}</pre>
				</div>
			)}
		</div>
	);
}

const addressOf = (record: Entry): string => (record.address === 'local' ? 'this machine' : (record.address ?? ''));

function EntryView({ record, open, onToggle }: { record: Entry; open: boolean; onToggle: () => void }) {
	const kind = kindOf(record);
	const href = hrefOf(record.subject);
	const { who, did } = sentence(record);
	return (
		<li class={cx('entry', open && 'entry-open')} id={`record-${record.seq}`}>
			<div class="entry-line" onClick={(e) => !(e.target as Element).closest('a, button, time') && !getSelection()?.toString() && onToggle()}>
				<button type="button" class="entry-toggle" aria-expanded={open} aria-label={`Record ${record.seq}, details`} onClick={onToggle}><Icon name={open ? 'down' : 'right'} size={14} /></button>
				<span class={`state-icon tone-${kind.tone}`} title={kind.label}><Icon name={kind.icon} size={14} label={kind.label} /></span>
				<p class="entry-text">{who && <strong>{who} </strong>}{did}</p>
				<span class="entry-about">{href ? <a href={href} class="cut" title={record.subject}>{record.subject}</a> : <span class="cut muted" title={record.subject}>{record.subject}</span>}</span>
				<span class="entry-from muted">{addressOf(record)}</span>
				<span class="entry-when muted"><Ago at={record.at} /></span>
				<span class="entry-seq muted num" title={`Record ${record.seq} of the journal`}>{count(record.seq)}</span>
			</div>
			{open && <Details record={record} />}
		</li>
	);
}

const dayFormat = new Intl.DateTimeFormat('en-GB', { weekday: 'long', day: 'numeric', month: 'long', year: 'numeric' });

// What is typed, once nobody types any more.
function useCalm(text: string): string {
	const [calm, set] = useState(text);
	useEffect(() => {
		const timer = setTimeout(() => set(text), TYPING);
		return () => clearTimeout(timer);
	}, [text]);
	return calm;
}

// A filter that is asked for by Enter, or by leaving it: what is being typed stays, whatever else the page shows meanwhile.
function Typed({ value, done, ...rest }: { value: string; done: (text: string) => void; list?: string; placeholder: string; 'aria-label': string }) {
	const [text, setText] = useState(value);
	useEffect(() => setText(value), [value]);
	return <input type="text" class="choice audit-by" spellcheck={false} {...rest} value={text} onInput={(e) => setText(e.currentTarget.value)} onChange={(e) => done(e.currentTarget.value.trim())} />;
}

export default function Audit(_: PageProps) {
	const place = usePlace();
	const get = (key: string) => place.query.get(key) ?? '';
	const show = (SHOWS.find((s) => s.value === get('show'))?.value ?? '') as Show;
	const time = within.find((w) => w.value === get('within')) ?? within[0]!;
	// To the minute: a time that moves with every look would be another question each time.
	const since = useMemo(() => (time.usec ? Math.floor((serverNow() - time.usec) / (60 * SEC)) * 60 * SEC : 0), [time]);
	const search = useCalm(get('q').trim());
	const want: Wanted = { show, search, actor: get('actor'), subject: get('subject'), type: get('type'), since };
	const { entries, next, archived, problem, busy, older, retry } = useEntries(want);
	useTitle('Audit');
	const set = (change: Record<string, string | null>, replace = false) => go(withQuery(place, change), { replace, keepScroll: true });
	const seen = useMemo(() => ({ actors: [...new Set((entries ?? []).map((r) => r.actor))].sort(), types: [...new Set((entries ?? []).map((r) => r.type))].sort() }), [entries]);
	const open = Number(get('record')) || 0;
	const chain = get('chain') === '1';
	const filtered = search || get('actor') || get('subject') || get('type') || get('within');
	const rows = entries ?? [];
	const days = new Map<string, Entry[]>();
	for (const r of rows) {
		const day = dayFormat.format(r.at / 1000);
		days.set(day, [...(days.get(day) ?? []), r]);
	}
	const newest = rows[0]?.seq ?? 0;
	return (
		<div class="page">
			<header class="page-head">
				<div>
					<h1>Audit</h1>
					<p class="muted">Every decision, every refusal, and all that followed, in one chain of hashes</p>
				</div>
				<div class="button-row">
					<Button icon="shield" aria-pressed={chain} onClick={() => set({ chain: chain ? null : '1' })}>Verify</Button>
					<Export since={since} text={time.label} />
				</div>
			</header>
			{chain && newest > 0 && <Chain first={rows[rows.length - 1]?.seq ?? 1} last={newest} />}
			<div class="filters" role="search">
				<input type="search" data-filter aria-label="Search the records" placeholder="Search any text of a record ( / )" value={get('q')} onInput={(e) => set({ q: e.currentTarget.value }, true)} />
				<Typed list="audit-actors" aria-label="By" placeholder="By: user:ann, token:*" value={get('actor')} done={(actor) => set({ actor })} />
				<datalist id="audit-actors">{seen.actors.map((a) => <option key={a} value={a} />)}</datalist>
				<Typed list="audit-types" aria-label="Type" placeholder="Type: person.*" value={get('type')} done={(type) => set({ type })} />
				<datalist id="audit-types">{['person.*', 'access.*', ...seen.types].map((t) => <option key={t} value={t} />)}</datalist>
				<Typed aria-label="About" placeholder="About: run-7, rel-2*" value={get('subject')} done={(subject) => set({ subject })} />
				<select class="choice" aria-label="When" value={time.value} onChange={(e) => set({ within: e.currentTarget.value })}>
					{within.map((w) => <option key={w.value} value={w.value}>{w.label}</option>)}
				</select>
				<Segments label="Which records" value={show} onChange={(v) => set({ show: v, type: null })} options={SHOWS.map((s) => ({ value: s.value, label: s.label }))} />
				{filtered && <Button kind="quiet" icon="close" onClick={() => set({ q: null, actor: null, type: null, within: null, subject: null })}>Clear</Button>}
			</div>
			{problem !== undefined && <Failure problem={problem} retry={retry} />}
			{!entries && problem === undefined && <Skeleton lines={6} />}
			{entries && !rows.length && !next && (filtered ? <Empty icon="filter" title="No record fits these filters">All of the journal was looked at. Clear a filter, or look under Everything.</Empty> : (
				<Empty icon="audit" title="Nobody has decided anything yet" command="penstock audit list">
					Approvals, rollbacks, pins, tokens, roles and refused attempts stand here, with who, when, from where and what they changed. What the machine did by itself is under Everything.
				</Empty>
			))}
			{rows.length > 0 && (
				<div class="panel audit-list">
					{[...days].map(([day, list]) => (
						<section key={day} aria-label={day}>
							<h2 class="audit-day">{day}</h2>
							<ul>{list.map((r) => <EntryView key={r.seq} record={r} open={r.seq === open} onToggle={() => go(withQuery(place, { record: r.seq === open ? null : String(r.seq) }), { replace: true, keepScroll: true })} />)}</ul>
						</section>
					))}
				</div>
			)}
			{entries && (rows.length > 0 || next) && (
				<footer class="audit-foot">
					<span class="muted" role="status">{next ? `The newest ${plural(rows.length, 'record')}` : `${plural(rows.length, 'record')}${archived ? `; those up to ${count(archived)} are in an archive` : ''}`}</span>
					{next && <Button kind="quiet" onClick={older} why={busy ? 'They are being read' : undefined}>Show older</Button>}
				</footer>
			)}
		</div>
	);
}
