// Audit: who did what, when, from where, and what it changed.
import { useMemo, useState } from 'preact/hooks';
import type { JournalRecord } from '../../api/types';
import { go, usePlace, withQuery } from '../../router';
import type { PageProps } from '../../routes';
import { Button, Copy, cx, Digest, Empty, Failure, Skeleton, useTitle } from '../../ui/basics';
import { count, exact, person, plural, SEC, serverNow } from '../../ui/format';
import { Icon } from '../../ui/icon';
import { Segments } from '../../ui/tabs';
import { Ago } from '../../ui/time';
import { SHOWS, useRecords, type Show } from './source';
import { Chain, Export } from './verify';
import { changesOf, hrefOf, isDecision, kindOf, sentence, shownValue, text } from './words';

const PAGE = 100; // rows more at a time
const DAY = 24 * 3600 * SEC;
const within = [
	{ value: '', label: 'Any time', usec: 0 },
	{ value: '1', label: 'Last 24 hours', usec: DAY },
	{ value: '7', label: 'Last 7 days', usec: 7 * DAY },
	{ value: '30', label: 'Last 30 days', usec: 30 * DAY },
];

function Changes({ record }: { record: JournalRecord }) {
	const changes = changesOf(record);
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

function Details({ record }: { record: JournalRecord & { prev?: string; hash?: string } }) {
	const p = record.payload ?? {};
	const rest = Object.fromEntries(Object.entries(p).filter(([key]) => !['changes', 'address', 'via'].includes(key)));
	const json = JSON.stringify(rest, null, 2);
	return (
		<div class="entry-body">
			<dl class="entry-facts">
				<div><dt>When</dt><dd>{exact(record.time)}</dd></div>
				<div><dt>Who</dt><dd><code>{record.actor}</code></dd></div>
				{text(p, 'address') && <div><dt>From</dt><dd><code>{text(p, 'address') === 'local' ? 'this machine' : text(p, 'address')}</code></dd></div>}
				{text(p, 'via') && <div><dt>By</dt><dd><code>{text(p, 'via')}</code></dd></div>}
				<div><dt>Type</dt><dd><code>{record.type}</code></dd></div>
				<div><dt>About</dt><dd>{hrefOf(record.subject) ? <a href={hrefOf(record.subject)}>{record.subject}</a> : <code>{record.subject}</code>}</dd></div>
				{record.hash && <div><dt>Hash</dt><dd><Digest value={record.hash} label="Copy the hash" /></dd></div>}
				{record.prev && <div><dt>Before it</dt><dd><Digest value={record.prev} label="Copy the hash before" /></dd></div>}
			</dl>
			<Changes record={record} />
			{json !== '{}' && (
				<div class="entry-json">
					<div class="entry-json-head"><h3>Payload</h3><Copy text={json} label="Copy the payload" /></div>
					<pre tabIndex={0} aria-label="Payload">{json}</pre>
				</div>
			)}
		</div>
	);
}

function Entry({ record, open, onToggle }: { record: JournalRecord; open: boolean; onToggle: () => void }) {
	const kind = kindOf(record);
	const href = hrefOf(record.subject);
	const p = record.payload ?? {};
	return (
		<li class={cx('entry', open && 'entry-open')} id={`record-${record.seq}`}>
			<div class="entry-line" onClick={(e) => !(e.target as Element).closest('a, button, time') && !getSelection()?.toString() && onToggle()}>
				<button type="button" class="entry-toggle" aria-expanded={open} aria-label={`Record ${record.seq}, details`} onClick={onToggle}><Icon name={open ? 'down' : 'right'} size={14} /></button>
				<span class={`state-icon tone-${kind.tone}`} title={kind.label}><Icon name={kind.icon} size={14} label={kind.label} /></span>
				<p class="entry-text"><strong>{person(record.actor)}</strong> {sentence(record)}</p>
				<span class="entry-about">{href ? <a href={href} class="cut" title={record.subject}>{record.subject}</a> : <span class="cut muted" title={record.subject}>{record.subject}</span>}</span>
				<span class="entry-from muted">{text(p, 'address') === 'local' ? 'this machine' : text(p, 'address')}</span>
				<span class="entry-when muted"><Ago at={record.time} /></span>
				<span class="entry-seq muted num">{count(record.seq)}</span>
			</div>
			{open && <Details record={record} />}
		</li>
	);
}

const dayFormat = new Intl.DateTimeFormat('en-GB', { weekday: 'long', day: 'numeric', month: 'long', year: 'numeric' });

export default function Audit(_: PageProps) {
	const place = usePlace();
	const get = (key: string) => place.query.get(key) ?? '';
	const show = (SHOWS.find((s) => s.value === get('show'))?.value ?? '') as Show;
	const [shown, setShown] = useState(PAGE);
	const { records, problem, full, retry } = useRecords(show, get('subject'), get('type'));
	useTitle('Audit');
	const set = (change: Record<string, string | null>, replace = false) => {
		setShown(PAGE);
		go(withQuery(place, change), { replace, keepScroll: true });
	};
	const time = within.find((w) => w.value === get('within')) ?? within[0]!;
	const search = get('q').trim().toLowerCase();
	const fitting = useMemo(() => {
		const since = time.usec ? serverNow() - time.usec : 0;
		return (records ?? []).filter((r) => (show !== '' || get('type') || isDecision(r)) && r.time >= since && (!get('actor') || r.actor === get('actor')) && (!search || `${r.actor} ${r.subject} ${r.type} ${sentence(r)} ${JSON.stringify(r.payload ?? '')}`.toLowerCase().includes(search)));
	}, [records, show, time, search, get('actor'), get('type')]);
	const actors = useMemo(() => [...new Set((records ?? []).map((r) => r.actor))].sort(), [records]);
	const types = useMemo(() => [...new Set((records ?? []).map((r) => r.type))].sort(), [records]);
	const open = Number(get('record')) || 0;
	const chain = get('chain') === '1';
	const filtered = search || get('actor') || get('subject') || get('type') || get('within');
	const rows = fitting.slice(0, shown);
	const days = new Map<string, JournalRecord[]>();
	for (const r of rows) {
		const day = dayFormat.format(r.time / 1000);
		days.set(day, [...(days.get(day) ?? []), r]);
	}
	const newest = records?.[0]?.seq ?? 0;
	return (
		<div class="page">
			<header class="page-head">
				<div>
					<h1>Audit</h1>
					<p class="muted">Every decision, every refusal, and all that followed, in one chain of hashes</p>
				</div>
				<div class="button-row">
					<Button icon="shield" aria-pressed={chain} onClick={() => set({ chain: chain ? null : '1' })}>Verify</Button>
					<Export type={get('type') || (show === 'access' ? 'access.*' : '')} subject={get('subject')} />
				</div>
			</header>
			{chain && newest > 0 && <Chain first={fitting.length ? (fitting[fitting.length - 1] as JournalRecord).seq : 1} last={newest} />}
			<div class="filters" role="search">
				<input type="search" data-filter aria-label="Search the records" placeholder="Search actor, subject, text ( / )" value={get('q')} onInput={(e) => set({ q: e.currentTarget.value }, true)} />
				<select class="choice" aria-label="Actor" value={get('actor')} onChange={(e) => set({ actor: e.currentTarget.value })}>
					<option value="">By anybody</option>
					{[...new Set([...(get('actor') ? [get('actor')] : []), ...actors])].map((a) => <option key={a} value={a}>{person(a)}</option>)}
				</select>
				<select class="choice" aria-label="Type" value={get('type')} onChange={(e) => set({ type: e.currentTarget.value })}>
					<option value="">Of any type</option>
					{[...new Set([...(get('type') ? [get('type')] : []), ...types])].map((t) => <option key={t} value={t}>{t}</option>)}
				</select>
				<select class="choice" aria-label="When" value={time.value} onChange={(e) => set({ within: e.currentTarget.value })}>
					{within.map((w) => <option key={w.value} value={w.value}>{w.label}</option>)}
				</select>
				<input type="text" class="choice audit-subject" aria-label="About" placeholder="About: run-7, rel-2*" value={get('subject')} onChange={(e) => set({ subject: e.currentTarget.value.trim() })} />
				<Segments label="Which records" value={show} onChange={(v) => set({ show: v, type: null })} options={SHOWS.map((s) => ({ value: s.value, label: s.label }))} />
				{filtered && <Button kind="quiet" icon="close" onClick={() => set({ q: null, actor: null, type: null, within: null, subject: null })}>Clear</Button>}
			</div>
			{problem !== undefined && <Failure problem={problem} retry={retry} />}
			{!records && problem === undefined && <Skeleton lines={6} />}
			{records && !fitting.length && (filtered ? <Empty icon="filter" title="No record fits these filters">{plural(records.length, 'record')} would be shown without them.</Empty> : (
				<Empty icon="audit" title="Nobody has decided anything yet" command="penstock audit list">
					Approvals, rollbacks, pins, tokens, roles and refused attempts stand here, with who, when, from where and what they changed. What the machine did by itself is under Everything.
				</Empty>
			))}
			{rows.length > 0 && (
				<div class="panel audit-list">
					{[...days].map(([day, list]) => (
						<section key={day} aria-label={day}>
							<h2 class="audit-day">{day}</h2>
							<ul>{list.map((r) => <Entry key={r.seq} record={r} open={r.seq === open} onToggle={() => go(withQuery(place, { record: r.seq === open ? null : String(r.seq) }), { replace: true, keepScroll: true })} />)}</ul>
						</section>
					))}
				</div>
			)}
			{records && fitting.length > 0 && (
				<footer class="audit-foot">
					<span class="muted" role="status">{rows.length < fitting.length ? `The newest ${count(rows.length)} of ${plural(fitting.length, 'record')}` : plural(fitting.length, 'record')}{full ? '; older ones are in the export' : ''}</span>
					{rows.length < fitting.length && <Button kind="quiet" onClick={() => setShown(shown + PAGE)}>Show older</Button>}
				</footer>
			)}
		</div>
	);
}
