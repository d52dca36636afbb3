// One release: what it is, what it changes, why it may go on or not, and a person's word on it.
import { useState } from 'preact/hooks';
import { write } from '../../api/client';
import { useQuery, useTick } from '../../api/hooks';
import { useMe, whyNot } from '../../api/me';
import { standing } from '../../api/standing';
import type { Environment, Release as ReleaseT, Rollout, Run } from '../../api/types';
import type { PageProps } from '../../routes';
import { Button, cx, Digest, Empty, Failure, Skeleton, Table, useTitle } from '../../ui/basics';
import { Confirm, type Ask } from '../../ui/dialog';
import { exact, plural, serverNow, shortDigest } from '../../ui/format';
import { Icon } from '../../ui/icon';
import { useShortcut } from '../../ui/keys';
import { StateBadge, StateIcon } from '../../ui/state';
import { Ago, Took } from '../../ui/time';
import { toast } from '../../ui/toast';
import { useFew } from '../shared/list';
import { ChangeFacts, MoreMenu, Note, Panel, Trail } from '../shared/bits';
import { cardOf, named, type Wait } from '../way/model';
import { Diff } from './diff';
import { Evidence } from './evidence';
import { Approvals, Gate } from './gate';
import { isOver, mayBeDecided, productionOf, requirementWaits, stagesOf, stageTook, waitsForPeople } from './model';

const stepTone = { done: 'ok', now: 'run', bad: 'bad', next: 'idle' };
const stepIcon = { done: 'check', now: 'running', bad: 'failed', next: 'blocked' } as const;

function Stages({ release, run }: { release: ReleaseT; run: Run | undefined }) {
	useTick(isOver(release) ? null : 1000);
	return (
		<ol class="stages" aria-label="Stages">
			{stagesOf(release, run).map((s) => (
				<li key={s.name} class={cx('stage-step', `tone-${s.state === 'now' && release.state === 'staged' ? 'wait' : stepTone[s.state]}`, s.state === 'now' && 'stage-now')} aria-current={s.state === 'now' ? 'step' : undefined}>
					<Icon name={s.state === 'now' && release.state === 'staged' ? 'waiting' : stepIcon[s.state]} size={14} label={{ done: 'done', now: 'under way', bad: 'ended here', next: 'not reached' }[s.state]} />
					<span>{s.name}</span>
					{s.from && <span class="num muted" title={`${exact(s.from)}${s.to ? ` to ${exact(s.to)}` : ''}`}>{stageTook(s, serverNow())}</span>}
				</li>
			))}
		</ol>
	);
}

function Items({ release, rollouts, environments }: { release: ReleaseT; rollouts: Rollout[]; environments: Environment[] }) {
	const items = [...(release.items ?? [])].sort((a, b) => (a.wave ?? 0) - (b.wave ?? 0) || a.unit.localeCompare(b.unit));
	const waves = new Set(items.map((i) => i.wave ?? 0)).size;
	const few = useFew(items, 12, 'services');
	const stages = environments.filter((e) => e.stage === 'staging' || e.stage === 'production');
	const where = (id: string | undefined, skipped: boolean | undefined, done: boolean | undefined) => {
		if (skipped) return <span class="muted" title="The very same digest was live there already">was there</span>;
		if (!id) return <span class="muted">{done ? 'done' : 'not yet'}</span>;
		const ro = rollouts.find((r) => r.id === id);
		return <a class="state-link" href={`/rollouts/${id}`}>{ro ? <StateBadge state={ro.state} /> : id}</a>;
	};
	return (
		<Panel title="Services" note={plural(items.length, 'artifact')} flush>
			<Table
				caption="Services of this release" rows={few.shown} keyOf={(i) => i.unit} narrow="stack"
				columns={[
					{ name: 'Service', cell: (i) => <strong>{i.unit}</strong> },
					...(waves > 1 ? [{ name: 'Wave', number: true, cell: (i: (typeof items)[number]) => <span title="Waves go one after the other: providers before who calls them">{(i.wave ?? 0) + 1}</span> }] : []),
					{ name: 'Digest', cell: (i) => <Digest value={i.image} /> },
					...stages.map((e) => ({
						name: e.id,
						cell: (i: (typeof items)[number]) => (e.stage === 'staging' ? where(i.staging_rollout, i.staging_skipped, i.staging_done) : where(i.production_rollout, i.production_skipped, i.production_done)),
					})),
				]}
			/>
			{few.more && <div class="panel-foot">{few.more}</div>}
		</Panel>
	);
}

function Rollouts({ all }: { all: Rollout[] }) {
	const rank = (r: Rollout) => (r.state === 'done' ? 2 : r.state === 'aborted' ? 1 : 0); // what moves first, then what went wrong
	const few = useFew([...all].sort((a, b) => rank(a) - rank(b)), 8, 'rollouts');
	if (!all.length) return null;
	return (
		<Panel title="Rollouts" note={String(all.length)} flush>
			<ul class="rows">
				{few.shown.map((r) => (
					<li key={r.id}><a class="row" href={`/rollouts/${r.id}`}><StateIcon state={r.state} /><span class="cut">{r.unit} in {r.environment}{r.is_return ? ' (return)' : ''}</span><span class="muted num"><Ago at={r.created_at} short /></span></a></li>
				))}
			</ul>
			{few.more && <div class="panel-foot">{few.more}</div>}
		</Panel>
	);
}

export default function ReleasePage({ params }: PageProps) {
	const id = params['id'] as string;
	const path = `/releases/${encodeURIComponent(id)}`;
	const { data: release, problem } = useQuery<ReleaseT>(path);
	const { data: run } = useQuery<Run>(release?.run ? `/runs/${release.run}` : null);
	const rollouts = useQuery<{ rollouts: Rollout[] }>(`/rollouts?release=${encodeURIComponent(id)}&limit=200`).data?.rollouts ?? [];
	const environments = useQuery<{ environments: Environment[] }>('/environments').data?.environments ?? [];
	const me = useMe();
	const [ask, setAsk] = useState<Omit<Ask, 'onClose'> | null>(null);
	useTitle(release?.change?.subject ?? id);
	const production = productionOf(environments);
	const open = release ? mayBeDecided(release) : false;
	const mayDecide = whyNot(me, 'approver', production);
	const decide = (ok: boolean) => {
		if (!release || !open || mayDecide) return;
		const subject = release.change?.subject ?? id;
		setAsk({
			title: ok ? `Approve ${id}` : `Reject ${id}`, yes: ok ? 'Approve' : 'Reject', danger: !ok, comment: ok ? 'Comment (stands in the signed decision)' : 'Why (stands in the signed decision, and its author reads it)', needsComment: !ok,
			text: (
				<>
					<p><strong>{subject}</strong> by {release.change?.author ?? 'somebody'}: {(release.items ?? []).map((i) => `${i.unit} ${shortDigest(i.image)}`).join(', ')}.</p>
					<p>{ok ? `With your word it may go to ${production ?? 'production'} once every other requirement of the gate is met.` : 'It ends here, whatever others said. A new push makes a new release.'}</p>
				</>
			),
			act: async (comment) => {
				await write('POST', `${path}/approve`, { ok, ...(comment ? { comment } : {}) });
				toast(ok ? `${id}: approved` : `${id}: rejected`);
			},
		});
	};
	useShortcut('a', 'Approve the release', 'Release', () => decide(true));
	useShortcut('x', 'Reject the release', 'Release', () => decide(false));
	if (problem && !release)
		return (
			<div class="page">
				<Trail path={[{ href: '/releases', text: 'Releases' }]} at={id} />
				{problem.status === 404 ? <Empty icon="release" title={`There is no release ${id}`} command="penstock status">A release comes of a run that made images. All of them are in the <a href="/releases">list</a>.</Empty> : <Failure problem={problem} />}
			</div>
		);
	if (!release) return <div class="page"><Skeleton lines={6} tall /></div>;
	const going = isOver(release) ? false : release.environment !== undefined && release.state !== 'staged';
	const abort = () =>
		setAsk({
			title: `Abort ${id}`, yes: 'Abort the release', danger: true, comment: 'Why (kept in the journal)', needsComment: true,
			...(release.state === 'promoting' ? { typed: id } : {}),
			text: going ? <>What it already brought to <strong>{release.environment}</strong> is taken back at once, in the reverse order: traffic first.</> : 'It has brought nothing anywhere yet: it just ends here, as rejected.',
			act: async (reason) => {
				await write('POST', `${path}/abort`, { reason });
				toast(`${id} is aborted`);
			},
		});
	const card = run ? cardOf(run, { runs: [run], live: [], releases: [release], rollouts, environments }) : undefined;
	const waits: Wait[] = release.state === 'staged' ? requirementWaits(release) : (card?.waits ?? []).filter((w) => !w.bad);
	return (
		<div class="page">
			<header class="page-head">
				<div>
					<Trail path={[{ href: '/releases', text: 'Releases' }]} at={id} />
					<h1>{release.change?.subject ?? id}</h1>
					<div class="facts">
						<StateBadge state={standing(release)} {...(release.rolling_back && !isOver(release) ? { text: 'being taken back' } : {})} />
						<ChangeFacts change={release.change ?? {}} />
						{release.run && <a href={`/runs/${release.run}`}><Icon name="runs" size={14} />{release.run}</a>}
						<span><Icon name="clock" size={14} />built <Ago at={release.built_at} /></span>
					</div>
				</div>
				<div class="button-row">
					{open && <Button kind={waitsForPeople(release) ? 'primary' : 'plain'} icon="check" why={mayDecide} aria-keyshortcuts="a" onClick={() => decide(true)}>Approve</Button>}
					{open && <Button kind="danger" icon="close" why={mayDecide} aria-keyshortcuts="x" onClick={() => decide(false)}>Reject</Button>}
					{!isOver(release) && <Button icon="stop" why={whyNot(me, 'operator', release.environment ?? production)} onClick={abort}>Abort</Button>}
					<MoreMenu commands={[`penstock why ${id}`, `penstock approve ${id}`, `penstock abort ${id}`]} json={path} />
				</div>
			</header>
			<Stages release={release} run={run} />
			{release.reason && !['live', 'replaced'].includes(standing(release)) && (
				<Note tone={release.state === 'superseded' ? 'idle' : 'bad'} icon={release.state === 'superseded' ? 'superseded' : 'failed'}>
					{named(release.reason)}{release.incident && <> <a href={`/incidents/${release.incident}`}>{release.incident}</a></>}
				</Note>
			)}
			{waits.length > 0 && (
				<div class="notice tone-wait">
					<Icon name="waiting" />
					<div>
						<strong>Waits for</strong>
						<ul class="wait-list">
							{waits.map((w) => (
								<li key={w.text}><Icon name={w.icon} size={14} /><span>{w.href ? <a href={w.href}>{w.text}</a> : w.text}{w.since && <span class="muted nowrap"> for <Took from={w.since} /></span>}</span></li>
							))}
						</ul>
					</div>
				</div>
			)}
			<div class="split">
				<div class="stack split-main">
					<Items release={release} rollouts={rollouts} environments={environments} />
					<Diff release={release} />
					<Evidence release={release} />
				</div>
				<aside class="stack split-side" aria-label="Decision">
					<Gate release={release} />
					<Approvals release={release} />
					<Rollouts all={rollouts} />
				</aside>
			</div>
			{ask && <Confirm {...ask} onClose={() => setAsk(null)} />}
		</div>
	);
}
