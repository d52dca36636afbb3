// One rollout: how much traffic the new version has, what the verdict knows, what comes next, and the hand on the lever.
import { useState } from 'preact/hooks';
import { write } from '../../api/client';
import type { Curves } from '../../api/deliver';
import { useQuery } from '../../api/hooks';
import { useMe, whyNot } from '../../api/me';
import type { Environment, Incident, Release, Rollout as RolloutT } from '../../api/types';
import type { PageProps } from '../../routes';
import { Button, Digest, Empty, Failure, Skeleton, useTitle } from '../../ui/basics';
import { Confirm, type Ask } from '../../ui/dialog';
import { plural, shortDigest } from '../../ui/format';
import { Icon } from '../../ui/icon';
import { useShortcut } from '../../ui/keys';
import { StateBadge } from '../../ui/state';
import { Ago, Took } from '../../ui/time';
import { toast } from '../../ui/toast';
import { MoreMenu, Note, Panel, Trail } from '../shared/bits';
import { CurvesView } from '../shared/curves_view';
import { LiftMark, marksOf, markText, PlaceMark, RollBack, type MarkOf } from '../shared/marks';
import { canDo, rolloutIsOver, share, stepRows, verdictWords } from './model';
import { Decisions, Steps } from './steps';
import { Traffic } from './traffic';
import { Verdict } from './verdict';

export default function RolloutPage({ params }: PageProps) {
	const id = params['id'] as string;
	const path = `/rollouts/${encodeURIComponent(id)}`;
	const { data: r, problem } = useQuery<RolloutT>(path);
	const { data: curves, problem: noCurves } = useQuery<Curves>(`${path}/curves`);
	const { data: env } = useQuery<Environment>(r ? `/environments/${encodeURIComponent(r.environment)}` : null);
	const { data: release } = useQuery<Release>(r ? `/releases/${encodeURIComponent(r.release)}` : null);
	const incident = useQuery<{ incidents: Incident[] }>(r && (r.state === 'aborting' || r.state === 'aborted') ? `/incidents?rollout=${encodeURIComponent(id)}&limit=1` : null).data?.incidents[0];
	const me = useMe();
	const [ask, setAsk] = useState<Omit<Ask, 'onClose'> | null>(null);
	const [open, setOpen] = useState<'hold' | 'back' | MarkOf | null>(null);
	useTitle(r ? `${r.unit} in ${r.environment}` : id);
	const production = env?.stage === 'production';
	const role = r ? whyNot(me, 'operator', r.environment) : undefined;
	const isLive = (env?.live ?? []).some((l) => l.unit === r?.unit && l.image === r?.image);
	const can = r ? canDo(r, isLive) : undefined;
	const next = r?.strategy?.steps?.[(r.step ?? 0) + 1];
	const act = (verb: string, said: string) => async (reason: string) => {
		await write('POST', `${path}/${verb}`, reason ? { reason } : {});
		toast(said);
	};
	const promote = () => {
		if (!r || role || can?.promote) return;
		setAsk({ title: `Promote ${r.unit} to ${share(next?.share ?? 1)}`, yes: `Promote to ${share(next?.share ?? 1)}`, comment: 'Why (kept in the journal)', needsComment: true, ...(production ? { typed: r.unit } : {}), text: `The next step begins now, without waiting for the verdict: ${share(next?.share ?? 1)} of the traffic of ${r.environment} goes to ${shortDigest(r.image)}. Harm is looked for as before.`, act: act('promote', `${r.unit} is promoted`) });
	};
	const abort = () => {
		if (!r || role || can?.abort) return;
		setAsk({ title: `Abort ${r.unit} in ${r.environment}`, yes: 'Abort the rollout', danger: true, comment: 'Why (kept in the journal)', needsComment: true, ...(production ? { typed: r.unit } : {}), text: <>All traffic goes back to the old version{r.previous && <> <code>{shortDigest(r.previous)}</code></>} at once. {release && <>The release {release.id} takes back what it brought here.</>}</>, act: act('abort', `${r.unit} is being taken back`) });
	};
	useShortcut('p', 'Promote to the next step', 'Rollout', promote);
	useShortcut('h', 'Hold the service', 'Rollout', () => !role && r && !rolloutIsOver(r) && setOpen('hold'));
	if (problem && !r)
		return (
			<div class="page">
				<Trail path={[{ href: '/rollouts', text: 'Rollouts' }]} at={id} />
				{problem.status === 404 ? <Empty icon="rollout" title={`There is no rollout ${id}`} command="penstock rollouts">A rollout brings one service of a release to one environment. All of them are in the <a href="/rollouts">list</a>.</Empty> : <Failure problem={problem} />}
			</div>
		);
	if (!r || !can) return <div class="page"><Skeleton lines={6} tall /></div>;
	const over = rolloutIsOver(r) || r.state === 'aborting';
	const hold = marksOf(env).find((m) => m.kind === 'hold' && (!m.mark.unit || m.mark.unit === r.unit));
	const words = verdictWords(r, curves);
	return (
		<div class="page">
			<header class="page-head">
				<div>
					<Trail path={[{ href: '/rollouts', text: 'Rollouts' }, { href: `/environments/${r.environment}`, text: r.environment }]} at={id} />
					<h1>{r.unit} in {r.environment}</h1>
					<div class="facts">
						<StateBadge state={r.state} {...(r.is_return ? { text: r.state === 'done' ? 'returned' : 'returning' } : {})} />
						<span class="from-to">
							{r.previous ? <code title={r.previous}>{shortDigest(r.previous)}</code> : <span class="muted">nothing</span>}
							<Icon name="right" size={12} label="becomes" />
							<Digest value={r.image} />
						</span>
						<a href={`/releases/${r.release}`}><Icon name="release" size={14} />{release?.change?.subject ?? r.release}</a>
						<span><Icon name="clock" size={14} />begun <Ago at={r.created_at} /></span>
						<span class="muted">{over ? 'took' : 'for'} <Took from={r.created_at} to={r.ended_at} /></span>
					</div>
				</div>
				<div class="button-row">
					{!over && <Button icon="play" why={can.promote ?? role} aria-keyshortcuts="p" onClick={promote}>Promote{next && !can.promote ? ` to ${share(next.share ?? 1)}` : ''}</Button>}
					{!over && (hold ? <Button icon="hold" why={role} onClick={() => setOpen(hold)}>Lift the hold</Button> : <Button icon="hold" why={role} aria-keyshortcuts="h" onClick={() => setOpen('hold')}>Hold</Button>)}
					{!over && <Button kind="danger" icon="stop" why={can.abort ?? role} onClick={abort}>Abort</Button>}
					{r.state === 'done' && <Button kind="danger" icon="rolled_back" why={can.rollback ?? role} onClick={() => setOpen('back')}>Roll back</Button>}
					<MoreMenu commands={[`penstock why ${id}`, `penstock promote ${id}`, `penstock rollback ${r.environment} ${r.unit}`]} json={`${path}/curves`} />
				</div>
			</header>
			{hold && !over && <Note tone="wait" icon="hold">{markText(hold)}</Note>}
			{r.reason && (r.state === 'aborted' || r.state === 'aborting') && <Note tone="bad" icon="rolled_back">{r.reason}{incident && <> <a href={`/incidents/${incident.id}`}>{incident.id}</a></>}</Note>}
			<Traffic rollout={r} />
			<div class="split">
				<div class="stack split-main">
					<Panel title="Old and new, side by side" note={curves?.t.length ? `${plural(curves.t.length * curves.seconds, 'second')} of traffic` : null}>
						{noCurves && !curves && <Failure problem={noCurves} />}
						{!curves && !noCurves && <Skeleton lines={5} />}
						{curves && curves.t.length === 0 && <p class="muted">{words.text}</p>}
						{curves && curves.t.length > 0 && <CurvesView rollout={r} curves={curves} />}
					</Panel>
					<Panel title="Decisions" note={curves?.decisions.length ? String(curves.decisions.length) : null} flush><Decisions curves={curves} /></Panel>
				</div>
				<aside class="stack split-side" aria-label="Verdict and steps">
					<Verdict rollout={r} curves={curves} words={words} />
					<Steps rows={stepRows(r, curves)} rollout={r} />
				</aside>
			</div>
			{ask && <Confirm {...ask} onClose={() => setAsk(null)} />}
			{open === 'hold' && <PlaceMark place={{ kind: 'hold', environment: r.environment, unit: r.unit, units: [r.unit] }} onClose={() => setOpen(null)} />}
			{open === 'back' && <RollBack back={{ environment: r.environment, production, unit: r.unit, live: r.image }} onClose={() => setOpen(null)} />}
			{open && typeof open === 'object' && <LiftMark environment={r.environment} of={open} onClose={() => setOpen(null)} />}
		</div>
	);
}
