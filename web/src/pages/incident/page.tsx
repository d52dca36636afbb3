// One incident: what happened when, what was deployed around it, what to do, and what is said of it afterwards.
import { useState } from 'preact/hooks';
import { readText, write } from '../../api/client';
import type { Curves } from '../../api/deliver';
import { useQuery, useTick } from '../../api/hooks';
import { useMe, whyNot } from '../../api/me';
import { Problem } from '../../api/problem';
import type { Incident as IncidentT, Rollout } from '../../api/types';
import type { PageProps } from '../../routes';
import { Button, Command, Copy, cx, Digest, Empty, Failure, Skeleton, useTitle } from '../../ui/basics';
import { Confirm, Dialog, type Ask } from '../../ui/dialog';
import { clock, exact, iso, person, plural, serverNow } from '../../ui/format';
import { Icon } from '../../ui/icon';
import { useShortcut } from '../../ui/keys';
import { StateBadge } from '../../ui/state';
import { Segments } from '../../ui/tabs';
import { Ago } from '../../ui/time';
import { toast } from '../../ui/toast';
import { MoreMenu, Panel, Trail } from '../shared/bits';
import { CurvesView } from '../shared/curves_view';
import { Markdown } from '../shared/markdown';
import { factsOf, headOf, isUrl, linesOf, nearLines, type Line, type Runbook } from './model';

const lineIcon = { bad: 'failed', ok: 'passed', wait: 'waiting', run: 'rollout', idle: 'right' } as const;

function TimelineRow({ line, day }: { line: Line; day: boolean }) {
	const text = <>{line.text}{line.by && line.by !== 'engine' && <span class="muted"> {person(line.by)}</span>}{line.suspect && <span class="badge tone-bad">suspect</span>}</>;
	return (
		<li class={cx('tl-row', `tl-${line.side}`, `tone-${line.tone}`, line.phase && 'tl-phase')}>
			<time dateTime={iso(line.at)} title={exact(line.at)}>{day && <b>{exact(line.at).slice(0, 11)}</b>}{clock(line.at)}</time>
			<span class="tl-mark"><Icon name={lineIcon[line.tone]} size={14} /></span>
			<div class="tl-text">{line.href ? <a href={line.href}>{text}</a> : text}</div>
		</li>
	);
}

function Timeline({ incident }: { incident: IncidentT }) {
	const [whole, setWhole] = useState(false);
	const all = linesOf(incident);
	const near = nearLines(all, incident);
	const lines = whole ? all : near;
	let last = '';
	return (
		<>
			{all.length > near.length && <p class="tl-more"><button type="button" class="as-link" onClick={() => setWhole(!whole)}>{whole ? 'Only the deploys closest to it' : `${plural(all.length - near.length, 'deploy')} farther away`}</button></p>}
			<ol class="tl">
				{lines.map((l, i) => {
					const today = new Date(l.at / 1000).toDateString();
					const day = today !== last;
					last = today;
					return <TimelineRow key={i} line={l} day={day} />;
				})}
			</ol>
		</>
	);
}

function RunbookPanel({ incident }: { incident: IncidentT }) {
	const path = incident.runbook;
	const wanted = path && !isUrl(path);
	const { data, problem } = useQuery<Runbook>(wanted ? `/incidents/${encodeURIComponent(incident.id)}/runbook` : null);
	return (
		<Panel title="Runbook" note={wanted ? <code>{path}</code> : null} tools={data?.text ? <Copy text={data.text} label="Copy the runbook" /> : undefined}>
			{!path && <p class="muted">None is named. penstock.yml says where it is: production.on_failure.runbook: "docs/runbooks/{'{service}'}.md"</p>}
			{path && isUrl(path) && <a href={path} target="_blank" rel="noopener noreferrer"><Icon name="external" size={13} /> {path}</a>}
			{wanted && !data && !problem && <Skeleton lines={4} />}
			{wanted && problem && <p class="muted">It cannot be shown: {problem.message}</p>}
			{data?.problem && <p class="muted">It cannot be read: {data.problem}</p>}
			{data?.text && <Markdown text={data.text} />}
			{data?.commit && <p class="muted md-from">as of <Digest value={data.commit} label="Copy the commit" /></p>}
		</Panel>
	);
}

function PostMortem({ id, onClose }: { id: string; onClose: () => void }) {
	const [text, setText] = useState<string>();
	const [problem, setProblem] = useState<unknown>();
	const [view, setView] = useState<'read' | 'source'>('read');
	const [begun, setBegun] = useState(false);
	if (!begun) {
		setBegun(true);
		readText(`/incidents/${encodeURIComponent(id)}/postmortem`).then(setText, (failure) => setProblem(failure instanceof Problem && failure.status === 404 ? new Error('This daemon writes no post-mortems: it is of an earlier version.') : failure));
	}
	const save = () => {
		const url = URL.createObjectURL(new Blob([text ?? ''], { type: 'text/markdown' }));
		const a = document.createElement('a');
		a.href = url;
		a.download = `${id}.md`;
		a.click();
		setTimeout(() => URL.revokeObjectURL(url), 10_000);
		toast(`${id}.md is saved`);
	};
	return (
		<Dialog title={`Post-mortem of ${id}`} onClose={onClose} wide>
			<div class="stack">
				<p class="dialog-text">What is known is filled in; the headings for why it happened, what went well and what to do are for people.</p>
				{problem !== undefined && <Failure problem={problem} />}
				{text === undefined && problem === undefined && <Skeleton lines={6} />}
				{text !== undefined && (
					<>
						<div class="button-row pm-tools"><Segments label="View" value={view} onChange={setView} options={[{ value: 'read', label: 'Read' }, { value: 'source', label: 'Markdown' }]} /><Copy text={text} label="Copy the Markdown" /></div>
						<div class="pm" tabIndex={0} role="region" aria-label="Post-mortem">{view === 'read' ? <Markdown text={text} /> : <pre class="pm-source">{text}</pre>}</div>
						<footer class="dialog-foot"><Button onClick={onClose}>Close</Button><Button kind="primary" icon="down" onClick={save}>Save {id}.md</Button></footer>
					</>
				)}
			</div>
		</Dialog>
	);
}

export default function IncidentPage({ params }: PageProps) {
	const id = params['id'] as string;
	const path = `/incidents/${encodeURIComponent(id)}`;
	const { data: i, problem } = useQuery<IncidentT>(path);
	const { data: r } = useQuery<Rollout>(i?.rollout ? `/rollouts/${i.rollout}` : null);
	const { data: curves } = useQuery<Curves>(i?.rollout ? `/rollouts/${i.rollout}/curves` : null);
	const me = useMe();
	const [ask, setAsk] = useState<Omit<Ask, 'onClose'> | null>(null);
	const [export_, setExport] = useState(false);
	useTick(i?.state === 'open' ? 1000 : null);
	useTitle(headOf(i?.title) || id);
	const developer = whyNot(me, 'developer', i?.environment);
	const operator = whyNot(me, 'operator', i?.environment);
	const act = (verb: string, said: string) => async (text: string) => {
		await write('POST', `${path}/${verb}`, text ? { text } : {});
		toast(said);
	};
	const over = i?.state === 'closed';
	const mitigate = () => i?.state === 'open' && !operator && setAsk({ title: `Mitigate ${id}`, text: 'Users are not hurt any more. The incident stays open for what is left to do, and its time to restore stops here.', yes: 'It is mitigated', comment: 'How (a line of the timeline)', needsComment: true, act: act('mitigate', `${id} is mitigated`) });
	const note = () => i && !over && !developer && setAsk({ title: 'Add a note', text: 'A line of the timeline, with your name and the time. It stands in the post-mortem.', yes: 'Add it', comment: 'Note', needsComment: true, act: act('note', 'The note is added') });
	const close = () => i && !over && !operator && setAsk({ title: `Close ${id}`, text: 'Nothing is left to do. It stays readable; its post-mortem can still be exported.', yes: 'Close it', comment: 'What came of it (a line of the timeline)', needsComment: true, act: act('close', `${id} is closed`) });
	useShortcut('n', 'Add a note', 'Incident', () => void note());
	useShortcut('m', 'Mitigate', 'Incident', () => void mitigate());
	if (problem && !i)
		return (
			<div class="page">
				<Trail path={[{ href: '/incidents', text: 'Incidents' }]} at={id} />
				{problem.status === 404 ? <Empty icon="incidents" title={`There is no incident ${id}`} command="penstock incident list">All of them are in the <a href="/incidents">list</a>.</Empty> : <Failure problem={problem} />}
			</div>
		);
	if (!i) return <div class="page"><Skeleton lines={6} tall /></div>;
	const facts = factsOf(i, r, serverNow());
	return (
		<div class="page">
			<header class="page-head">
				<div>
					<Trail path={[{ href: '/incidents', text: 'Incidents' }]} at={id} />
					<h1 title={i.title}>{headOf(i.title) || id}</h1>
					<div class="facts">
						<StateBadge state={i.state} />
						{i.unit && <span><Icon name="release" size={14} />{i.unit}</span>}
						{i.environment && <a href={`/environments/${i.environment}`}><Icon name="environments" size={14} />{i.environment}</a>}
						{i.rollout && <a href={`/rollouts/${i.rollout}`}><Icon name="rollout" size={14} />{i.rollout}</a>}
						{i.release && <a href={`/releases/${i.release}`}><Icon name="release" size={14} />{i.release}</a>}
						{i.revert && <span><Icon name="rolled_back" size={14} />taken back in Git by <Digest value={i.revert} label="Copy the commit" /></span>}
						<span><Icon name="clock" size={14} />opened <Ago at={i.opened_at} /></span>
						{i.page && <span><Icon name="person" size={14} />{i.page} {i.paged ? 'was called' : 'is called'}</span>}
					</div>
				</div>
				<div class="button-row">
					{i.state === 'open' && <Button kind="primary" icon="check" why={operator} aria-keyshortcuts="m" onClick={() => void mitigate()}>Mitigate</Button>}
					{!over && <Button icon="audit" why={developer} aria-keyshortcuts="n" onClick={() => void note()}>Add a note</Button>}
					{!over && <Button icon="close" why={operator} onClick={() => void close()}>Close</Button>}
					<Button icon="down" onClick={() => setExport(true)}>Post-mortem</Button>
					<MoreMenu commands={[`penstock incident show ${id}`, `penstock incident note ${id} TEXT`]} json={path} />
				</div>
			</header>
			{facts.length > 0 && <dl class="panel fact-row">{facts.map((f) => <div key={f.name} title={f.about}><dt>{f.name}</dt><dd class="num">{f.value}</dd></div>)}</dl>}
			<div class="split">
				<div class="stack split-main">
					<Panel title="Timeline" note="with the deploys around it" flush>
						<div class="tl-heads" aria-hidden="true"><span /><span /><span>What happened</span><span>Deploys in {i.environment ?? 'the environment'}</span></div>
						<Timeline incident={i} />
					</Panel>
					{i.rollout && (
						<Panel title="Curves of its rollout" note={r ? <a href={`/rollouts/${r.id}`}>{r.unit} in {r.environment}</a> : null}>
							{!curves && <Skeleton lines={4} />}
							{curves && r && curves.t.length > 0 && <CurvesView rollout={r} curves={curves} brief />}
							{curves && curves.t.length === 0 && <p class="muted">No traffic was compared: it was taken back before, for another reason.</p>}
						</Panel>
					)}
				</div>
				<aside class="stack split-side split-side-flow" aria-label="Runbook"><RunbookPanel incident={i} />{!over && <p class="muted side-command">In a terminal: <Command text={`penstock incident show ${id}`} /></p>}</aside>
			</div>
			{ask && <Confirm {...ask} onClose={() => setAsk(null)} />}
			{export_ && <PostMortem id={id} onClose={() => setExport(false)} />}
		</div>
	);
}
