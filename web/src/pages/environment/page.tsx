// One environment: what runs there, what stands in the way, when it is open, and the way back to an earlier version.
import { useState } from 'preact/hooks';
import type { Drift, Was, Windows } from '../../api/deliver';
import { useQuery } from '../../api/hooks';
import { useMe, whyNot } from '../../api/me';
import type { Environment as EnvironmentT, Live, Rollout } from '../../api/types';
import { go, usePlace, withQuery } from '../../router';
import type { PageProps } from '../../routes';
import { Button, Digest, Empty, Failure, Skeleton, Table, useTitle } from '../../ui/basics';
import { duration, person, plural, serverNow, shortAge, shortDigest } from '../../ui/format';
import { Icon } from '../../ui/icon';
import { useShortcut } from '../../ui/keys';
import { StateIcon } from '../../ui/state';
import { Ago } from '../../ui/time';
import { MarkIcon } from '../environments/page';
import { windowNow } from '../environments/model';
import { share } from '../rollout/model';
import { MoreMenu, Note, Panel, Trail } from '../shared/bits';
import { Older, usePages } from '../shared/list';
import { LiftMark, markIcon, marksOf, markText, markTone, PlaceMark, RollBack, type Back, type MarkOf, type Place } from '../shared/marks';
import { Calendar } from './calendar';

const over = new Set(['done', 'aborted']);

function Marks({ env, onLift, may }: { env: EnvironmentT; onLift: (m: MarkOf) => void; may: string | undefined }) {
	const all = marksOf(env);
	return (
		<Panel title="Holds, pins, vetoes" id="marks" note={all.length ? String(all.length) : null} flush>
			{all.length === 0 && <p class="panel-body muted">Nothing stands in the way: no hold, no pin, no veto.</p>}
			<ul class="gate-list">
				{all.map((m) => (
					<li key={m.mark.id} class={`gate-row tone-${markTone[m.kind]}`}>
						<Icon name={markIcon[m.kind]} label={m.kind} />
						<div class="mark-text">
							<p><strong>{m.mark.unit ?? env.id}</strong> {{ hold: 'on hold', pin: 'pinned to', veto: 'vetoed:' }[m.kind]} {m.mark.image && <code title={m.mark.image}>{shortDigest(m.mark.image)}</code>} {m.mark.release && <a href={`/releases/${m.mark.release}`}>{m.mark.release}</a>} {m.mark.incident && <a href={`/incidents/${m.mark.incident}`}>{m.mark.incident}</a>}</p>
							{m.mark.reason && <p>{m.mark.reason}</p>}
							<p class="muted">by {person(m.mark.actor ?? 'somebody')} <Ago at={m.mark.since} />, {m.mark.until ? <>ends <Ago at={m.mark.until} /></> : 'until lifted'}</p>
						</div>
						<Button small why={may} onClick={() => onLift(m)}>Lift</Button>
					</li>
				))}
			</ul>
		</Panel>
	);
}

function History({ env, unit, onBack, may, marks }: { env: EnvironmentT; unit: string; onBack: (w: Was) => void; may: string | undefined; marks: MarkOf[] }) {
	const place = usePlace();
	const pages = usePages<Was>(`/environments/${encodeURIComponent(env.id)}/history?limit=20${unit ? `&unit=${encodeURIComponent(unit)}` : ''}`, 'history', (w) => `${w.rollout}`);
	const units = [...new Set((env.live ?? []).map((l) => l.unit))].sort();
	const vetoed = (w: Was) => marks.some((m) => m.kind === 'veto' && m.mark.image === w.image && (!m.mark.unit || m.mark.unit === w.unit));
	const current = (w: Was) => env.live?.some((l) => l.unit === w.unit && l.image === w.image);
	const why = (w: Was) => may ?? (current(w) ? 'It is live now' : vetoed(w) ? 'This digest is vetoed here: lift the veto first' : undefined);
	return (
		<Panel
			title="History" note="what was live from when to when" flush
			tools={
				<select class="choice" aria-label="Service" value={unit} onChange={(e) => go(withQuery(place, { service: e.currentTarget.value }), { keepScroll: true })}>
					<option value="">all services</option>
					{[...new Set([...(unit ? [unit] : []), ...units])].map((u) => <option key={u} value={u}>{u}</option>)}
				</select>
			}
		>
			{!pages.ready && pages.problem === undefined && <div class="panel-body"><Skeleton lines={4} /></div>}
			{pages.ready && pages.rows.length === 0 && <p class="panel-body muted">Nothing went live here yet.</p>}
			{pages.rows.length > 0 && (
				<Table
					caption={`What was live in ${env.id}, newest first`} rows={pages.rows} keyOf={(w) => `${w.rollout}`} narrow="stack"
					columns={[
						{ name: 'Service', cell: (w) => <strong>{w.unit}</strong> },
						{ name: 'Version', cell: (w) => <Digest value={w.image} /> },
						{ name: 'Change', wide: true, bare: true, cell: (w) => <span class="cut block-cut">{w.returns && <span class="chip"><Icon name="rolled_back" size={12} />returned</span>} <a href={`/releases/${w.release}`}>{w.subject ?? w.release}</a>{w.approved_by?.length ? <span class="muted"> approved by {w.approved_by.map(person).join(', ')}</span> : null}</span> },
						{ name: 'Live', number: true, cell: (w) => <span title={w.until ? `for ${duration(w.until - w.since)}` : 'since then'}>{w.until ? <><span class="muted">for {shortAge(w.until - w.since)}, </span><Ago at={w.since} /></> : <><span class="live-dot tone-ok"><Icon name="live" size={12} label="live" /></span> <Ago at={w.since} /></>}</span> },
						{ name: 'Return', number: true, bare: true, cell: (w) => <Button small icon="rolled_back" why={why(w)} aria-label={`Return ${w.unit} to ${shortDigest(w.image)}`} onClick={() => onBack(w)}>Return</Button> },
					]}
				/>
			)}
			<Older pages={pages} what="versions" />
		</Panel>
	);
}

export default function EnvironmentPage({ params }: PageProps) {
	const id = params['name'] as string;
	const path = `/environments/${encodeURIComponent(id)}`;
	const place = usePlace();
	const unit = place.query.get('service') ?? '';
	const { data: env, problem } = useQuery<EnvironmentT>(path);
	const { data: drift } = useQuery<Drift>(`${path}/drift`);
	const { data: windows, problem: noWindows } = useQuery<Windows>(`${path}/windows`);
	const rollouts = (useQuery<{ rollouts: Rollout[] }>(`/rollouts?environment=${encodeURIComponent(id)}&limit=50`).data?.rollouts ?? []).filter((r) => !over.has(r.state));
	const me = useMe();
	const may = whyNot(me, 'operator', id);
	const [open, setOpen] = useState<{ place?: Place; lift?: MarkOf; back?: Back } | null>(null);
	useTitle(id);
	const units = (env?.live ?? []).map((l) => l.unit).sort();
	const mark = (kind: Place['kind'], of?: Live) => setOpen({ place: { kind, environment: id, units, ...(of ? { unit: of.unit, image: kind === 'hold' ? undefined : of.image } : {}) } });
	useShortcut('h', 'Hold the environment', 'Environment', () => !may && env && mark('hold'));
	if (problem && !env)
		return (
			<div class="page">
				<Trail path={[{ href: '/environments', text: 'Environments' }]} at={id} />
				{problem.status === 404 ? <Empty icon="environments" title={`There is no environment ${id}`} command="penstock environments">penstock.yml names them, under environments.</Empty> : <Failure problem={problem} />}
			</div>
		);
	if (!env) return <div class="page"><Skeleton lines={6} tall /></div>;
	const marks = marksOf(env);
	const now = windowNow(windows, serverNow());
	const held = marks.find((m) => m.kind === 'hold' && !m.mark.unit);
	const production = env.stage === 'production';
	const live = [...(env.live ?? [])].sort((a, b) => a.unit.localeCompare(b.unit));
	const close = () => setOpen(null);
	return (
		<div class="page">
			<header class="page-head">
				<div>
					<Trail path={[{ href: '/environments', text: 'Environments' }]} at={id} />
					<h1>{id}</h1>
					<div class="facts">
						<span class="chip">stage {env.stage}</span>
						<span>{plural(live.length, 'service')}</span>
						{(drift?.drift ?? 0) > 0 && <span class="badge tone-wait"><Icon name="flaky" size={13} />{drift?.drift} {rollouts.length ? 'on their way' : 'drifted from Git'}</span>}
						{now && <span>{now.closed ? <span class="badge tone-wait"><Icon name="clock" size={13} />closed, opens <Ago at={now.until} /></span> : <><Icon name="clock" size={14} />open{now.until && <>, closes <Ago at={now.until} /></>}</>}</span>}
						{env.active && <a href={`/releases/${env.active}`}><Icon name="running" size={14} />{env.active} is on its way</a>}
						{(env.queue ?? []).map((r) => <a key={r} href={`/releases/${r}`}><Icon name="waiting" size={14} />{r} waits</a>)}
					</div>
				</div>
				<div class="button-row">
					<Button icon="hold" why={may} aria-keyshortcuts="h" onClick={() => mark('hold')}>Hold</Button>
					<Button icon="flag" why={may} onClick={() => mark('pin')}>Pin</Button>
					<Button icon="cancelled" why={may} onClick={() => mark('veto')}>Veto</Button>
					<MoreMenu commands={[`penstock environments`, `penstock hold ${id}`]} json={path} />
				</div>
			</header>
			{held && <Note tone="wait" icon="hold">{markText(held)}</Note>}
			<div class="split split-later">
				<div class="stack split-main">
					<Panel title="Live" note={plural(live.length, 'service')} flush>
						{live.length === 0 ? <p class="panel-body muted">Nothing runs here yet. A release that reaches this environment brings its services.</p> : (
							<Table
								caption={`Live in ${id}`} rows={live} keyOf={(l) => l.unit} narrow="stack"
								columns={[
									{
										name: 'Service', cell: (l) => {
											const moving = rollouts.find((r) => r.unit === l.unit);
											const drifted = drift?.units.find((u) => u.unit === l.unit && u.drift);
											return (
												<span class="env-signs">
													<strong>{l.unit}</strong>
													{moving && <a class="sign tone-run" href={`/rollouts/${moving.id}`}><StateIcon state={moving.state} size={13} />{shortDigest(moving.image)} at {share(moving.confirmed ?? 0)}</a>}
													{drifted && !moving && <span class="sign tone-wait" title={`Desired in Git: ${drifted.desired ?? 'nothing'}`}><Icon name="flaky" size={13} />Git wants {shortDigest(drifted.desired ?? '')}</span>}
													{marks.filter((m) => m.kind !== 'veto' && (m.mark.unit === l.unit || !m.mark.unit)).map((m) => <MarkIcon key={m.mark.id} of={m} />)}
												</span>
											);
										},
									},
									{ name: 'Version, release, live since', bare: true, cell: (l) => <span class="env-version"><Digest value={l.image} />{l.release && <a href={`/releases/${l.release}`}>{l.release}</a>}<span class="muted"><Ago at={l.since} /></span></span> },
									{
										name: 'Actions', number: true, bare: true, cell: (l) => (
											<span class="row-acts">
												<Button small kind="quiet" icon="flag" why={may} aria-label={`Pin ${l.unit} at this version`} title="Pin at this version" onClick={() => mark('pin', l)} />
												<Button small kind="quiet" icon="hold" why={may} aria-label={`Hold ${l.unit}`} title="Hold: nothing moves" onClick={() => mark('hold', l)} />
												<Button small kind="quiet" icon="cancelled" why={may} aria-label={`Veto this version of ${l.unit}`} title="Veto this version" onClick={() => mark('veto', l)} />
												<Button small icon="rolled_back" why={may ?? (l.previous ? undefined : 'There was no version before')} aria-label={`Return ${l.unit} to the version before`} onClick={() => setOpen({ back: { environment: id, production, unit: l.unit, image: l.previous, live: l.image } })}>Return</Button>
											</span>
										),
									},
								]}
							/>
						)}
					</Panel>
					<History env={env} unit={unit} may={may} marks={marks} onBack={(w) => setOpen({ back: { environment: id, production, unit: w.unit, image: w.image, live: env.live?.find((l) => l.unit === w.unit)?.image, release: w.release } })} />
				</div>
				<aside class="stack split-side" aria-label="When and whether">
					{noWindows && !windows && <Failure problem={noWindows} />}
					{windows && <Calendar windows={windows} />}
					<Marks env={env} may={may} onLift={(lift) => setOpen({ lift })} />
				</aside>
			</div>
			{open?.place && <PlaceMark place={open.place} onClose={close} />}
			{open?.lift && <LiftMark environment={id} of={open.lift} onClose={close} />}
			{open?.back && <RollBack back={open.back} onClose={close} />}
		</div>
	);
}
